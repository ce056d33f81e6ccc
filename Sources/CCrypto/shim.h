// The functions for single algorithms: their states are visible and need no memory of their own. EVP is for keys and signatures
// alone: it reaches all of libcrypto, which a program that is linked statically then has in it, and reads the system's openssl.cnf.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
