#include "variants.h"
#include <string.h>

// One function for each width, with rotation and without: `turn` is how many bits, and a constant.
#define SPLIT(name, T, turn)                                                                                           \
    BODY void name##_body(const uint8_t *restrict in, size_t n, uint8_t *restrict out) {                               \
        for (size_t i = 0; i < n; i++) {                                                                               \
            T x;                                                                                                       \
            memcpy(&x, in + sizeof(T) * i, sizeof(T));                                                                 \
            if (turn) x = (T)(x << turn | x >> (8 * sizeof(T) - turn));                                                \
            for (size_t k = 0; k < sizeof(T); k++) out[k * n + i] = (uint8_t)(x >> 8 * k);                             \
        }                                                                                                              \
    }                                                                                                                  \
    VARIANTS(name, (const uint8_t *in, size_t n, uint8_t *out), (in, n, out))

#define MERGE(name, T, turn)                                                                                           \
    BODY void name##_body(const uint8_t *restrict in, size_t n, uint8_t *restrict out) {                               \
        for (size_t i = 0; i < n; i++) {                                                                               \
            T x = 0;                                                                                                   \
            for (size_t k = 0; k < sizeof(T); k++) x |= (T)((T)in[k * n + i] << 8 * k);                                \
            if (turn) x = (T)(x >> turn | x << (8 * sizeof(T) - turn));                                                \
            memcpy(out + sizeof(T) * i, &x, sizeof(T));                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    VARIANTS(name, (const uint8_t *in, size_t n, uint8_t *out), (in, n, out))

SPLIT(split2, uint16_t, 0)
SPLIT(split4, uint32_t, 0)
SPLIT(split8, uint64_t, 0)
SPLIT(split2_rotated, uint16_t, 1)
SPLIT(split4_rotated, uint32_t, 1)
SPLIT(split8_rotated, uint64_t, 1)
MERGE(merge2, uint16_t, 0)
MERGE(merge4, uint32_t, 0)
MERGE(merge8, uint64_t, 0)
MERGE(merge2_rotated, uint16_t, 1)
MERGE(merge4_rotated, uint32_t, 1)
MERGE(merge8_rotated, uint64_t, 1)

void cake_split_planes(int set, const uint8_t *plain, size_t n, int width, int rotated, uint8_t *planes) {
    switch (rotated ? -width : width) {
    case 2: CALL(split2, set, (plain, n, planes)); break;
    case 4: CALL(split4, set, (plain, n, planes)); break;
    case 8: CALL(split8, set, (plain, n, planes)); break;
    case -2: CALL(split2_rotated, set, (plain, n, planes)); break;
    case -4: CALL(split4_rotated, set, (plain, n, planes)); break;
    case -8: CALL(split8_rotated, set, (plain, n, planes)); break;
    }
}

void cake_merge_planes(int set, const uint8_t *planes, size_t n, int width, int rotated, uint8_t *plain) {
    switch (rotated ? -width : width) {
    case 2: CALL(merge2, set, (planes, n, plain)); break;
    case 4: CALL(merge4, set, (planes, n, plain)); break;
    case 8: CALL(merge8, set, (planes, n, plain)); break;
    case -2: CALL(merge2_rotated, set, (planes, n, plain)); break;
    case -4: CALL(merge4_rotated, set, (planes, n, plain)); break;
    case -8: CALL(merge8_rotated, set, (planes, n, plain)); break;
    }
}
