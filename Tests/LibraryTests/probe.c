/* What only a program in C can see of libcake: what loading it changes, and what is left of it after fork(). */
#define _GNU_SOURCE
#include <cake.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static __typeof__(cake_store_open) *store_open;
static __typeof__(cake_store_close) *store_close;
static __typeof__(cake_model_open) *model_open;
static __typeof__(cake_model_close) *model_close;
static __typeof__(cake_file_read) *file_read;

static void load(const char *library) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) fprintf(stderr, "%s\n", dlerror()), exit(100);
    store_open = dlsym(handle, "cake_store_open");
    store_close = dlsym(handle, "cake_store_close");
    model_open = dlsym(handle, "cake_model_open");
    model_close = dlsym(handle, "cake_model_close");
    file_read = dlsym(handle, "cake_file_read");
}

static void expect(int is, int wanted, const char *what, char **error) {
    if (is == wanted) return;
    fprintf(stderr, "%s: %d instead of %d: %s\n", what, is, wanted, error && *error ? *error : "");
    exit(101);
}

struct opened {
    cake_store *store;
    cake_model *model;
};

static struct opened open_both(char **words) {
    struct opened opened = {0};
    char *error = NULL;
    expect(store_open(words[0], &opened.store, &error), CAKE_OK, "store_open", &error);
    expect(model_open(opened.store, words[1], &opened.model, &error), CAKE_OK, "model_open", &error);
    return opened;
}

static char *bytes_of(cake_model *model, char **words, int wanted) {
    size_t size = strtoul(words[3], NULL, 10);
    char *bytes = calloc(1, size), *error = NULL;
    expect(file_read(model, words[2], 0, size, bytes, 4, CAKE_VERIFY, NULL, &error), wanted, "file_read", &error);
    return bytes;
}

static void join(pid_t child, const char *what) {
    int status = 0;
    waitpid(child, &status, 0);
    expect(status, 0, what, NULL);
}

/* Children that open for themselves, before and after their parent did, and while it reads on. */
static void forks(char **words) {
    pid_t child = fork();
    if (child == 0) {
        bytes_of(open_both(words).model, words, CAKE_OK);
        _exit(0);
    }
    join(child, "a child before the parent opened");
    struct opened mine = open_both(words);
    char *first = bytes_of(mine.model, words, CAKE_OK);
    for (int round = 0; round < 3; round++) {
        child = fork();
        if (child == 0) {
            bytes_of(mine.model, words, CAKE_INVALID);
            model_close(mine.model);
            store_close(mine.store);
            struct opened own = open_both(words);
            int isSame = !memcmp(bytes_of(own.model, words, CAKE_OK), first, strtoul(words[3], NULL, 10));
            model_close(own.model);
            store_close(own.store);
            _exit(isSame ? 0 : 1);
        }
        bytes_of(mine.model, words, CAKE_OK);
        join(child, "a child after the parent opened");
    }
    /* The lease is still there: the test collects meanwhile. */
    printf("ready\n");
    fflush(stdout);
    getchar();
    expect(memcmp(bytes_of(mine.model, words, CAKE_OK), first, strtoul(words[3], NULL, 10)), 0, "the parent's bytes", NULL);
}

static int signals(const char *library, char **words) {
    struct sigaction before[65], after;
    memset(before, 0, sizeof before);
    for (int number = 1; number <= 64; number++) sigaction(number, NULL, &before[number]);
    load(library);
    bytes_of(open_both(words).model, words, CAKE_OK);
    for (int number = 1; number <= 64; number++) {
        memset(&after, 0, sizeof after);
        sigaction(number, NULL, &after);
        if (after.sa_handler != before[number].sa_handler) return fprintf(stderr, "signal %d\n", number), 1;
    }
    return 0;
}

/* probe signals|forks LIBRARY STORE NAME FILE SIZE */
int main(int count, char **words) {
    if (count != 7) return 2;
    if (!strcmp(words[1], "signals")) return signals(words[2], words + 3);
    load(words[2]);
    forks(words + 3);
    return 0;
}
