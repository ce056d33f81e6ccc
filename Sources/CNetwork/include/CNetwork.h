// libcurl's and libmicrohttpd's variadic functions, which Swift does not import: one function for each argument type.
#pragma once
#include <curl/curl.h>
#include <microhttpd.h>
#include <stdint.h>

typedef size_t (*cake_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

/// Before a request is sent on a connection, new or used again: CURL_PREREQFUNC_OK, or CURL_PREREQFUNC_ABORT.
typedef int (*cake_curl_judge)(void *context, char *there, char *here, int port_there, int port_here);

CURLcode cake_curl_set_number(CURL *handle, CURLoption option, long value);
CURLcode cake_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
/// libcurl keeps a copy of the text.
CURLcode cake_curl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode cake_curl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode cake_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value);
CURLcode cake_curl_set_receiver(CURL *handle, CURLoption option, cake_curl_receiver value);
CURLcode cake_curl_set_judge(CURL *handle, cake_curl_judge value);
CURLcode cake_curl_get_number(CURL *handle, CURLINFO info, long *value);
CURLcode cake_curl_get_offset(CURL *handle, CURLINFO info, curl_off_t *value);
CURLcode cake_curl_get_pointer(CURL *handle, CURLINFO info, void **value);
CURLMcode cake_curl_multi_set_number(CURLM *multi, CURLMoption option, long value);
/// The result of a finished transfer; only for messages of CURLMSG_DONE.
CURLcode cake_curl_message_result(const CURLMsg *message);
/// The file of trusted certificates that libcurl was built with; NULL if there is none.
const char *cake_curl_certificates(void);
const char *cake_curl_version(void);
/// NULL where libmicrohttpd has no TLS.
const char *cake_gnutls_version(void);

struct cake_http_server {
    unsigned threads, connections_per_client, idle_seconds;
    size_t connection_memory;
    /// PEM, both or neither.
    const char *certificate, *key;
    void *context;
    MHD_AccessHandlerCallback handle;
    /// With the address as it was sent; what it returns belongs to the request until `end`.
    void *(*begin)(void *context, const char *address, struct MHD_Connection *connection);
    MHD_RequestCompletedCallback end;
    MHD_NotifyConnectionCallback connection;
};

/// NULL if it cannot start. It does not listen: MHD_add_connection gives it connections.
struct MHD_Daemon *cake_http_start(const struct cake_http_server *server);
/// The next connection of a listener, or -1.
int cake_http_accept(int listener, struct sockaddr_storage *address, socklen_t *length);
unsigned cake_http_connections(struct MHD_Daemon *daemon);
/// Nanoseconds since some moment.
int64_t cake_http_now(void);
/// How many bytes have come over a socket, and were acknowledged by its other end.
uint64_t cake_http_moved(int socket);
int cake_http_socket(struct MHD_Connection *connection);
/// The value that `connection` returned for it.
void *cake_http_own(struct MHD_Connection *connection);
void cake_http_client(struct MHD_Connection *connection, char *text, size_t size);
