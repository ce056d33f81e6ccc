#include "variants.h"
#include <string.h>

BODY uint8_t ordered8(uint8_t x, int order) { return order ? x ^ (uint8_t)((int8_t)x >> 7 | 0x80) : x; }
BODY uint16_t ordered16(uint16_t x, int order) { return order ? x ^ (uint16_t)((int16_t)x >> 15 | 0x8000) : x; }
BODY uint32_t ordered32(uint32_t x, int order) { return order ? x ^ ((uint32_t)((int32_t)x >> 31) | 1u << 31) : x; }
BODY uint64_t ordered64(uint64_t x, int order) { return order ? x ^ ((uint64_t)((int64_t)x >> 63) | 1ull << 63) : x; }
BODY uint8_t unordered8(uint8_t x, int order) { return order ? x ^ (uint8_t)(~((int8_t)x >> 7) | 0x80) : x; }
BODY uint16_t unordered16(uint16_t x, int order) { return order ? x ^ (uint16_t)(~((int16_t)x >> 15) | 0x8000) : x; }
BODY uint32_t unordered32(uint32_t x, int order) { return order ? x ^ (~(uint32_t)((int32_t)x >> 31) | 1u << 31) : x; }
BODY uint64_t unordered64(uint64_t x, int order) {
    return order ? x ^ (~(uint64_t)((int64_t)x >> 63) | 1ull << 63) : x;
}

#define DELTA(bits, order, tag)                                                                                        \
    BODY void difference##tag##_body(const uint8_t *restrict plain, const uint8_t *restrict base, size_t n,            \
                                     uint8_t *restrict values) {                                                       \
        for (size_t i = 0; i < n; i++) {                                                                               \
            uint##bits##_t a, b;                                                                                       \
            memcpy(&a, plain + i * sizeof a, sizeof a);                                                                \
            memcpy(&b, base + i * sizeof b, sizeof b);                                                                 \
            a = (uint##bits##_t)(ordered##bits(a, order) - ordered##bits(b, order));                                   \
            a = (uint##bits##_t)((uint##bits##_t)(a << 1) ^ (uint##bits##_t)((int##bits##_t)a >> (bits - 1)));         \
            memcpy(values + i * sizeof a, &a, sizeof a);                                                               \
        }                                                                                                              \
    }                                                                                                                  \
    VARIANTS(difference##tag, (const uint8_t *plain, const uint8_t *base, size_t n, uint8_t *values),                  \
             (plain, base, n, values))                                                                                 \
    BODY void sum##tag##_body(const uint8_t *restrict values, const uint8_t *restrict base, size_t n,                  \
                              uint8_t *restrict plain) {                                                               \
        for (size_t i = 0; i < n; i++) {                                                                               \
            uint##bits##_t a, b;                                                                                       \
            memcpy(&a, values + i * sizeof a, sizeof a);                                                               \
            memcpy(&b, base + i * sizeof b, sizeof b);                                                                 \
            a = (uint##bits##_t)(a >> 1) ^ (uint##bits##_t)(0 - (a & 1));                                              \
            a = unordered##bits((uint##bits##_t)(ordered##bits(b, order) + a), order);                                 \
            memcpy(plain + i * sizeof a, &a, sizeof a);                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    VARIANTS(sum##tag, (const uint8_t *values, const uint8_t *base, size_t n, uint8_t *plain), (values, base, n, plain))

DELTA(8, 0, _integer8)
DELTA(16, 0, _integer16)
DELTA(32, 0, _integer32)
DELTA(64, 0, _integer64)
DELTA(8, 1, _float8)
DELTA(16, 1, _float16)
DELTA(32, 1, _float32)
DELTA(64, 1, _float64)

void cake_difference(int set, const uint8_t *plain, const uint8_t *base, size_t n, int width, int order,
                     uint8_t *values) {
    switch (order ? -width : width) {
    case 1: CALL(difference_integer8, set, (plain, base, n, values)); break;
    case 2: CALL(difference_integer16, set, (plain, base, n, values)); break;
    case 4: CALL(difference_integer32, set, (plain, base, n, values)); break;
    case 8: CALL(difference_integer64, set, (plain, base, n, values)); break;
    case -1: CALL(difference_float8, set, (plain, base, n, values)); break;
    case -2: CALL(difference_float16, set, (plain, base, n, values)); break;
    case -4: CALL(difference_float32, set, (plain, base, n, values)); break;
    case -8: CALL(difference_float64, set, (plain, base, n, values)); break;
    }
}

void cake_sum(int set, const uint8_t *values, const uint8_t *base, size_t n, int width, int order, uint8_t *plain) {
    switch (order ? -width : width) {
    case 1: CALL(sum_integer8, set, (values, base, n, plain)); break;
    case 2: CALL(sum_integer16, set, (values, base, n, plain)); break;
    case 4: CALL(sum_integer32, set, (values, base, n, plain)); break;
    case 8: CALL(sum_integer64, set, (values, base, n, plain)); break;
    case -1: CALL(sum_float8, set, (values, base, n, plain)); break;
    case -2: CALL(sum_float16, set, (values, base, n, plain)); break;
    case -4: CALL(sum_float32, set, (values, base, n, plain)); break;
    case -8: CALL(sum_float64, set, (values, base, n, plain)); break;
    }
}

BODY void xor_body(const uint8_t *restrict one, const uint8_t *restrict other, size_t n, uint8_t *restrict result) {
    for (size_t i = 0; i < n; i++) result[i] = one[i] ^ other[i];
}
VARIANTS(xor, (const uint8_t *one, const uint8_t *other, size_t n, uint8_t *result), (one, other, n, result))

void cake_xor(int set, const uint8_t *one, const uint8_t *other, size_t bytes, uint8_t *result) {
    CALL(xor, set, (one, other, bytes, result));
}

// Counters as wide as the values, for as many values as they can count: then no lane has to be widened.
enum { COUNTED = 1 << 15 };
#define LARGE(T)                                                                                                       \
    BODY void large_##T##_body(const uint8_t *restrict values, size_t n, uint32_t *restrict counts) {                  \
        counts[0] = counts[1] = counts[2] = 0;                                                                         \
        for (size_t start = 0; start < n; start += COUNTED) {                                                          \
            T one = 0, three = 0, fifteen = 0;                                                                         \
            size_t end = n - start < COUNTED ? n : start + COUNTED;                                                    \
            for (size_t i = start; i < end; i++) {                                                                     \
                T v;                                                                                                   \
                memcpy(&v, values + i * sizeof v, sizeof v);                                                           \
                one += v >= 1;                                                                                         \
                three += v >= 3;                                                                                       \
                fifteen += v >= 15;                                                                                    \
            }                                                                                                          \
            counts[0] += one;                                                                                          \
            counts[1] += three;                                                                                        \
            counts[2] += fifteen;                                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    VARIANTS(large_##T, (const uint8_t *values, size_t n, uint32_t *counts), (values, n, counts))                      \
    BODY size_t from_##T##_body(const uint8_t *restrict values, size_t n, T threshold) {                               \
        size_t all = 0;                                                                                                \
        for (size_t start = 0; start < n; start += COUNTED) {                                                          \
            T count = 0;                                                                                               \
            size_t end = n - start < COUNTED ? n : start + COUNTED;                                                    \
            for (size_t i = start; i < end; i++) {                                                                     \
                T v;                                                                                                   \
                memcpy(&v, values + i * sizeof v, sizeof v);                                                           \
                count += v >= threshold;                                                                               \
            }                                                                                                          \
            all += count;                                                                                              \
        }                                                                                                              \
        return all;                                                                                                    \
    }                                                                                                                  \
    VARIANTS_OF(size_t, from_##T, (const uint8_t *values, size_t n, T threshold), (values, n, threshold))
LARGE(uint16_t)
LARGE(uint32_t)

void cake_count_large(int set, const uint8_t *values, size_t n, int width, uint32_t *counts) {
    if (width == 2) CALL(large_uint16_t, set, (values, n, counts));
    else CALL(large_uint32_t, set, (values, n, counts));
}

size_t cake_count_from(int set, const uint8_t *values, size_t n, int width, uint32_t threshold) {
    if (width == 2) return CALL(from_uint16_t, set, (values, n, (uint16_t)threshold));
    return CALL(from_uint32_t, set, (values, n, threshold));
}
