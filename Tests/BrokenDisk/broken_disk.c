// A library that is loaded before libc (LD_PRELOAD) and makes a disk behave as some shared file systems do. CAKE_BROKEN
// says how, CAKE_BROKEN_UNDER for which files:
//   flock        every lock is granted
//   exclusive    a file that must be new may be there already
//   gap          a rename removes its target first, and is late
//   busy         a rename over a file that any process has open fails
//   late N       the bytes of the Nth write are lost; fsync, syncfs or close says so, whichever comes first
// scripts/interop/shared compiles and uses it.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { descriptors = 4096 };
static _Atomic char lost[descriptors];
static atomic_long writes;
static _Atomic int lostOne;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is(const char *word) {
    const char *set = getenv("CAKE_BROKEN");
    return set && !strncmp(set, word, strlen(word));
}

static int isUnder(const char *path) {
    const char *root = getenv("CAKE_BROKEN_UNDER");
    return root && path && !strncmp(path, root, strlen(root));
}

static int isOpenUnder(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return isUnder(path);
}

int flock(int descriptor, int operation) {
    if (is("flock") && isOpenUnder(descriptor)) return 0;
    return REAL(flock)(descriptor, operation);
}

static int openAs(const char *path, int flags, mode_t mode) {
    if (is("exclusive") && isUnder(path)) flags &= ~O_EXCL;
    return REAL(openat)(AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openAs(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openAs(path, flags, mode);
}

// Whether any process has the file open.
static int isBusy(const char *path) {
    struct stat wanted, found;
    if (stat(path, &wanted) || !S_ISREG(wanted.st_mode)) return 0;
    DIR *processes = opendir("/proc");
    if (!processes) return 0;
    int busy = 0;
    for (struct dirent *process; !busy && (process = readdir(processes));) {
        if (process->d_name[0] < '0' || process->d_name[0] > '9') continue;
        char folder[300];
        snprintf(folder, sizeof folder, "/proc/%s/fd", process->d_name);
        DIR *files = opendir(folder);
        if (!files) continue;
        for (struct dirent *file; !busy && (file = readdir(files));) {
            char name[600];
            snprintf(name, sizeof name, "%s/%s", folder, file->d_name);
            busy = file->d_name[0] != '.' && !stat(name, &found) && found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino;
        }
        closedir(files);
    }
    closedir(processes);
    return busy;
}

int rename(const char *from, const char *to) {
    if (isUnder(to) && is("busy") && isBusy(to)) {
        errno = EBUSY;
        return -1;
    }
    struct stat there;
    if (isUnder(to) && is("gap") && !stat(to, &there) && S_ISREG(there.st_mode)) {
        unlink(to);
        usleep(20000);
    }
    return REAL(rename)(from, to);
}

static ssize_t put(int descriptor, const void *bytes, size_t count, off64_t offset) {
    const char *set = getenv("CAKE_BROKEN");
    if (set && !strncmp(set, "late ", 5) && descriptor < descriptors && isOpenUnder(descriptor)
        && atomic_fetch_add(&writes, 1) + 1 == atol(set + 5)) {
        atomic_store(&lost[descriptor], 1);
        atomic_store(&lostOne, 1);
        // The file has the length, as on a disk whose cache took the bytes.
        struct stat there;
        if (!fstat(descriptor, &there) && there.st_size < offset + (off64_t)count) ftruncate(descriptor, offset + count);
        return count;
    }
    return REAL(pwrite64)(descriptor, bytes, count, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) { return put(descriptor, bytes, count, offset); }
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) { return put(descriptor, bytes, count, offset); }

// Said once.
static int fails(int descriptor) {
    return descriptor >= 0 && descriptor < descriptors && atomic_exchange(&lost[descriptor], 0);
}

int fsync(int descriptor) {
    if (fails(descriptor)) {
        errno = EIO;
        return -1;
    }
    return REAL(fsync)(descriptor);
}

int syncfs(int descriptor) {
    if (atomic_exchange(&lostOne, 0)) {
        errno = EIO;
        return -1;
    }
    return REAL(syncfs)(descriptor);
}

int close(int descriptor) {
    int failed = fails(descriptor);
    int result = REAL(close)(descriptor);
    if (!failed) return result;
    errno = EIO;
    return -1;
}
