// The functions for one algorithm alone, whose states can be looked into and need no memory of their own.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
