#include "variants.h"
#include <string.h>

// Blocks of a zstd frame in which nothing is searched: each byte is a symbol of a Huffman code. RFC 8878 calls them compressed
// blocks with literals and without sequences. A block has a code of its own.

enum {
    BLOCK = 128 << 10, // plain bytes
    LONGEST = 11,      // bits of a code
    SYMBOLS = 128,     // so many weights of a code fit into its header as they are
    LEAST = 1024,      // a shorter block is stored as it is
    STREAM = 48 << 10, // room for one of a block's four streams: a quarter of its bytes at eleven bits, and a word
};

typedef struct {
    // By two neighbouring bytes: the codes of both above how many bits they take.
    uint32_t pairs[SYMBOLS << 8];
    uint8_t streams[4][STREAM];
} room_to_work;

_Static_assert(sizeof(room_to_work) == CAKE_LITERALS_WORK, "the room in kernels.h");

typedef struct {
    uint32_t single[SYMBOLS]; // the code of a symbol above how many bits it takes
    uint8_t length[SYMBOLS];
    int longest;
    int highest; // symbol
} code;

// Counts a part of the bytes. Symbols that occur have at least 1; some that do not occur may have 1 too. Returns 0 if there is a
// symbol that cannot have a code.
BODY int count(const uint8_t *plain, size_t n, uint32_t counts[SYMBOLS]) {
    uint32_t part[4][256] = {{0}};
    uint8_t most = 0, before_least = 255, has_zero = 0, occurs[256] = {0};
    for (size_t i = 0; i < n; i++) {
        uint8_t before = (uint8_t)(plain[i] - 1);
        most = plain[i] > most ? plain[i] : most;
        before_least = before < before_least ? before : before_least;
        has_zero |= (uint8_t)(plain[i] == 0);
    }
    if (most == 0 || most >= SYMBOLS) return 0;
    for (size_t i = 0; i + 512 <= n; i += 512)
        for (size_t j = 0; j < 128; j += 4)
            for (size_t k = 0; k < 4; k++) part[k][plain[i + j + k]]++;
    int uncounted = 0;
    for (int s = 0; s < SYMBOLS; s++) {
        counts[s] = part[0][s] + part[1][s] + part[2][s] + part[3][s];
        uncounted += !counts[s] && s > before_least && s <= most;
    }
    // A few codes that nothing needs cost less than to look for each symbol.
    if (uncounted > 8) {
        for (size_t i = 0; i < n; i++) occurs[plain[i]] = 1;
    } else {
        memset(occurs + before_least + 1, 1, (size_t)(most - before_least));
    }
    occurs[0] = has_zero;
    for (int s = 0; s < SYMBOLS; s++) counts[s] = occurs[s] ? 4 * counts[s] + 1 : 0;
    return 1;
}

// Lengths of Huffman's codes for symbols by their counts, each at least `floor`. Returns the longest.
static int huffman(const uint32_t counts[SYMBOLS], uint32_t floor, uint8_t length[SYMBOLS]) {
    uint32_t weight[2 * SYMBOLS];
    uint16_t parent[2 * SYMBOLS];
    uint8_t symbol[SYMBOLS], depth[2 * SYMBOLS];
    int n = 0, longest = 0;
    memset(length, 0, SYMBOLS);
    for (int s = 0; s < SYMBOLS; s++) {
        if (!counts[s]) continue;
        int place = n++;
        for (; place > 0 && counts[symbol[place - 1]] > counts[s]; place--) symbol[place] = symbol[place - 1];
        symbol[place] = (uint8_t)s;
    }
    if (n < 2) return 0;
    for (int i = 0; i < n; i++) weight[i] = counts[symbol[i]] < floor ? floor : counts[symbol[i]];
    // Two queues: symbols in order of their counts, and nodes in the order in which they are made.
    int leaf = 0, node = n, end = n;
    for (; end < 2 * n - 1; end++) {
        int picked[2];
        for (int k = 0; k < 2; k++)
            picked[k] = leaf < n && (node == end || weight[leaf] <= weight[node]) ? leaf++ : node++;
        weight[end] = weight[picked[0]] + weight[picked[1]];
        parent[picked[0]] = parent[picked[1]] = (uint16_t)end;
    }
    depth[end - 1] = 0;
    for (int i = end - 2; i >= 0; i--) depth[i] = (uint8_t)(depth[parent[i]] + 1);
    for (int i = 0; i < n; i++) {
        length[symbol[i]] = depth[i];
        if (depth[i] > longest) longest = depth[i];
    }
    return longest;
}

// No longer than a code may be: a symbol that is rarer than the longest code says counts as one that is not. Returns the longest,
// or 0 if there is no code.
static int find_lengths(const uint32_t counts[SYMBOLS], uint8_t length[SYMBOLS]) {
    uint32_t all = 0, floor = 0;
    for (int s = 0; s < SYMBOLS; s++) all += counts[s];
    for (;;) {
        int longest = huffman(counts, floor, length);
        if (longest <= LONGEST) return longest;
        floor = floor ? floor + (floor + 3) / 4 : 1 + (all >> LONGEST);
    }
}

// zstd's order: the longest codes first, those of the same length by symbol.
static int make_code(const uint32_t counts[SYMBOLS], code *made, uint32_t *pairs) {
    uint32_t many[LONGEST + 1] = {0}, next[LONGEST + 1] = {0};
    uint8_t here[SYMBOLS];
    int n = 0;
    made->longest = find_lengths(counts, made->length);
    made->highest = 0;
    if (!made->longest) return 0;
    for (int s = 0; s < SYMBOLS; s++) {
        if (!made->length[s]) continue;
        here[n++] = (uint8_t)s;
        made->highest = s;
        many[made->length[s]]++;
    }
    uint32_t first = 0;
    for (int l = made->longest; l > 0; l--) {
        next[l] = first;
        first = (first + many[l]) >> 1;
    }
    for (int i = 0; i < n; i++) {
        uint8_t l = made->length[here[i]];
        made->single[here[i]] = next[l]++ << 8 | l;
    }
    // A stream begins with the last byte: of two, the second goes first.
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            uint32_t one = made->single[here[i]], other = made->single[here[j]], bits = other & 0xff;
            pairs[here[j] << 8 | here[i]] = (other >> 8 | one >> 8 << bits) << 8 | (bits + (one & 0xff));
        }
    }
    return 1;
}

static size_t write_tree(const code *made, uint8_t *to) {
    to[0] = (uint8_t)(127 + made->highest);
    memset(to + 1, 0, (size_t)(made->highest + 1) / 2);
    for (int s = 0; s < made->highest; s++) {
        int weight = made->length[s] ? made->longest + 1 - made->length[s] : 0;
        to[1 + s / 2] |= (uint8_t)(s % 2 ? weight : weight << 4);
    }
    return 1 + (size_t)(made->highest + 1) / 2;
}

#define PUT_TWO(k, offset)                                                                                             \
    {                                                                                                                  \
        uint16_t two;                                                                                                  \
        memcpy(&two, at##k - (offset), 2);                                                                             \
        uint32_t entry = pairs[two];                                                                                   \
        bits##k |= (uint64_t)(entry >> 8) << (filled##k & 63);                                                         \
        filled##k += entry & 0xff;                                                                                     \
    }
#define PUT_ONE(k)                                                                                                     \
    {                                                                                                                  \
        uint32_t entry = single[*--at##k];                                                                             \
        bits##k |= (uint64_t)(entry >> 8) << (filled##k & 63);                                                         \
        filled##k += entry & 0xff;                                                                                     \
    }
#define FLUSH(k)                                                                                                       \
    {                                                                                                                  \
        memcpy(to##k, &bits##k, 8);                                                                                    \
        to##k += filled##k >> 3;                                                                                       \
        bits##k >>= filled##k & 56;                                                                                    \
        filled##k &= 7;                                                                                                \
    }
#define END(k)                                                                                                         \
    {                                                                                                                  \
        bits##k |= (uint64_t)1 << filled##k;                                                                           \
        memcpy(to##k, &bits##k, 8);                                                                                    \
        to##k++;                                                                                                       \
    }

// Two streams at once: one waits for its bits while the other is written. Each goes from its last byte to its first, and ends with
// a bit that is set. The second is not the longer one.
BODY void write_streams(const uint8_t *const starts[3], const uint32_t *pairs, const uint32_t *single, uint8_t *to0,
                        uint8_t *to1, size_t lengths[2]) {
    const uint8_t *at0 = starts[1], *at1 = starts[2], *begin0 = to0, *begin1 = to1;
    uint64_t bits0 = 0, bits1 = 0, filled0 = 0, filled1 = 0;
    for (size_t n = (size_t)(starts[2] - starts[1]) / 4; n > 0; n--) {
        PUT_TWO(0, 2) PUT_TWO(1, 2) PUT_TWO(0, 4) PUT_TWO(1, 4)
        at0 -= 4;
        at1 -= 4;
        FLUSH(0) FLUSH(1)
    }
    while (at0 > starts[0]) {
        PUT_ONE(0) FLUSH(0)
    }
    while (at1 > starts[1]) {
        PUT_ONE(1) FLUSH(1)
    }
    END(0) END(1)
    lengths[0] = (size_t)(to0 - begin0);
    lengths[1] = (size_t)(to1 - begin1);
}

BODY size_t write_literals_body(const uint8_t *plain, size_t size, uint8_t *to, size_t room, room_to_work *work) {
    size_t end = 0, coded = 0;
    for (size_t start = 0; start < size; start += BLOCK) {
        const uint8_t *p = plain + start;
        size_t n = size - start < BLOCK ? size - start : BLOCK, quarter = (n + 3) / 4, lengths[4] = {0}, literals = 0;
        code made;
        uint8_t tree[1 + SYMBOLS / 2];
        size_t tree_length = 0;
        if (n >= LEAST) {
            uint32_t counts[SYMBOLS];
            if (!count(p, n, counts) || !make_code(counts, &made, work->pairs)) return 0;
            tree_length = write_tree(&made, tree);
            const uint8_t *const starts[5] = {p, p + quarter, p + 2 * quarter, p + 3 * quarter, p + n};
            write_streams(starts, work->pairs, made.single, work->streams[0], work->streams[1], lengths);
            write_streams(starts + 2, work->pairs, made.single, work->streams[2], work->streams[3], lengths + 2);
            literals = tree_length + 6 + lengths[0] + lengths[1] + lengths[2] + lengths[3];
        }
        // A stream's length has 16 bits.
        int is_raw = literals == 0 || literals >= n - n / 64 || lengths[0] >> 16 || lengths[1] >> 16 || lengths[2] >> 16;
        size_t kept = is_raw ? n : 5 + literals + 1;
        if (room < 16 || end > room - 16 || kept > room - 16 - end) return 0;
        uint32_t mark = (uint32_t)(kept << 3) | (is_raw ? 0 : 4) | (start + n == size);
        for (int k = 0; k < 3; k++) to[end++] = (uint8_t)(mark >> 8 * k);
        if (is_raw) {
            memcpy(to + end, p, n);
            end += n;
            continue;
        }
        // Literals with a tree, in four streams, with both sizes in 18 bits.
        uint64_t sizes = 2 | 3 << 2 | (uint64_t)n << 4 | (uint64_t)literals << 22;
        for (int k = 0; k < 5; k++) to[end++] = (uint8_t)(sizes >> 8 * k);
        memcpy(to + end, tree, tree_length);
        end += tree_length;
        for (int k = 0; k < 3; k++) {
            to[end++] = (uint8_t)lengths[k];
            to[end++] = (uint8_t)(lengths[k] >> 8);
        }
        for (int k = 0; k < 4; k++) {
            memcpy(to + end, work->streams[k], lengths[k]);
            end += lengths[k];
        }
        to[end++] = 0; // sequences
        coded++;
    }
    return coded ? end : 0;
}

VARIANTS_OF(size_t, write_literals, (const uint8_t *plain, size_t size, uint8_t *to, size_t room, room_to_work *work),
            (plain, size, to, room, work))

size_t cake_write_literals(int set, const uint8_t *plain, size_t size, uint8_t *to, size_t room, void *work) {
    return CALL(write_literals, set, (plain, size, to, room, (room_to_work *)work));
}
