#include "variants.h"
#include <string.h>

// Wide registers gain nothing here: the destination of each element depends only on its own bits. Two things cost time. An
// element waits for the one before it in its group, so elements of four quarters are moved side by side, and each quarter
// has places of its own in each group. A load behind a store to an unknown place waits as well, so elements are loaded by
// the word, ahead of the stores.

enum { LANES = CAKE_LANES };

#define EACH(T) (8 / sizeof(T))
#define ELEMENT(T, word, j) ((T)((word) >> (8 * sizeof(T) * (j))))
#define KEY(T, x) ((uint32_t)((x) & (T)((T)-1 >> 1)) >> fraction)
#define WORD(T, from, e) word_at((from) + sizeof(T) * (e))
#define LAST(k) ((k) == LANES - 1 ? n : ((k) + 1) * quarter)

BODY uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

#define GROUPS(tag, T, fraction_bits)                                                                                  \
    static void count_groups_##tag(const uint8_t *base, size_t n, uint32_t *counts) {                                  \
        const int fraction = fraction_bits;                                                                            \
        const size_t groups = (size_t)1 << (8 * sizeof(T) - 1 - fraction), quarter = n / LANES;                        \
        size_t i = 0;                                                                                                  \
        for (; i + EACH(T) <= quarter; i += EACH(T)) {                                                                 \
            uint64_t b[LANES];                                                                                         \
            for (size_t k = 0; k < LANES; k++) b[k] = WORD(T, base, i + k * quarter);                                  \
            for (size_t j = 0; j < EACH(T); j++)                                                                       \
                for (size_t k = 0; k < LANES; k++) counts[k * groups + KEY(T, ELEMENT(T, b[k], j))]++;                 \
        }                                                                                                              \
        for (size_t k = 0; k < LANES; k++)                                                                             \
            for (size_t e = i + k * quarter; e < LAST(k); e++) {                                                       \
                T b;                                                                                                   \
                memcpy(&b, base + e * sizeof(T), sizeof b);                                                            \
                counts[k * groups + KEY(T, b)]++;                                                                      \
            }                                                                                                          \
    }                                                                                                                  \
    static void scatter_##tag(const uint8_t *values, const uint8_t *base, size_t n, uint32_t *starts,                  \
                              uint8_t *grouped) {                                                                      \
        const int fraction = fraction_bits;                                                                            \
        const size_t groups = (size_t)1 << (8 * sizeof(T) - 1 - fraction), quarter = n / LANES;                        \
        size_t i = 0;                                                                                                  \
        for (; i + EACH(T) <= quarter; i += EACH(T)) {                                                                 \
            uint64_t b[LANES], v[LANES];                                                                               \
            for (size_t k = 0; k < LANES; k++) {                                                                       \
                b[k] = WORD(T, base, i + k * quarter);                                                                 \
                v[k] = WORD(T, values, i + k * quarter);                                                               \
            }                                                                                                          \
            for (size_t j = 0; j < EACH(T); j++)                                                                       \
                for (size_t k = 0; k < LANES; k++) {                                                                   \
                    T one = ELEMENT(T, v[k], j);                                                                       \
                    size_t place = starts[k * groups + KEY(T, ELEMENT(T, b[k], j))]++;                                 \
                    memcpy(grouped + sizeof(T) * place, &one, sizeof one);                                             \
                }                                                                                                      \
        }                                                                                                              \
        for (size_t k = 0; k < LANES; k++)                                                                             \
            for (size_t e = i + k * quarter; e < LAST(k); e++) {                                                       \
                T b;                                                                                                   \
                memcpy(&b, base + e * sizeof(T), sizeof b);                                                            \
                size_t place = starts[k * groups + KEY(T, b)]++;                                                       \
                memcpy(grouped + sizeof(T) * place, values + sizeof(T) * e, sizeof b);                                 \
            }                                                                                                          \
    }                                                                                                                  \
    static void gather_##tag(const uint8_t *grouped, const uint8_t *base, size_t n, uint32_t *starts,                  \
                             uint8_t *values) {                                                                        \
        const int fraction = fraction_bits;                                                                            \
        const size_t groups = (size_t)1 << (8 * sizeof(T) - 1 - fraction), quarter = n / LANES;                        \
        size_t i = 0;                                                                                                  \
        for (; i + EACH(T) <= quarter; i += EACH(T)) {                                                                 \
            uint64_t b[LANES], v[LANES] = {0};                                                                         \
            for (size_t k = 0; k < LANES; k++) b[k] = WORD(T, base, i + k * quarter);                                  \
            for (size_t j = 0; j < EACH(T); j++)                                                                       \
                for (size_t k = 0; k < LANES; k++) {                                                                   \
                    T one;                                                                                             \
                    size_t place = starts[k * groups + KEY(T, ELEMENT(T, b[k], j))]++;                                 \
                    memcpy(&one, grouped + sizeof(T) * place, sizeof one);                                             \
                    v[k] |= (uint64_t)one << (8 * sizeof(T) * j);                                                      \
                }                                                                                                      \
            for (size_t k = 0; k < LANES; k++) memcpy(values + sizeof(T) * (i + k * quarter), &v[k], 8);               \
        }                                                                                                              \
        for (size_t k = 0; k < LANES; k++)                                                                             \
            for (size_t e = i + k * quarter; e < LAST(k); e++) {                                                       \
                T b;                                                                                                   \
                memcpy(&b, base + e * sizeof(T), sizeof b);                                                            \
                size_t place = starts[k * groups + KEY(T, b)]++;                                                       \
                memcpy(values + sizeof(T) * e, grouped + sizeof(T) * place, sizeof b);                                 \
            }                                                                                                          \
    }

GROUPS(bf16, uint16_t, 7)
GROUPS(f16, uint16_t, 10)
GROUPS(f32, uint32_t, 23)

void cake_count_groups(const uint8_t *base, size_t n, int fraction, uint32_t *counts) {
    switch (fraction) {
    case 7: count_groups_bf16(base, n, counts); break;
    case 10: count_groups_f16(base, n, counts); break;
    case 23: count_groups_f32(base, n, counts); break;
    }
}

void cake_scatter(const uint8_t *values, const uint8_t *base, size_t n, int fraction, uint32_t *starts,
                  uint8_t *grouped) {
    switch (fraction) {
    case 7: scatter_bf16(values, base, n, starts, grouped); break;
    case 10: scatter_f16(values, base, n, starts, grouped); break;
    case 23: scatter_f32(values, base, n, starts, grouped); break;
    }
}

void cake_gather(const uint8_t *grouped, const uint8_t *base, size_t n, int fraction, uint32_t *starts,
                 uint8_t *values) {
    switch (fraction) {
    case 7: gather_bf16(grouped, base, n, starts, values); break;
    case 10: gather_f16(grouped, base, n, starts, values); break;
    case 23: gather_f32(grouped, base, n, starts, values); break;
    }
}
