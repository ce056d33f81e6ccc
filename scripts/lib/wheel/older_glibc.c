// What cake and libstdc++ take from glibc 2.32 and 2.34, for a program that also runs with 2.31.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>

/// False is always safe: libstdc++ then counts references with atomic instructions.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

/// glibc's own where it has one. Otherwise what is open now and was not opened with O_CLOEXEC.
__attribute__((visibility("hidden"))) int
posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first) {
    int (*own)(posix_spawn_file_actions_t *, int) = dlsym(RTLD_DEFAULT, "posix_spawn_file_actions_addclosefrom_np");
    if (own && own != posix_spawn_file_actions_addclosefrom_np) return own(actions, first);
    DIR *open = opendir("/proc/self/fd");
    if (!open) return errno;
    int status = 0;
    for (struct dirent *entry; status == 0 && (entry = readdir(open));) {
        int descriptor = atoi(entry->d_name);
        if (descriptor >= first && descriptor != dirfd(open)) status = posix_spawn_file_actions_addclose(actions, descriptor);
    }
    closedir(open);
    return status;
}
