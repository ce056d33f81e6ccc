#ifdef CAKE_MOUNT
#define FUSE_USE_VERSION 314
#define _GNU_SOURCE
#include "CMount.h"
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_log.h>
#include <fuse3/fuse_lowlevel.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

struct cake_mount {
    struct fuse_session *session;
    cake_callbacks calls;
    void *context;
};

struct cake_folder_reply {
    fuse_req_t request;
    char *room;
    size_t size;
    size_t used;
    // The nodes that the kernel is told of.
    uint64_t *told;
    size_t told_count;
};

// The largest read of the kernel: 256 pages.
enum { most_read = 1 << 20, most_ahead = 4 << 20, most_background = 16 };

static cake_mount *mount_of(fuse_req_t request) { return fuse_req_userdata(request); }

static void fill(struct stat *status, const cake_entry *entry) {
    memset(status, 0, sizeof *status);
    status->st_ino = entry->inode;
    status->st_mode = entry->mode;
    status->st_nlink = entry->links;
    status->st_uid = getuid();
    status->st_gid = getgid();
    status->st_size = (off_t)entry->size;
    status->st_blksize = most_read;
    status->st_blocks = (blkcnt_t)((entry->size + 511) / 512);
    status->st_mtim.tv_sec = status->st_atim.tv_sec = entry->modified;
    status->st_ctim.tv_sec = entry->changed;
}

static void fill_parameters(struct fuse_entry_param *parameters, const cake_entry *entry) {
    memset(parameters, 0, sizeof *parameters);
    parameters->ino = entry->node;
    parameters->entry_timeout = entry->entry_life;
    parameters->attr_timeout = entry->attributes_life;
    fill(&parameters->attr, entry);
}

static void on_init(void *context, struct fuse_conn_info *connection) {
    cake_mount *mount = context;
    unsigned wanted = FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ | FUSE_CAP_READDIRPLUS |
                      FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA;
    connection->want |= wanted & connection->capable;
    // Content never changes: a new time is no reason to drop pages.
    connection->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
    // A program that waits for such a read could not be killed.
    connection->want &= ~(unsigned)FUSE_CAP_ASYNC_DIO;
    connection->max_read = most_read;
    connection->max_readahead = most_ahead;
    connection->max_background = most_background;
    connection->congestion_threshold = most_background * 3 / 4;
    mount->calls.ready(mount->context);
}

static void on_lookup(fuse_req_t request, fuse_ino_t folder, const char *name) {
    cake_mount *mount = mount_of(request);
    cake_entry entry;
    struct fuse_entry_param parameters;
    int number = mount->calls.lookup(mount->context, folder, name, &entry);
    if (number != 0) {
        fuse_reply_err(request, number);
        return;
    }
    fill_parameters(&parameters, &entry);
    // A caller that was interrupted takes no entry.
    if (fuse_reply_entry(request, &parameters) != 0) mount->calls.forget(mount->context, entry.node, 1);
}

static void on_forget(fuse_req_t request, fuse_ino_t node, uint64_t count) {
    cake_mount *mount = mount_of(request);
    mount->calls.forget(mount->context, node, count);
    fuse_reply_none(request);
}

static void on_forget_many(fuse_req_t request, size_t count, struct fuse_forget_data *forgotten) {
    cake_mount *mount = mount_of(request);
    for (size_t i = 0; i < count; i++) mount->calls.forget(mount->context, forgotten[i].ino, forgotten[i].nlookup);
    fuse_reply_none(request);
}

static void on_attributes(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    cake_mount *mount = mount_of(request);
    cake_entry entry;
    struct stat status;
    (void)file;
    int number = mount->calls.attributes(mount->context, node, &entry);
    if (number != 0) {
        fuse_reply_err(request, number);
        return;
    }
    fill(&status, &entry);
    fuse_reply_attr(request, &status, entry.attributes_life);
}

static void on_target(fuse_req_t request, fuse_ino_t node) {
    cake_mount *mount = mount_of(request);
    char room[PATH_MAX];
    int number = mount->calls.target(mount->context, node, room, sizeof room);
    if (number != 0) fuse_reply_err(request, number);
    else fuse_reply_readlink(request, room);
}

static void on_open(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    cake_mount *mount = mount_of(request);
    if ((file->flags & O_ACCMODE) != O_RDONLY || (file->flags & O_TRUNC) != 0) {
        fuse_reply_err(request, EROFS);
        return;
    }
    uint64_t handle = 0;
    int is_fixed = 0;
    int number = mount->calls.open(mount->context, node, &handle, &is_fixed);
    if (number != 0) {
        fuse_reply_err(request, number);
        return;
    }
    file->fh = handle;
    file->keep_cache = is_fixed != 0;
    file->noflush = 1;
    if (fuse_reply_open(request, file) != 0) mount->calls.close(mount->context, handle);
}

static void on_read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
    cake_mount *mount = mount_of(request);
    (void)node;
    mount->calls.read(mount->context, file->fh, (uint64_t)offset, size, request);
}

static void on_close(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    cake_mount *mount = mount_of(request);
    (void)node;
    mount->calls.close(mount->context, file->fh);
    fuse_reply_err(request, 0);
}

static void on_open_folder(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    cake_mount *mount = mount_of(request);
    uint64_t handle = 0;
    int is_fixed = 0;
    int number = mount->calls.open_folder(mount->context, node, &handle, &is_fixed);
    if (number != 0) {
        fuse_reply_err(request, number);
        return;
    }
    file->fh = handle;
    file->cache_readdir = file->keep_cache = is_fixed != 0;
    if (fuse_reply_open(request, file) != 0) mount->calls.close_folder(mount->context, handle);
}

static void list(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *file, int is_full) {
    cake_mount *mount = mount_of(request);
    cake_folder_reply reply = {.request = request, .room = malloc(size), .size = size};
    // An entry with its attributes takes more than 128 bytes.
    if (is_full) reply.told = malloc((size / 128 + 1) * sizeof *reply.told);
    if (reply.room == NULL || (is_full && reply.told == NULL)) {
        free(reply.room);
        free(reply.told);
        fuse_reply_err(request, ENOMEM);
        return;
    }
    int number = mount->calls.list(mount->context, file->fh, (uint64_t)offset, is_full, &reply);
    // What was added before the error is told first; the next call meets the error again.
    int failed = number != 0 && reply.used == 0 ? fuse_reply_err(request, number)
                                                : fuse_reply_buf(request, reply.room, reply.used);
    // A program that was interrupted takes no entry.
    for (size_t i = 0; failed != 0 && i < reply.told_count; i++) mount->calls.forget(mount->context, reply.told[i], 1);
    free(reply.room);
    free(reply.told);
}

static void on_list(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)node;
    list(request, size, offset, file, 0);
}

static void on_list_full(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)node;
    list(request, size, offset, file, 1);
}

static void on_close_folder(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    cake_mount *mount = mount_of(request);
    (void)node;
    mount->calls.close_folder(mount->context, file->fh);
    fuse_reply_err(request, 0);
}

static void on_statfs(fuse_req_t request, fuse_ino_t node) {
    struct statvfs status;
    (void)node;
    memset(&status, 0, sizeof status);
    status.f_bsize = status.f_frsize = 4096;
    status.f_namemax = NAME_MAX;
    fuse_reply_statfs(request, &status);
}

static void on_access(fuse_req_t request, fuse_ino_t node, int mask) {
    cake_mount *mount = mount_of(request);
    cake_entry entry;
    int number = mount->calls.attributes(mount->context, node, &entry);
    if (number == 0 && (mask & W_OK) != 0) number = EROFS;
    if (number == 0 && (mask & X_OK) != 0 && (entry.mode & 0111) == 0) number = EACCES;
    fuse_reply_err(request, number);
}

// Every way to write. The kernel refuses most of them itself, since the mount is read-only.
static void on_setattr(fuse_req_t r, fuse_ino_t n, struct stat *s, int w, struct fuse_file_info *f) {
    (void)n, (void)s, (void)w, (void)f;
    fuse_reply_err(r, EROFS);
}
static void on_mknod(fuse_req_t r, fuse_ino_t n, const char *name, mode_t m, dev_t d) {
    (void)n, (void)name, (void)m, (void)d;
    fuse_reply_err(r, EROFS);
}
static void on_mkdir(fuse_req_t r, fuse_ino_t n, const char *name, mode_t m) {
    (void)n, (void)name, (void)m;
    fuse_reply_err(r, EROFS);
}
static void on_unlink(fuse_req_t r, fuse_ino_t n, const char *name) {
    (void)n, (void)name;
    fuse_reply_err(r, EROFS);
}
static void on_symlink(fuse_req_t r, const char *target, fuse_ino_t n, const char *name) {
    (void)target, (void)n, (void)name;
    fuse_reply_err(r, EROFS);
}
static void on_rename(
    fuse_req_t r, fuse_ino_t n, const char *name, fuse_ino_t n2, const char *name2, unsigned int flags) {
    (void)n, (void)name, (void)n2, (void)name2, (void)flags;
    fuse_reply_err(r, EROFS);
}
static void on_link(fuse_req_t r, fuse_ino_t n, fuse_ino_t n2, const char *name) {
    (void)n, (void)n2, (void)name;
    fuse_reply_err(r, EROFS);
}
static void on_write(
    fuse_req_t r, fuse_ino_t n, const char *bytes, size_t size, off_t offset, struct fuse_file_info *f) {
    (void)n, (void)bytes, (void)size, (void)offset, (void)f;
    fuse_reply_err(r, EROFS);
}
static void on_create(fuse_req_t r, fuse_ino_t n, const char *name, mode_t m, struct fuse_file_info *f) {
    (void)n, (void)name, (void)m, (void)f;
    fuse_reply_err(r, EROFS);
}
static void on_setxattr(
    fuse_req_t r, fuse_ino_t n, const char *name, const char *value, size_t size, int flags) {
    (void)n, (void)name, (void)value, (void)size, (void)flags;
    fuse_reply_err(r, EROFS);
}
static void on_removexattr(fuse_req_t r, fuse_ino_t n, const char *name) {
    (void)n, (void)name;
    fuse_reply_err(r, EROFS);
}
static void on_fallocate(
    fuse_req_t r, fuse_ino_t n, int mode, off_t offset, off_t length, struct fuse_file_info *f) {
    (void)n, (void)mode, (void)offset, (void)length, (void)f;
    fuse_reply_err(r, EROFS);
}
static void on_copy_range(
    fuse_req_t r, fuse_ino_t n, off_t offset, struct fuse_file_info *f, fuse_ino_t n2, off_t offset2,
    struct fuse_file_info *f2, size_t size, int flags) {
    (void)n, (void)offset, (void)f, (void)n2, (void)offset2, (void)f2, (void)size, (void)flags;
    fuse_reply_err(r, EROFS);
}

// What is left out (extended attributes, locks, lseek, ioctl, flush, fsync) the kernel answers itself after it has asked
// once: EOPNOTSUPP for attributes, its own work for the rest.
static const struct fuse_lowlevel_ops operations = {
    .init = on_init, .lookup = on_lookup, .forget = on_forget, .forget_multi = on_forget_many,
    .getattr = on_attributes, .readlink = on_target, .open = on_open, .read = on_read, .release = on_close,
    .opendir = on_open_folder, .readdir = on_list, .readdirplus = on_list_full, .releasedir = on_close_folder,
    .statfs = on_statfs, .access = on_access, .setattr = on_setattr, .mknod = on_mknod, .mkdir = on_mkdir,
    .unlink = on_unlink, .rmdir = on_unlink, .symlink = on_symlink, .rename = on_rename, .link = on_link,
    .write = on_write, .create = on_create, .setxattr = on_setxattr, .removexattr = on_removexattr,
    .fallocate = on_fallocate, .copy_file_range = on_copy_range,
};

void cake_reply_bytes(void *request, const struct iovec *places, int count) { fuse_reply_iov(request, places, count); }

void cake_reply_error(void *request, int number) { fuse_reply_err(request, number); }

static void on_interrupt(fuse_req_t request, void *number) {
    cake_mount *mount = mount_of(request);
    mount->calls.interrupted(mount->context, (uint64_t)(uintptr_t)number);
}

void cake_hear_interrupt(void *request, uint64_t number) {
    fuse_req_interrupt_func(request, on_interrupt, (void *)(uintptr_t)number);
}

int cake_add_entry(cake_folder_reply *reply, const char *name, const cake_entry *entry, uint64_t next, int is_full) {
    size_t left = reply->size - reply->used, needed;
    if (is_full) {
        struct fuse_entry_param parameters;
        fill_parameters(&parameters, entry);
        needed = fuse_add_direntry_plus(
            reply->request, reply->room + reply->used, left, name, &parameters, (off_t)next);
    } else {
        struct stat status;
        fill(&status, entry);
        needed = fuse_add_direntry(reply->request, reply->room + reply->used, left, name, &status, (off_t)next);
    }
    if (needed > left) return 0;
    if (is_full && entry->node != 0) reply->told[reply->told_count++] = entry->node;
    reply->used += needed;
    return 1;
}

// libfuse says what went wrong in words alone.
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[512];

static void note_words(enum fuse_log_level level, const char *format, va_list values) {
    if (level > FUSE_LOG_WARNING) return;
    pthread_mutex_lock(&said_lock);
    vsnprintf(said, sizeof said, format, values);
    pthread_mutex_unlock(&said_lock);
}

static void take_words(char *reason, size_t size) {
    pthread_mutex_lock(&said_lock);
    snprintf(reason, size, "%s", said);
    said[0] = 0;
    pthread_mutex_unlock(&said_lock);
}

cake_mount *cake_mount_start(
    const char *path, const char *options, const cake_callbacks *callbacks, void *context, char *reason, size_t size) {
    fuse_set_log_func(note_words);
    take_words(reason, size);
    cake_mount *mount = calloc(1, sizeof *mount);
    if (mount == NULL) return NULL;
    mount->calls = *callbacks;
    mount->context = context;
    char *words[] = {"cake", "-o", (char *)options, NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
    mount->session = fuse_session_new(&arguments, &operations, sizeof operations, mount);
    fuse_opt_free_args(&arguments);
    if (mount->session != NULL && fuse_session_mount(mount->session, path) == 0) return mount;
    take_words(reason, size);
    if (mount->session != NULL) fuse_session_destroy(mount->session);
    free(mount);
    return NULL;
}

int cake_mount_serve(cake_mount *mount, unsigned threads) {
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (config == NULL) return ENOMEM;
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, threads);
    fuse_loop_cfg_set_idle_threads(config, threads);
    int result = fuse_session_loop_mt(mount->session, config);
    fuse_loop_cfg_destroy(config);
    return result < 0 ? -result : 0;
}

void cake_mount_end(cake_mount *mount) {
    fuse_session_unmount(mount->session);
    fuse_session_destroy(mount->session);
    free(mount);
}

void cake_forget_pages(cake_mount *mount, uint64_t node) {
    fuse_lowlevel_notify_inval_inode(mount->session, node, 0, 0);
}

void cake_widen_reads(const char *path) {
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    struct stat status;
    struct statfs system;
    // Devices without a disk have the major number 0.
    int is_ours = fstat(folder, &status) == 0 && fstatfs(folder, &system) == 0 && system.f_type == FUSE_SUPER_MAGIC &&
                  major(status.st_dev) == 0;
    close(folder);
    if (!is_ours) return;
    char name[64];
    snprintf(name, sizeof name, "/sys/class/bdi/0:%u/read_ahead_kb", minor(status.st_dev));
    int setting = open(name, O_WRONLY | O_CLOEXEC);
    if (setting < 0) return;
    if (dprintf(setting, "%d", most_ahead >> 10) < 0) errno = 0;
    close(setting);
}

int cake_unmount(const char *path, int lazily) {
    return umount2(path, UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) == 0 ? 0 : errno;
}

int cake_look_at(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? 0 : errno;
}

int cake_real_path(const char *path, char *room, size_t size) {
    char real[PATH_MAX], above[PATH_MAX];
    if (realpath(path, real) == NULL) {
        // The last name may be a mount whose server is gone: then only what is above it can be followed.
        if (errno != ENOTCONN && errno != ENOENT && errno != ECONNABORTED) return errno;
        size_t length = strlen(path);
        while (length > 1 && path[length - 1] == '/') length--;
        size_t start = length;
        while (start > 0 && path[start - 1] != '/') start--;
        if (length >= sizeof above) return ENAMETOOLONG;
        memcpy(above, path, start);
        above[start] = 0;
        if (realpath(start == 0 ? "." : above, real) == NULL) return errno;
        size_t used = strlen(real);
        if (used + 1 + (length - start) >= sizeof real) return ENAMETOOLONG;
        if (real[used - 1] != '/') real[used++] = '/';
        memcpy(real + used, path + start, length - start);
        real[used + (length - start)] = 0;
    }
    if (strlen(real) >= size) return ENAMETOOLONG;
    strcpy(room, real);
    return 0;
}

int cake_open_device(void) {
    int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (device < 0) return errno;
    close(device);
    return 0;
}

uint32_t cake_user(void) { return geteuid(); }

const char *cake_fuse_version(void) { return fuse_pkgversion(); }
#endif
