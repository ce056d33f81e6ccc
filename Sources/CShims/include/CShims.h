// Calls that Swift's own import of the C library leaves out: GNU extensions and variadic functions.
#pragma once
#include <stdint.h>

int cake_syncfs(int descriptor);
/// Asks the kernel to begin writing a range back; does not wait.
int cake_start_writing(int descriptor, int64_t offset, int64_t count);
int cake_fallocate(int descriptor, int64_t size);
