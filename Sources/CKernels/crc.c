#include "kernels.h"

// Folding by carry-less multiplication, after Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction" (Intel, 2009), with the reflected polynomial of zip: sixty-four bytes a step, then sixteen, then reduced.
#if defined(__x86_64__)
#include <immintrin.h>

int cake_can_fold_crc(void) { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }

#define FOLDING __attribute__((target("pclmul,sse4.1")))

FOLDING static inline __m128i fold(__m128i sum, __m128i keys, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(sum, keys, 0x00), high = _mm_clmulepi64_si128(sum, keys, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

FOLDING uint32_t cake_fold_crc(uint32_t crc, const uint8_t *bytes, size_t count) {
    const __m128i *next = (const __m128i *)bytes, *end = (const __m128i *)(bytes + count);
    const __m128i by_four = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_one = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i to_half = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i halves = _mm_setr_epi32(-1, 0, -1, 0);
    __m128i sums[4];
    for (int lane = 0; lane < 4; lane++) sums[lane] = _mm_loadu_si128(next++);
    sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)~crc));
    for (; end - next >= 4; next += 4)
        for (int lane = 0; lane < 4; lane++) sums[lane] = fold(sums[lane], by_four, _mm_loadu_si128(next + lane));
    __m128i sum = sums[0];
    for (int lane = 1; lane < 4; lane++) sum = fold(sum, by_one, sums[lane]);
    while (next < end) sum = fold(sum, by_one, _mm_loadu_si128(next++));
    sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, by_one, 0x10));
    sum = _mm_xor_si128(_mm_srli_si128(sum, 4), _mm_clmulepi64_si128(_mm_and_si128(sum, halves), to_half, 0x00));
    __m128i rest = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(sum, halves), barrett, 0x10), halves);
    return ~(uint32_t)_mm_extract_epi32(_mm_xor_si128(sum, _mm_clmulepi64_si128(rest, barrett, 0x00)), 1);
}
#else
int cake_can_fold_crc(void) { return 0; }
uint32_t cake_fold_crc(uint32_t crc, const uint8_t *bytes, size_t count) {
    (void)bytes, (void)count;
    return crc;
}
#endif
