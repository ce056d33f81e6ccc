#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))

int cake_has_sha256_pair(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// The eight words in the order of the instructions.
typedef struct {
    __m128i abef, cdgh;
} state;

WITH_SHA static inline state load(const void *words) {
    __m128i first = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words), 0xB1);
    __m128i second = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words + 1), 0x1B);
    return (state){_mm_alignr_epi8(first, second, 8), _mm_blend_epi16(second, first, 0xF0)};
}

WITH_SHA static inline void save(state s, void *words) {
    __m128i first = _mm_shuffle_epi32(s.abef, 0x1B), second = _mm_shuffle_epi32(s.cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(first, second, 0xF0));
    _mm_storeu_si128((__m128i *)words + 1, _mm_alignr_epi8(second, first, 8));
}

// The next four words of the message in place of the oldest four.
#define EXTEND(w, r)                                                                                                   \
    w[(r) & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w[(r) & 3], w[((r) + 1) & 3]),                \
                                                    _mm_alignr_epi8(w[((r) + 3) & 3], w[((r) + 2) & 3], 4)),           \
                                      w[((r) + 3) & 3])

WITH_SHA void cake_sha256_pair(void *one, const uint8_t *ones, void *other, const uint8_t *others, size_t blocks) {
    const __m128i swapped = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    state x = load(one), y = load(other);
    for (; blocks > 0; blocks--, ones += 64, others += 64) {
        state x_before = x, y_before = y;
        __m128i v[4], w[4];
        for (int i = 0; i < 4; i++) {
            v[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)ones + i), swapped);
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)others + i), swapped);
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < 16; r++) {
            __m128i four = _mm_load_si128((const __m128i *)constants + r);
            __m128i p = _mm_add_epi32(v[r & 3], four), q = _mm_add_epi32(w[r & 3], four);
            x.cdgh = _mm_sha256rnds2_epu32(x.cdgh, x.abef, p);
            y.cdgh = _mm_sha256rnds2_epu32(y.cdgh, y.abef, q);
            if (r < 12) {
                EXTEND(v, r);
                EXTEND(w, r);
            }
            x.abef = _mm_sha256rnds2_epu32(x.abef, x.cdgh, _mm_shuffle_epi32(p, 0x0E));
            y.abef = _mm_sha256rnds2_epu32(y.abef, y.cdgh, _mm_shuffle_epi32(q, 0x0E));
        }
        x = (state){_mm_add_epi32(x.abef, x_before.abef), _mm_add_epi32(x.cdgh, x_before.cdgh)};
        y = (state){_mm_add_epi32(y.abef, y_before.abef), _mm_add_epi32(y.cdgh, y_before.cdgh)};
    }
    save(x, one);
    save(y, other);
}

#else

int cake_has_sha256_pair(void) { return 0; }

void cake_sha256_pair(void *one, const uint8_t *ones, void *other, const uint8_t *others, size_t blocks) {
    (void)one, (void)ones, (void)other, (void)others, (void)blocks;
}

#endif
