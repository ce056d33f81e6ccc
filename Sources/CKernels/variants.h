// Compiles a kernel once for each instruction set. The body is an always-inlined function of plain C; what the compiler may
// use for it is the only difference. On ARM the portable one is NEON, which every such processor has.
#pragma once
#include "kernels.h"
#define BODY static inline __attribute__((always_inline))
#define VARIANTS(name, parameters, arguments) VARIANTS_OF(void, name, parameters, arguments)

#if defined(__x86_64__)
#define TARGET_AVX2 __attribute__((target("avx2,fma,bmi,bmi2,lzcnt")))
#define TARGET_AVX512                                                                                                  \
    __attribute__((target("avx2,fma,bmi,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512dq,prefer-256-bit")))
#define VARIANTS_OF(type, name, parameters, arguments)                                                                 \
    static type name##_portable parameters { return name##_body arguments; }                                           \
    TARGET_AVX2 static type name##_avx2 parameters { return name##_body arguments; }                                   \
    TARGET_AVX512 static type name##_avx512 parameters { return name##_body arguments; }
#define CALL(name, set, arguments)                                                                                     \
    ((set) == CAKE_AVX512 ? name##_avx512 arguments                                                                    \
     : (set) == CAKE_AVX2 ? name##_avx2 arguments                                                                      \
                          : name##_portable arguments)
#else
#define VARIANTS_OF(type, name, parameters, arguments)                                                                 \
    static type name##_portable parameters { return name##_body arguments; }
#define CALL(name, set, arguments) ((void)(set), name##_portable arguments)
#endif
