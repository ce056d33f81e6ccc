// libfuse's low-level interface as Mount/Kernel uses it: plain types, few callbacks, and each request answered once.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/// What the kernel is told about a file, folder or link.
typedef struct {
    /// The number by which the kernel asks for it; 0 for an entry that it has to look up.
    uint64_t node;
    /// The number that stat(2) shows.
    uint64_t inode;
    uint64_t size;
    int64_t modified;
    int64_t changed;
    uint32_t mode;
    uint32_t links;
    /// For how many seconds the kernel need not ask again.
    double entry_life;
    double attributes_life;
} cake_entry;

typedef struct cake_folder_reply cake_folder_reply;

/// Callbacks return an error number, or 0. They run on many threads at once. Handles are the callee's.
typedef struct {
    int (*lookup)(void *context, uint64_t folder, const char *name, cake_entry *entry);
    void (*forget)(void *context, uint64_t node, uint64_t count);
    int (*attributes)(void *context, uint64_t node, cake_entry *entry);
    /// Fills in the link's target with its final zero.
    int (*target)(void *context, uint64_t node, char *room, size_t size);
    int (*open)(void *context, uint64_t node, uint64_t *handle, int *is_fixed);
    /// Answers the request at once or later, from any thread, by one of the cake_reply functions.
    void (*read)(void *context, uint64_t handle, uint64_t offset, size_t size, void *request);
    /// The program that reads is being killed; the number is that of cake_hear_interrupt.
    void (*interrupted)(void *context, uint64_t number);
    void (*close)(void *context, uint64_t handle);
    int (*open_folder)(void *context, uint64_t node, uint64_t *handle, int *is_fixed);
    /// Adds entries from a position on until there is no room; `is_full` asks for their attributes too.
    int (*list)(void *context, uint64_t handle, uint64_t position, int is_full, cake_folder_reply *reply);
    void (*close_folder)(void *context, uint64_t handle);
    /// The kernel has answered: the folder can be listed now.
    void (*ready)(void *context);
} cake_callbacks;

/// Answers with what is in these places, one after the other; at most some hundred.
void cake_reply_bytes(void *request, const struct iovec *places, int count);
void cake_reply_error(void *request, int number);
/// From here on `interrupted` may be called with the number, also before this returns, until the request is answered.
void cake_hear_interrupt(void *request, uint64_t number);

/// 0 if there was no room for it.
int cake_add_entry(cake_folder_reply *reply, const char *name, const cake_entry *entry, uint64_t next, int is_full);

typedef struct cake_mount cake_mount;

/// Mounts; null if it cannot, with the reason in `reason`. `options` is what follows -o.
cake_mount *cake_mount_start(
    const char *path, const char *options, const cake_callbacks *callbacks, void *context, char *reason, size_t size);
/// Serves until the folder is unmounted, with so many threads at most. An error number, or 0.
int cake_mount_serve(cake_mount *mount, unsigned threads);
void cake_mount_end(cake_mount *mount);
/// Drops the kernel's pages of a file. Waits for reads of it that are under way.
void cake_forget_pages(cake_mount *mount, uint64_t node);

/// Has the kernel read further ahead in a mounted folder than the 128 KiB that it grants, if this process may set that.
/// Waits until the mount answers. Files that are opened from then on are read so.
void cake_widen_reads(const char *path);

/// Unmounts a folder without asking a helper. An error number, or 0.
int cake_unmount(const char *path, int lazily);
/// Looks at a path: an error number, or 0.
int cake_look_at(const char *path);
/// The path without links and dots; also of a mount that no longer answers. An error number, or 0.
int cake_real_path(const char *path, char *room, size_t size);
/// Whether /dev/fuse can be opened: an error number, or 0.
int cake_open_device(void);
uint32_t cake_user(void);
const char *cake_fuse_version(void);
