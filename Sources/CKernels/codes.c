#include "variants.h"
#include <string.h>

// All codes first, in a loop without branches; then, 64 bits of codes at a time, those that escape.
#define CODES(T, bits)                                                                                                 \
    BODY T code##bits##_##T(T v) { return v < (1 << bits) - 1 ? v : (1 << bits) - 1; }                                 \
    /* The lowest bit of each code in a word that is the highest; `here` codes are there. */                           \
    BODY uint64_t escaping##bits##_##T(const uint8_t *codes, size_t here) {                                            \
        uint64_t word = 0;                                                                                             \
        if (here == 64 / bits) memcpy(&word, codes, 8);                                                                \
        else {                                                                                                         \
            memcpy(&word, codes, (here * bits + 7) / 8);                                                               \
            word &= (1ull << here * bits) - 1;                                                                         \
        }                                                                                                              \
        word &= word >> 1;                                                                                             \
        if (bits == 4) word &= word >> 2;                                                                              \
        return word & (bits == 2 ? 0x5555555555555555 : 0x1111111111111111);                                           \
    }                                                                                                                  \
    BODY size_t pack##bits##_##T##_body(const uint8_t *restrict values, size_t n, uint8_t *restrict codes,             \
                                        uint8_t *restrict escapes) {                                                   \
        size_t whole = n * bits / 8, each = 8 / bits, escaped = 0;                                                     \
        for (size_t i = 0; i < whole; i++) {                                                                           \
            T v[8 / bits];                                                                                             \
            memcpy(v, values + i * sizeof v, sizeof v);                                                                \
            T code = 0;                                                                                                \
            for (int k = 0; k < 8 / bits; k++) code |= (T)(code##bits##_##T(v[k]) << bits * k);                        \
            codes[i] = (uint8_t)code;                                                                                  \
        }                                                                                                              \
        if (whole * each < n) codes[whole] = 0;                                                                        \
        for (size_t i = whole * each; i < n; i++) {                                                                    \
            T v;                                                                                                       \
            memcpy(&v, values + i * sizeof v, sizeof v);                                                               \
            codes[whole] |= (uint8_t)(code##bits##_##T(v) << bits * (i - whole * each));                               \
        }                                                                                                              \
        for (size_t i = 0; i < n; i += 64 / bits) {                                                                    \
            size_t here = n - i < 64 / bits ? n - i : 64 / bits;                                                       \
            for (uint64_t mask = escaping##bits##_##T(codes + i * bits / 8, here); mask; mask &= mask - 1) {           \
                size_t place = i + (size_t)__builtin_ctzll(mask) / bits;                                               \
                memcpy(escapes + sizeof(T) * escaped++, values + sizeof(T) * place, sizeof(T));                        \
            }                                                                                                          \
        }                                                                                                              \
        return escaped;                                                                                                \
    }                                                                                                                  \
    BODY size_t unpack##bits##_##T##_body(const uint8_t *restrict codes, size_t n, const uint8_t *restrict escapes,    \
                                          size_t available, uint8_t *restrict values) {                                \
        size_t whole = n * bits / 8, each = 8 / bits, escaped = 0;                                                     \
        for (size_t i = 0; i < whole; i++) {                                                                           \
            T v[8 / bits];                                                                                             \
            for (int k = 0; k < 8 / bits; k++) v[k] = codes[i] >> bits * k & ((1 << bits) - 1);                        \
            memcpy(values + i * sizeof v, v, sizeof v);                                                                \
        }                                                                                                              \
        for (size_t i = whole * each; i < n; i++) {                                                                    \
            T v = codes[whole] >> bits * (i - whole * each) & ((1 << bits) - 1);                                       \
            memcpy(values + i * sizeof v, &v, sizeof v);                                                               \
        }                                                                                                              \
        for (size_t i = 0; i < n; i += 64 / bits) {                                                                    \
            size_t here = n - i < 64 / bits ? n - i : 64 / bits;                                                       \
            uint64_t mask = escaping##bits##_##T(codes + i * bits / 8, here);                                          \
            size_t more = (size_t)__builtin_popcountll(mask);                                                          \
            if (escaped + more > available) return escaped + more;                                                     \
            for (; mask; mask &= mask - 1) {                                                                           \
                size_t place = i + (size_t)__builtin_ctzll(mask) / bits;                                               \
                memcpy(values + sizeof(T) * place, escapes + sizeof(T) * escaped++, sizeof(T));                        \
            }                                                                                                          \
        }                                                                                                              \
        return escaped;                                                                                                \
    }                                                                                                                  \
    VARIANTS_OF(size_t, pack##bits##_##T, (const uint8_t *values, size_t n, uint8_t *codes, uint8_t *escapes),         \
                (values, n, codes, escapes))                                                                           \
    VARIANTS_OF(size_t, unpack##bits##_##T,                                                                            \
                (const uint8_t *codes, size_t n, const uint8_t *escapes, size_t available, uint8_t *values),           \
                (codes, n, escapes, available, values))

CODES(uint16_t, 2)
CODES(uint16_t, 4)
CODES(uint32_t, 2)
CODES(uint32_t, 4)

size_t cake_pack_codes(int set, const uint8_t *values, size_t n, int width, int bits, uint8_t *codes,
                       uint8_t *escapes) {
    if (width == 2) {
        if (bits == 2) return CALL(pack2_uint16_t, set, (values, n, codes, escapes));
        return CALL(pack4_uint16_t, set, (values, n, codes, escapes));
    }
    if (bits == 2) return CALL(pack2_uint32_t, set, (values, n, codes, escapes));
    return CALL(pack4_uint32_t, set, (values, n, codes, escapes));
}

size_t cake_unpack_codes(int set, const uint8_t *codes, size_t n, int width, int bits, const uint8_t *escapes,
                         size_t available, uint8_t *values) {
    if (width == 2) {
        if (bits == 2) return CALL(unpack2_uint16_t, set, (codes, n, escapes, available, values));
        return CALL(unpack4_uint16_t, set, (codes, n, escapes, available, values));
    }
    if (bits == 2) return CALL(unpack2_uint32_t, set, (codes, n, escapes, available, values));
    return CALL(unpack4_uint32_t, set, (codes, n, escapes, available, values));
}

// A number of bits at a time, from the lowest of the first byte on. Eight bytes are written and read at once, without a
// branch, except where they would reach past the end. Escapes are searched afterwards, eight bytes at a time.
#define BYTES(T)                                                                                                       \
    BODY size_t next255_##T(const uint8_t *bytes, size_t i, size_t n) {                                                \
        for (; i + 8 <= n; i += 8) {                                                                                   \
            uint64_t word;                                                                                             \
            memcpy(&word, bytes + i, 8);                                                                               \
            word = ~word;                                                                                              \
            if ((word - 0x0101010101010101) & ~word & 0x8080808080808080) break;                                       \
        }                                                                                                              \
        while (i < n && bytes[i] != 255) i++;                                                                          \
        return i;                                                                                                      \
    }                                                                                                                  \
    BODY size_t pack_bytes_##T##_body(const uint8_t *restrict values, size_t n, int low, uint8_t *restrict bytes,      \
                                      uint8_t *restrict bits, uint8_t *restrict escapes) {                             \
        size_t escaped = 0, end = (n * (size_t)low + 7) / 8, place = 0;                                                \
        uint64_t waiting = 0, mask = (1ull << low) - 1;                                                                \
        int count = 0;                                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                               \
            T v;                                                                                                       \
            memcpy(&v, values + i * sizeof(T), sizeof v);                                                              \
            v = (T)(v >> low);                                                                                         \
            bytes[i] = (uint8_t)(v < 255 ? v : 255);                                                                   \
        }                                                                                                              \
        for (size_t i = 0; low && i < n; i++) {                                                                        \
            T v;                                                                                                       \
            memcpy(&v, values + i * sizeof(T), sizeof v);                                                              \
            waiting |= (v & mask) << count;                                                                            \
            count += low;                                                                                              \
            if (place + 8 <= end) memcpy(bits + place, &waiting, 8);                                                   \
            else memcpy(bits + place, &waiting, end - place);                                                          \
            place += (size_t)count >> 3;                                                                               \
            waiting >>= count & ~7;                                                                                    \
            count &= 7;                                                                                                \
        }                                                                                                              \
        if (low >= 8 * (int)(sizeof(T) - 1)) return 0;                                                                 \
        for (size_t i = next255_##T(bytes, 0, n); i < n; i = next255_##T(bytes, i + 1, n))                             \
            memcpy(escapes + sizeof(T) * escaped++, values + sizeof(T) * i, sizeof(T));                                \
        return escaped;                                                                                                \
    }                                                                                                                  \
    BODY size_t unpack_bytes_##T##_body(const uint8_t *restrict bytes, size_t n, int low, const uint8_t *restrict bits,\
                                        const uint8_t *restrict escapes, size_t available, uint8_t *restrict values) { \
        size_t escaped = 0, end = (n * (size_t)low + 7) / 8, place = 0, i = 0;                                         \
        uint64_t mask = (1ull << low) - 1, word;                                                                       \
        for (; !low && i < n; i++) {                                                                                   \
            T v = bytes[i];                                                                                            \
            memcpy(values + i * sizeof(T), &v, sizeof v);                                                              \
        }                                                                                                              \
        for (; i < n && place / 8 + 8 <= end; i++, place += (size_t)low) {                                             \
            memcpy(&word, bits + place / 8, 8);                                                                        \
            T v = (T)((T)bytes[i] << low | (T)(word >> (place & 7) & mask));                                           \
            memcpy(values + i * sizeof(T), &v, sizeof v);                                                              \
        }                                                                                                              \
        for (; i < n; i++, place += (size_t)low) {                                                                     \
            word = 0;                                                                                                  \
            if (low) memcpy(&word, bits + place / 8, end - place / 8 < 8 ? end - place / 8 : 8);                       \
            T v = (T)((T)bytes[i] << low | (T)(word >> (place & 7) & mask));                                           \
            memcpy(values + i * sizeof(T), &v, sizeof v);                                                              \
        }                                                                                                              \
        if (low >= 8 * (int)(sizeof(T) - 1)) return 0;                                                                 \
        for (i = next255_##T(bytes, 0, n); i < n; i = next255_##T(bytes, i + 1, n)) {                                  \
            if (escaped == available) return escaped + 1;                                                              \
            memcpy(values + sizeof(T) * i, escapes + sizeof(T) * escaped++, sizeof(T));                                \
        }                                                                                                              \
        return escaped;                                                                                                \
    }                                                                                                                  \
    VARIANTS_OF(size_t, pack_bytes_##T,                                                                                \
                (const uint8_t *values, size_t n, int low, uint8_t *bytes, uint8_t *bits, uint8_t *escapes),           \
                (values, n, low, bytes, bits, escapes))                                                                \
    VARIANTS_OF(size_t, unpack_bytes_##T,                                                                              \
                (const uint8_t *bytes, size_t n, int low, const uint8_t *bits, const uint8_t *escapes,                 \
                 size_t available, uint8_t *values),                                                                   \
                (bytes, n, low, bits, escapes, available, values))

BYTES(uint16_t)
BYTES(uint32_t)

size_t cake_pack_bytes(int set, const uint8_t *values, size_t n, int width, int low, uint8_t *bytes, uint8_t *bits,
                       uint8_t *escapes) {
    if (width == 2) return CALL(pack_bytes_uint16_t, set, (values, n, low, bytes, bits, escapes));
    return CALL(pack_bytes_uint32_t, set, (values, n, low, bytes, bits, escapes));
}

size_t cake_unpack_bytes(int set, const uint8_t *bytes, size_t n, int width, int low, const uint8_t *bits,
                         const uint8_t *escapes, size_t available, uint8_t *values) {
    if (width == 2) return CALL(unpack_bytes_uint16_t, set, (bytes, n, low, bits, escapes, available, values));
    return CALL(unpack_bytes_uint32_t, set, (bytes, n, low, bits, escapes, available, values));
}
