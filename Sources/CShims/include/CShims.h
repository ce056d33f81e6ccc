// Calls that Swift's own import of C leaves out: GNU extensions.
#pragma once
#include <spawn.h>
#include <stdint.h>

int cake_syncfs(int descriptor);
/// Asks the kernel to begin writing a range back; does not wait.
int cake_start_writing(int descriptor, int64_t offset, int64_t count);
int cake_fallocate(int descriptor, int64_t size);
/// A connection that no program inherits, from the first moment on.
int cake_accept(int listening);
/// A pipe that no program inherits.
int cake_pipe(int ends[2]);
/// A file in memory only.
int cake_memory_file(void);
/// The descriptors that a started program inherits.
char **cake_environment(void);
/// A started program inherits none of the files from `first` on. An error number, or 0.
int cake_close_from(posix_spawn_file_actions_t *actions, int first);
// Makes all of one file the bytes of another, without copying them, where the file system can.
int cake_clone(int to, int from);
/// A line in the system's log, under the name cake.
void cake_log(const char *text);
/// A number that another thread may change meanwhile.
int32_t cake_load(const int32_t *place);
/// The version of glibc that runs this.
const char *cake_libc_version(void);

// What scripts/lib/identity.sh links into a release. Empty in other builds.
/// The commit of the sources; with a + where files differ from it.
const char *cake_build_commit(void);
const char *cake_build_compiler(void);
/// The oldest glibc that a binary for other systems runs with.
const char *cake_build_libc(void);
