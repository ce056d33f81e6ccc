#include "kernels.h"

int cake_kernels_best(void) {
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("fma")) return CAKE_PORTABLE;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return CAKE_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) return CAKE_AVX2;
#endif
    return CAKE_PORTABLE;
}
