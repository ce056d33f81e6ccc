#include "kernels.h"
#include <string.h>

// Wide registers gain nothing here: the destination of each element depends only on its own bits.

#define KEY16(b) ((uint32_t)((b) & 0x7fff) >> fraction)
#define KEY32(b) (((b) & 0x7fffffff) >> fraction)

// Four counters for each group: equal neighbours then do not wait for each other.
#define COUNT(T, KEY)                                                                                                  \
    static void count_groups_##T(const uint8_t *base, size_t n, int fraction, uint32_t *counts) {                      \
        uint32_t more[3][256] = {{0}};                                                                                 \
        size_t i = 0;                                                                                                  \
        for (; i + 4 <= n; i += 4) {                                                                                   \
            T b[4];                                                                                                    \
            memcpy(b, base + i * sizeof(T), sizeof b);                                                                 \
            counts[KEY(b[0])]++;                                                                                       \
            more[0][KEY(b[1])]++;                                                                                      \
            more[1][KEY(b[2])]++;                                                                                      \
            more[2][KEY(b[3])]++;                                                                                      \
        }                                                                                                              \
        for (; i < n; i++) {                                                                                           \
            T b;                                                                                                       \
            memcpy(&b, base + i * sizeof(T), sizeof b);                                                                \
            counts[KEY(b)]++;                                                                                          \
        }                                                                                                              \
        for (int g = 0; g < 256 && g <= (int)KEY((T)-1); g++) counts[g] += more[0][g] + more[1][g] + more[2][g];        \
    }                                                                                                                  \
    static void scatter_##T(const uint8_t *values, const uint8_t *base, size_t n, int fraction, uint32_t *starts,      \
                            uint8_t *grouped) {                                                                        \
        for (size_t i = 0; i < n; i++) {                                                                               \
            T b, v;                                                                                                    \
            memcpy(&b, base + i * sizeof(T), sizeof b);                                                                \
            memcpy(&v, values + i * sizeof(T), sizeof v);                                                              \
            memcpy(grouped + sizeof(T) * (size_t)starts[KEY(b)]++, &v, sizeof v);                                      \
        }                                                                                                              \
    }                                                                                                                  \
    static void gather_##T(const uint8_t *grouped, const uint8_t *base, size_t n, int fraction, uint32_t *starts,      \
                           uint8_t *values) {                                                                          \
        for (size_t i = 0; i < n; i++) {                                                                               \
            T b;                                                                                                       \
            memcpy(&b, base + i * sizeof(T), sizeof b);                                                                \
            memcpy(values + i * sizeof(T), grouped + sizeof(T) * (size_t)starts[KEY(b)]++, sizeof b);                  \
        }                                                                                                              \
    }

COUNT(uint16_t, KEY16)
COUNT(uint32_t, KEY32)

void cake_count_groups(const uint8_t *base, size_t n, int width, int fraction, uint32_t *counts) {
    if (width == 2) count_groups_uint16_t(base, n, fraction, counts);
    else count_groups_uint32_t(base, n, fraction, counts);
}

void cake_scatter(const uint8_t *values, const uint8_t *base, size_t n, int width, int fraction, uint32_t *starts,
                  uint8_t *grouped) {
    if (width == 2) scatter_uint16_t(values, base, n, fraction, starts, grouped);
    else scatter_uint32_t(values, base, n, fraction, starts, grouped);
}

void cake_gather(const uint8_t *grouped, const uint8_t *base, size_t n, int width, int fraction, uint32_t *starts,
                 uint8_t *values) {
    if (width == 2) gather_uint16_t(grouped, base, n, fraction, starts, values);
    else gather_uint32_t(grouped, base, n, fraction, starts, values);
}

void cake_count_lengths(const uint8_t *values, size_t n, int width, uint32_t *lengths) {
    uint32_t more[4][33] = {{0}};
    for (size_t i = 0; i < n; i++) {
        uint32_t v = 0;
        if (width == 2) {
            uint16_t half;
            memcpy(&half, values + 2 * i, 2);
            v = half;
        } else memcpy(&v, values + 4 * i, 4);
        more[i & 3][v ? 32 - __builtin_clz(v) : 0]++;
    }
    for (int k = 0; k <= 32; k++) lengths[k] += more[0][k] + more[1][k] + more[2][k] + more[3][k];
}
