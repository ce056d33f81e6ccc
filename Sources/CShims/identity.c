#include "CShims.h"
#include <gnu/libc-version.h>

__attribute__((weak)) const char cake_identity_commit[] = "";
__attribute__((weak)) const char cake_identity_compiler[] = "";
__attribute__((weak)) const char cake_identity_libc[] = "";

const char *cake_libc_version(void) { return gnu_get_libc_version(); }
const char *cake_build_commit(void) { return cake_identity_commit; }
const char *cake_build_compiler(void) { return cake_identity_compiler; }
const char *cake_build_libc(void) { return cake_identity_libc; }
