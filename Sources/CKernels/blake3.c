// BLAKE3 of bytes in memory, from its specification. Swift cannot choose instructions at run time; therefore the inner
// loop is here: eight chunks of 1 KiB side by side, in the widest registers of the processor. Little-endian machines.
#include "kernels.h"
#include <stddef.h>
#include <string.h>

enum { lane_count = 8, chunk_size = 1024, block_size = 64 };
enum { chunk_start = 1, chunk_end = 2, parent = 4, root = 8, keyed = 16 };

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

// The word of the message for each place of a round: the specification's permutation, applied round by round.
static const uint8_t schedule[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1}, {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4}, {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

typedef uint32_t lanes __attribute__((vector_size(4 * lane_count)));

#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define MIX(a, b, c, d, x, y)         \
    do {                              \
        v[a] = v[a] + v[b] + (x);     \
        v[d] = ROTATE(v[d] ^ v[a], 16); \
        v[c] = v[c] + v[d];           \
        v[b] = ROTATE(v[b] ^ v[c], 12); \
        v[a] = v[a] + v[b] + (y);     \
        v[d] = ROTATE(v[d] ^ v[a], 8); \
        v[c] = v[c] + v[d];           \
        v[b] = ROTATE(v[b] ^ v[c], 7); \
    } while (0)
#define ROUNDS                                                                    \
    _Pragma("unroll") for (int round = 0; round < 7; round++) {                   \
        const uint8_t *s = schedule[round];                                       \
        MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);                                       \
        MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);                                       \
        MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);                                      \
        MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);                                      \
        MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);                                      \
        MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);                                    \
        MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);                                     \
        MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);                                     \
    }

static void compress(uint32_t value[8], const uint8_t *block, uint32_t length, uint64_t counter, uint32_t flags) {
    uint32_t m[16], v[16];
    memcpy(m, block, block_size);
    memcpy(v, value, 32);
    memcpy(v + 8, initial, 16);
    v[12] = (uint32_t)counter;
    v[13] = (uint32_t)(counter >> 32);
    v[14] = length;
    v[15] = flags;
    ROUNDS
    for (int i = 0; i < 8; i++) value[i] = v[i] ^ v[i + 8];
}

// Eight rows of eight words, turned: each step interleaves row i with row i + 4.
static inline __attribute__((always_inline)) void transpose(lanes *rows) {
    lanes next[8];
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < 4; i++) {
            next[2 * i] = __builtin_shufflevector(rows[i], rows[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
            next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
        memcpy(rows, next, sizeof next);
    }
}

// Inputs that are hashed side by side, each of the same number of whole blocks. Counters rise by `step` from input to input.
struct batch {
    const uint8_t *inputs[lane_count];
    const uint32_t *key;
    uint64_t counter;
    size_t blocks;
    uint32_t step, flags, first, last;
};

static inline __attribute__((always_inline)) void hash_lanes(const struct batch *batch, uint32_t out[][8]) {
    lanes value[8], low, high;
    for (int i = 0; i < 8; i++) value[i] = (lanes){0} + batch->key[i];
    for (int lane = 0; lane < lane_count; lane++) {
        uint64_t counter = batch->counter + (uint64_t)lane * batch->step;
        low[lane] = (uint32_t)counter;
        high[lane] = (uint32_t)(counter >> 32);
    }
    for (size_t block = 0; block < batch->blocks; block++) {
        lanes m[16], v[16];
        for (int lane = 0; lane < lane_count; lane++) {
            memcpy(&m[lane], batch->inputs[lane] + block * block_size, 32);
            memcpy(&m[lane + 8], batch->inputs[lane] + block * block_size + 32, 32);
        }
        transpose(m);
        transpose(m + 8);
        uint32_t flags = batch->flags | (block == 0 ? batch->first : 0) | (block + 1 == batch->blocks ? batch->last : 0);
        for (int i = 0; i < 8; i++) v[i] = value[i];
        for (int i = 0; i < 4; i++) v[i + 8] = (lanes){0} + initial[i];
        v[12] = low;
        v[13] = high;
        v[14] = (lanes){0} + block_size;
        v[15] = (lanes){0} + flags;
        ROUNDS
        for (int i = 0; i < 8; i++) value[i] = v[i] ^ v[i + 8];
    }
    transpose(value);
    for (int lane = 0; lane < lane_count; lane++) memcpy(out[lane], &value[lane], 32);
}

static void hash_plain(const struct batch *batch, uint32_t out[][8]) { hash_lanes(batch, out); }
#if defined(__x86_64__)
__attribute__((target("avx2"))) static void hash_avx2(const struct batch *batch, uint32_t out[][8]) {
    hash_lanes(batch, out);
}
// The same width, with one instruction for a rotation.
__attribute__((target("avx2,avx512f,avx512vl"))) static void hash_avx512(const struct batch *batch, uint32_t out[][8]) {
    hash_lanes(batch, out);
}
#endif

// `count` inputs from 1 to 8; lanes beyond them repeat the first and are thrown away.
static void hash_batch(struct batch *batch, size_t count, uint32_t out[][8]) {
    uint32_t all[lane_count][8];
    for (size_t lane = count; lane < lane_count; lane++) batch->inputs[lane] = batch->inputs[0];
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vl")) hash_avx512(batch, all);
    else if (__builtin_cpu_supports("avx2")) hash_avx2(batch, all);
    else hash_plain(batch, all);
#else
    hash_plain(batch, all);
#endif
    memcpy(out, all, count * 32);
}

// One chunk, at most 1 KiB; `also` is `root` when there is no other.
static void hash_chunk(const uint8_t *bytes, size_t count, const uint32_t *key, uint64_t counter, uint32_t flags,
                       uint32_t also, uint32_t out[8]) {
    uint32_t first = chunk_start;
    memcpy(out, key, 32);
    while (count > block_size) {
        compress(out, bytes, block_size, counter, flags | first);
        bytes += block_size;
        count -= block_size;
        first = 0;
    }
    uint8_t block[block_size] = {0};
    if (count > 0) memcpy(block, bytes, count);
    compress(out, block, (uint32_t)count, counter, flags | first | chunk_end | also);
}

// Pairs of nodes become their parents; one without a neighbour goes up unchanged. Returns the number of nodes.
static size_t raise_parents(uint32_t nodes[][8], size_t count, const uint32_t *key, uint32_t flags) {
    uint32_t above[lane_count][8];
    size_t pairs = count / 2;
    struct batch batch = {.key = key, .blocks = 1, .flags = flags | parent};
    for (size_t i = 0; i < pairs; i++) batch.inputs[i] = (const uint8_t *)nodes[2 * i];
    hash_batch(&batch, pairs, above);
    if (count % 2) memcpy(above[pairs++], nodes[count - 1], 32);
    memcpy(nodes, above, pairs * 32);
    return pairs;
}

// The nodes over these bytes, at most eight, of one height but for the last.
static size_t hash_subtree(const uint8_t *bytes, size_t count, const uint32_t *key, uint64_t counter, uint32_t flags,
                           uint32_t out[][8]) {
    if (count <= lane_count * chunk_size) {
        size_t whole = count / chunk_size, rest = count % chunk_size;
        if (whole > 0) {
            struct batch batch = {.key = key, .counter = counter, .blocks = chunk_size / block_size, .step = 1,
                                  .flags = flags, .first = chunk_start, .last = chunk_end};
            for (size_t i = 0; i < whole; i++) batch.inputs[i] = bytes + i * chunk_size;
            hash_batch(&batch, whole, out);
        }
        if (rest > 0) hash_chunk(bytes + whole * chunk_size, rest, key, counter + whole, flags, 0, out[whole]);
        return whole + (rest > 0);
    }
    // A complete tree on the left, as large as leaves something on the right.
    size_t left = chunk_size;
    while (left * 2 < count) left *= 2;
    uint32_t nodes[2 * lane_count][8];
    size_t found = hash_subtree(bytes, left, key, counter, flags, nodes);
    found += hash_subtree(bytes + left, count - left, key, counter + left / chunk_size, flags, nodes + found);
    found = raise_parents(nodes, found, key, flags);
    memcpy(out, nodes, found * 32);
    return found;
}

void cake_blake3(const uint8_t *bytes, size_t count, const uint8_t *key_bytes, uint8_t *out) {
    uint32_t key[8], nodes[lane_count][8], flags = key_bytes ? keyed : 0;
    memcpy(key, key_bytes ? (const void *)key_bytes : initial, 32);
    if (count <= chunk_size) {
        hash_chunk(bytes, count, key, 0, flags, root, nodes[0]);
        memcpy(out, nodes[0], 32);
        return;
    }
    size_t left = hash_subtree(bytes, count, key, 0, flags, nodes);
    while (left > 2) left = raise_parents(nodes, left, key, flags);
    uint8_t block[block_size];
    memcpy(block, nodes, block_size);
    compress(key, block, block_size, 0, flags | parent | root);
    memcpy(out, key, 32);
}
