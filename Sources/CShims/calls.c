#define _GNU_SOURCE
#include "CShims.h"
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

int cake_syncfs(int descriptor) { return syncfs(descriptor); }

int cake_start_writing(int descriptor, int64_t offset, int64_t count) {
    return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

int cake_clone(int to, int from) { return ioctl(to, FICLONE, from); }

int cake_fallocate(int descriptor, int64_t size) { return fallocate(descriptor, 0, 0, size); }

int cake_accept(int listening) { return accept4(listening, NULL, NULL, SOCK_CLOEXEC); }

int cake_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int cake_memory_file(void) { return memfd_create("cake", MFD_CLOEXEC); }

char **cake_environment(void) { return environ; }

int cake_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

void cake_log(const char *text) {
    openlog("cake", LOG_PID, LOG_DAEMON);
    syslog(LOG_WARNING, "%s", text);
}

int32_t cake_load(const int32_t *place) { return __atomic_load_n(place, __ATOMIC_RELAXED); }
