/* Prints the tensors of a model, and the SHA-256 of one of them:
 *
 *     cc example.c -o example -I include -lcake -lcrypto
 *     ./example STORE NAME TENSOR          STORE may be "" for the store that cake uses
 */
#include <cake.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The error is looked at when the call has ended. */
static void need(int kind, char **error) {
    if (kind == CAKE_OK) return;
    fprintf(stderr, "example: %s\n", *error);
    cake_free(*error);
    exit(kind);
}

/* A real program has a JSON parser. Here it is enough that each tensor begins with its name, and that no name holds a quote. */
static const char *field(const char *object, const char *key) {
    const char *found = strstr(object, key);
    return found ? found + strlen(key) : "";
}

int main(int count, char **words) {
    if (count != 4) return fprintf(stderr, "usage: example STORE NAME TENSOR\n"), 2;
    char *error = NULL, *json = NULL;
    cake_store *store = NULL;
    cake_model *model = NULL;
    need(cake_store_open(words[1][0] ? words[1] : NULL, &store, &error), &error);
    need(cake_model_open(store, words[2], &model, &error), &error);
    need(cake_model_describe(model, &json, &error), &error);

    cake_read wanted = {0};
    int isThere = 0;
    uint64_t number = 0;
    const char *tensor = field(json, "\"tensors\":[{\"name\":\"");
    for (; *tensor; tensor = field(tensor, "{\"name\":\""), number++) {
        int length = (int)strcspn(tensor, "\"");
        uint64_t size = strtoull(field(tensor, "\"size\":"), NULL, 10);
        printf("%.*s %.*s %llu\n", length, tensor, (int)strcspn(field(tensor, "\"dtype\":\""), "\""),
               field(tensor, "\"dtype\":\""), (unsigned long long)size);
        if (strlen(words[3]) == (size_t)length && !strncmp(tensor, words[3], (size_t)length)) {
            wanted = (cake_read){.tensor = number, .offset = 0, .length = size};
            isThere = 1;
        }
    }
    cake_free(json);
    if (!isThere) return fprintf(stderr, "example: no tensor %s\n", words[3]), CAKE_NOT_FOUND;

    unsigned char digest[SHA256_DIGEST_LENGTH];
    wanted.destination = malloc(wanted.length ? wanted.length : 1);
    if (!wanted.destination) return CAKE_SYSTEM;
    need(cake_model_read(model, &wanted, 1, 0, CAKE_VERIFY, NULL, &error), &error);
    SHA256(wanted.destination, wanted.length, digest);
    printf("sha256 ");
    for (size_t index = 0; index < sizeof digest; index++) printf("%02x", digest[index]);
    printf("\n");
    free(wanted.destination);
    cake_model_close(model);
    cake_store_close(store);
    return 0;
}
