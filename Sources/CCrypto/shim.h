// The functions for single algorithms: their states are visible and need no memory of their own. Tests alone use EVP: it would
// put all of libcrypto into what is linked statically, and reads the system's openssl.cnf.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
