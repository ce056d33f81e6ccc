#define _GNU_SOURCE
#include "CShims.h"
#include <fcntl.h>
#include <unistd.h>

int cake_syncfs(int descriptor) { return syncfs(descriptor); }

int cake_start_writing(int descriptor, int64_t offset, int64_t count) {
    return sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

int cake_fallocate(int descriptor, int64_t size) { return fallocate(descriptor, 0, 0, size); }
