/* libcake: reads models out of a cake store, from any language with a C interface.
 *
 * Every call returns CAKE_OK or the kind of what went wrong. `error`, where it is not NULL, then holds a text that ends
 * in a line `fix: …`, if something can be done; it and every other text that a call makes belong to the caller, who gives
 * them to cake_free. After CAKE_OK it holds NULL. A call may come from any thread, and several may run at once on one store
 * or model. No call starts a thread that outlives it, installs a signal handler or writes to standard output or error.
 *
 * After fork(), a child opens its stores and models anew: those of its parent answer CAKE_INVALID there. It may close
 * them; that leaves the parent's as they are.
 */
#ifndef CAKE_H
#define CAKE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The interface's version: it changes when a program that was compiled for another one would no longer work. */
#define CAKE_INTERFACE 1

typedef struct cake_store cake_store;
typedef struct cake_model cake_model;

enum cake_kind {
    CAKE_OK = 0,
    CAKE_NOT_FOUND = 1, /* no such store, model, file or tensor */
    CAKE_AMBIGUOUS = 2, /* the name fits several models */
    CAKE_MISSING = 3,   /* the model is here, and this part of it is not */
    CAKE_DAMAGED = 4,   /* bytes that do not match their digest or checksum */
    CAKE_CANCELLED = 5, /* *cancel became other than 0 */
    CAKE_NEWER = 6,     /* a newer version of cake wrote it, in a way that this one cannot read */
    CAKE_INVALID = 7,   /* an argument that makes no sense: an offset behind the end, say */
    CAKE_SYSTEM = 8     /* the operating system refused something */
};

/* The version of the interface that this library has, and cake's own as text (static; not to be freed). */
uint32_t cake_interface(void);
const char *cake_version(void);

/* Opens the store at `path`. If it is NULL, the one that `cake` uses: that of CAKE_HOME, of `cake config store`, or the
 * usual folder. Stores below it are those of CAKE_LOWER. Never makes a store. A store that cannot be written is read. */
int cake_store_open(const char *path, cake_store **store, char **error);

/* Its models stay open. NULL is fine. */
void cake_store_close(cake_store *store);

/* All models as JSON, as `cake ls --json` prints it. If some cannot be read, *json has the others, and the call tells
 * which one was the first. */
int cake_store_models(cake_store *store, char **json, char **error);

/* What differs between two models as JSON, as `cake diff --json` prints it. Both are in the store. */
int cake_store_diff(cake_store *store, const char *base, const char *other, char **json, char **error);

/* Finds a model by its name ("org/name", "org/name@revision", a local name, an alias or an abbreviation, as the commands
 * take it). Until the model is closed, or the process ends, nothing removes what it needs. */
int cake_model_open(cake_store *store, const char *name, cake_model **model, char **error);

/* No call may be running on it. NULL is fine. */
void cake_model_close(cake_model *model);

/* The model as JSON:
 * {"name": "org/name", "revision": "…"|null, "commit": "…"|null, "manifest": "sha256:…", "size": N, "complete": true,
 *  "missing": {"tensors": ["…"], "files": ["…"]},
 *  "files": [{"path": "config.json", "size": N, "sha256": "…"|null, "here": true}],
 *  "tensors": [{"name": "…", "dtype": "BF16", "shape": [N, …], "size": N, "file": INDEX, "offset": N,
 *               "layer": "sha256:…"|null, "here": true}],
 *  "metadata": [{…}|null for each file: what a safetensors header says under __metadata__]}
 * A tensor's number is its place in the list. "offset" is where its bytes begin in its file. "here" is false where bytes
 * of it are not in the store. "missing" has what a partial pull left out; it is in neither list. "layer" is null for a
 * tensor that is not one layer, such as one of a GGUF file; "dtype" is then GGUF's own word: "Q4_K". "size" counts bytes. */
int cake_model_describe(cake_model *model, char **json, char **error);

/* Some bytes of one tensor, and where they go. */
typedef struct cake_read {
    uint64_t tensor;   /* its number in cake_model_describe */
    uint64_t offset;   /* the first byte */
    uint64_t length;   /* how many bytes; offset + length is at most the tensor's size */
    void *destination; /* of any alignment; may be NULL if length is 0 */
} cake_read;

/* Each layer that is read whole, such as a tensor, is compared with its SHA-256. Without it the checksums of the frames are
 * compared. Parts of layers are always compared with the checksums of their frames. */
#define CAKE_VERIFY 1u

/* Reads `count` pieces with `threads` threads (0: one for each core, 16 at most). `cancel`, where it is not NULL, is looked
 * at before each MiB: another thread makes it other than 0 to end the call early. After an error the destinations hold
 * anything. They must not overlap. Takes about 5 MiB of memory for each thread. */
int cake_model_read(
    cake_model *model, const cake_read *reads, size_t count, uint32_t threads, uint32_t flags, const int32_t *cancel,
    char **error);

/* Reads `length` bytes of a file of the model from `offset`, exactly as the file was. */
int cake_file_read(
    cake_model *model, const char *path, uint64_t offset, uint64_t length, void *destination, uint32_t threads, uint32_t flags,
    const int32_t *cancel, char **error);

/* NULL is fine. */
void cake_free(void *text);

#ifdef __cplusplus
}
#endif
#endif
