// What every kernel makes of made-up elements, a line each: which kernel, how many elements of which kind, and a mark of all
// bytes of the answer. Two processors that print the same lines have the same kernels. scripts/interop/neon builds and runs it.
#include "kernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 5000, ROOM = 8 * MOST + 64, RANK = 17, COLUMNS = 96 };

static uint64_t state;
static uint64_t next(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state * 0x2545f4914f6cdd1d;
}

static uint64_t mark(uint64_t mark, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) mark = (mark ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
    return mark;
}

static uint8_t one[ROOM], other[ROOM], result[ROOM], more[ROOM], last[ROOM];
static int set;

// Answers are marked with what lies behind them, so that a kernel that writes too far is seen.
static void clear(void) { memset(result, 0xA5, ROOM), memset(more, 0xA5, ROOM), memset(last, 0xA5, ROOM); }

static void tell(const char *kernel, int width, int option, const char *kind, size_t n, uint64_t number) {
    uint64_t all = mark(mark(mark(mark(0xcbf29ce484222325, result, ROOM), more, ROOM), last, ROOM), &number, sizeof number);
    printf("%s %d %d, %zu of %s: %016llx\n", kernel, width, option, n, kind, (unsigned long long)all);
}

static void same(const uint8_t *back, const uint8_t *plain, size_t count, const char *kernel) {
    if (memcmp(back, plain, count) == 0) return;
    printf("%s does not give back what went in\n", kernel);
    exit(1);
}

// Bytes of chance, the same everywhere, small steps beside `one`, and what stands at the ends of floats.
static const char *kinds[] = {"chance", "zeros", "ones", "steps", "edges"};
static void fill(int kind, int width) {
    static const uint64_t edges[] = {0, 0x8000000080008000, 0x7f8000007f807c00, 0xff800000ff80fc00, 0x7fc000007fc07e00,
                                     0x0000000100010001, 0x8000000180018001, 0x7f7fffff7f7f7bff, 0x007fffff007f03ff};
    for (size_t i = 0; i < ROOM; i++) one[i] = (uint8_t)next(), other[i] = (uint8_t)next();
    if (kind == 1) memset(one, 0, ROOM), memset(other, 0, ROOM);
    if (kind == 2) memset(one, 255, ROOM), memset(other, 0, ROOM);
    if (kind == 3) {
        memcpy(other, one, ROOM);
        for (size_t i = 0; i + 8 < ROOM; i += (size_t)width) other[i] = (uint8_t)(one[i] + (int)(next() % 9) - 4);
    }
    if (kind == 4)
        for (size_t i = 0; i + 8 < ROOM; i += 8)
            memcpy(one + i, &edges[next() % 9], 8), memcpy(other + i, &edges[next() % 9], 8);
}

static void planes(const char *kind, size_t n) {
    for (int width = 2; width <= 8; width *= 2)
        for (int rotated = 0; rotated < 2; rotated++) {
            clear();
            cake_split_planes(set, one, n, width, rotated, result);
            cake_merge_planes(set, result, n, width, rotated, more);
            same(more, one, n * (size_t)width, "merge");
            tell("planes", width, rotated, kind, n, 0);
        }
}

static void deltas(const char *kind, size_t n) {
    for (int width = 1; width <= 8; width *= 2)
        for (int order = 0; order < 2; order++) {
            clear();
            cake_difference(set, one, other, n, width, order, result);
            cake_sum(set, result, other, n, width, order, more);
            same(more, one, n * (size_t)width, "sum");
            cake_xor(set, one, other, n * (size_t)width, last);
            tell("difference", width, order, kind, n, 0);
        }
}

static void groups(const char *kind, size_t n) {
    static const int layouts[][2] = {{2, 7}, {2, 10}, {4, 23}};
    for (int i = 0; i < 3; i++) {
        int width = layouts[i][0], fraction = layouts[i][1];
        uint32_t counts[CAKE_LANES * 256] = {0}, starts[CAKE_LANES * 256], again[CAKE_LANES * 256], at = 0, large[3] = {0};
        int many = 1 << (8 * width - 1 - fraction);
        uint64_t from[3];
        clear();
        cake_count_groups(other, n, fraction, counts);
        for (int g = 0; g < many; g++)
            for (int place = g; place < CAKE_LANES * many; place += many) starts[place] = again[place] = at, at += counts[place];
        cake_scatter(one, other, n, fraction, starts, result);
        cake_gather(result, other, n, fraction, again, more);
        same(more, one, n * (size_t)width, "gather");
        for (int t = 0; t < 3; t++) from[t] = cake_count_from(set, one, n, width, (uint32_t[]){0, 1, 0x7fff}[t]);
        cake_count_large(set, one, n, width, large);
        tell("groups", width, fraction, kind, n, mark(mark(mark(1, counts, sizeof counts), from, sizeof from), large, sizeof large));
    }
}

static void codes(const char *kind, size_t n) {
    for (int width = 2; width <= 4; width *= 2) {
        size_t bytes = n * (size_t)width;
        cake_difference(set, one, other, n, width, 1, last);
        uint8_t *values = malloc(bytes + 1);
        memcpy(values, last, bytes);
        for (int bits = 2; bits <= 4; bits += 2) {
            clear();
            size_t escaped = cake_pack_codes(set, values, n, width, bits, result, more);
            size_t taken = cake_unpack_codes(set, result, n, width, bits, more, escaped, last);
            same(last, values, bytes, "unpack_codes");
            if (escaped > 0 && cake_unpack_codes(set, result, n, width, bits, more, escaped - 1, last) < escaped) exit(1);
            memset(last, 0, ROOM);
            tell("codes", width, bits, kind, n, escaped << 32 | taken);
        }
        for (int low = 0; low <= 8 * (width - 1); low++) {
            clear();
            size_t escaped = cake_pack_bytes(set, values, n, width, low, result, more, last);
            uint8_t *back = malloc(bytes + 1);
            size_t taken = cake_unpack_bytes(set, result, n, width, low, more, last, escaped, back);
            same(back, values, bytes, "unpack_bytes");
            free(back);
            tell("bytes", width, low, kind, n, escaped << 32 | taken);
        }
        free(values);
    }
}

// Bytes as exponents are: of few kinds, one more frequent than the next.
static void literals(const char *kind, size_t n) {
    static uint8_t bytes[40 * MOST], frame[40 * MOST];
    static uint32_t work[CAKE_LITERALS_WORK / 4];
    for (int few = 1; few <= 64; few *= 4) {
        size_t count = n * 40;
        for (size_t i = 0; i < count; i++) {
            int rank = __builtin_ctzll(next() | 1ull << few % 63);
            bytes[i] = (uint8_t)(60 - rank + (one[i % ROOM] & 1));
        }
        memset(frame, 0xA5, sizeof frame);
        size_t length = cake_write_literals(set, bytes, count, frame, sizeof frame, work);
        clear();
        tell("literals", few, 0, kind, count, mark(length, frame, sizeof frame));
    }
}

static void hashes(const char *kind, size_t n) {
    clear();
    cake_blake3(one, n, 0, result);
    cake_blake3(one, n, other, more);
    tell("blake3", 0, 0, kind, n, 0);
}

static float float_between(double most) { return (float)(((double)(next() >> 11) / 0x1p53 - 0.5) * most); }

static void products(const char *kind, size_t n) {
    static float left[RANK * 4], right[COLUMNS * RANK], floats[MOST];
    static double blocks[8 * MOST], sums[MOST * 16 / 8];
    static const int fractions[] = {7, 10, 23};
    for (size_t i = 0; i < RANK * 4; i++) left[i] = float_between(2);
    for (size_t i = 0; i < COLUMNS * RANK; i++) right[i] = float_between(i % 5 ? 0.1 : 70000);
    for (int i = 0; i < 3; i++) {
        int width = fractions[i] == 23 ? 4 : 2;
        for (size_t column = 0; column < 40; column += 13) {
            size_t some = n < COLUMNS - column ? n : COLUMNS - column;
            clear();
            cake_predict(set, one, some, fractions[i], left, RANK, right, column, result);
            tell("predict", width, fractions[i], kind, some, column);
        }
        for (size_t columns = 1; columns <= COLUMNS && 4 * columns <= n; columns += 19) {
            clear();
            cake_predict_rows(set, one, 4, columns, fractions[i], left, RANK, right, result);
            tell("rows", width, fractions[i], kind, columns, 0);
        }
        clear();
        cake_subtract(set, one, other, n, fractions[i], floats);
        memcpy(result, floats, n * sizeof(float));
        tell("subtract", width, fractions[i], kind, n, 0);
    }
    for (size_t i = 0; i < n; i++) floats[i] = float_between(i % 7 ? 1 : 1e6);
    double energy = cake_energy(set, floats, n);
    clear();
    memcpy(result, &energy, sizeof energy);
    tell("energy", 4, 0, kind, n, 0);
    for (size_t columns = 1; columns <= 40 && columns <= n; columns += 13) {
        size_t rows = n / columns < 150 ? n / columns : 150;
        for (size_t i = 0; i < 16 * columns; i++) blocks[i] = float_between(3);
        memset(sums, 0, sizeof sums);
        if (rows * 16 > sizeof sums / 8) rows = sizeof sums / 8 / 16;
        cake_times(set, floats, rows, columns, blocks, 8 * columns, 16, sums);
        clear();
        memcpy(result, sums, rows * 16 * 8 < ROOM ? rows * 16 * 8 : ROOM);
        for (size_t i = 0; i < rows * 16; i++) sums[i] = (double)(float)sums[i];
        cake_transposed_times(set, floats, rows, columns, sums, 16, blocks, 8 * columns);
        memcpy(more, blocks, 16 * columns * 8);
        tell("times", (int)columns, 16, kind, rows, 0);
    }
}

// With the highest instruction set that is asked for, or the portable one.
int main(int count, char **arguments) {
    static const size_t lengths[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 255, 257, 1000, 4999};
    set = count > 1 ? atoi(arguments[1]) : CAKE_PORTABLE;
    if (set > cake_kernels_best()) return 2;
    state = 0x9e3779b97f4a7c15;
    for (int kind = 0; kind < 5; kind++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            fill(kind, i % 2 ? 2 : 4);
            planes(kinds[kind], lengths[i]);
            deltas(kinds[kind], lengths[i]);
            groups(kinds[kind], lengths[i]);
            literals(kinds[kind], lengths[i]);
            hashes(kinds[kind], lengths[i]);
            codes(kinds[kind], lengths[i]);
            products(kinds[kind], lengths[i]);
        }
    return 0;
}
