#define _GNU_SOURCE
#include "CNetwork.h"
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <string.h>
#include <time.h>

// The code that accepts connections has the limit. At a limit of its own, a thread of 0.9.75 waits forever for itself
// when the connection was given to it.
static const unsigned UNLIMITED = 1u << 30;

// A path is split at its slashes before it is decoded; therefore its percent signs stay.
static size_t keep_as_it_is(void *context, struct MHD_Connection *connection, char *text) {
    (void)context, (void)connection;
    return strlen(text);
}

struct MHD_Daemon *cake_http_start(const struct cake_http_server *server) {
    // Nothing older than TLS 1.2.
    struct MHD_OptionItem tls[] = {
        {server->key ? MHD_OPTION_HTTPS_MEM_KEY : MHD_OPTION_END, 0, (void *)server->key},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)server->certificate},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                     (server->key ? MHD_USE_TLS : 0);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, server->handle, server->context,
        MHD_OPTION_THREAD_POOL_SIZE, server->threads,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, server->connection_memory, MHD_OPTION_CONNECTION_LIMIT, UNLIMITED,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, server->connections_per_client, MHD_OPTION_CONNECTION_TIMEOUT,
        server->idle_seconds, MHD_OPTION_URI_LOG_CALLBACK, server->begin, server->context, MHD_OPTION_NOTIFY_COMPLETED,
        server->end, server->context, MHD_OPTION_NOTIFY_CONNECTION, server->connection, server->context,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_as_it_is, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls,
        MHD_OPTION_END);
}

// GnuTLS comes with libmicrohttpd, and cake does not link it itself.
__attribute__((weak)) const char *gnutls_check_version(const char *wanted);

const char *cake_gnutls_version(void) { return gnutls_check_version ? gnutls_check_version(NULL) : NULL; }

int cake_http_accept(int listener, struct sockaddr_storage *address, socklen_t *length) {
    *length = sizeof *address;
    return accept4(listener, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

unsigned cake_http_connections(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

int64_t cake_http_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

uint64_t cake_http_moved(int socket) {
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
    return info.tcpi_bytes_acked + info.tcpi_bytes_received;
}

int cake_http_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

void *cake_http_own(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void cake_http_client(struct MHD_Connection *connection, char *text, size_t size) {
    text[0] = 0;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr) return;
    const struct sockaddr *address = info->client_addr;
    if (address->sa_family == AF_INET) inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, size);
    if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, size);
}
