#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "-ffast-math changes probabilities and hides spectra that are not finite: compile without it"
#endif
#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L
#error "this is C99: compile with -std=c99 or newer"
#endif
/* Levels of x86: 0 SSE2, 1 AVX2 and FMA, 2 AVX-512, 3 AVX-512 with VNNI. MODEL_BASE is what the compiler's flags allow.
   The file also holds functions of higher levels, up to MODEL_LEVEL, and asks the processor which it has; -DMODEL_LEVEL=0 leaves them out. */
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#define MODEL_BASE 3
#elif defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define MODEL_BASE 2
#elif defined(__AVX2__) && defined(__FMA__)
#define MODEL_BASE 1
#elif defined(__SSE2__)
#define MODEL_BASE 0
#else
#define MODEL_BASE -1
#endif
#ifndef MODEL_LEVEL
#define MODEL_LEVEL 3
#endif
#if MODEL_BASE >= 0 && defined(__x86_64__) && ((defined(__clang__) && __clang_major__ >= 9) || (!defined(__clang__) && defined(__GNUC__) && __GNUC__ >= 9))
#define MODEL_MOST MODEL_LEVEL
#else
#define MODEL_MOST MODEL_BASE
#endif
#if MODEL_BASE >= 0
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__ARM_FEATURE_DSP) || defined(__ARM_FEATURE_SIMD32)
#include <arm_acle.h>
#endif
#if MODEL_BASE >= 0 || (defined(__ARM_NEON) && defined(__aarch64__))
#define MODEL_VECTORS 1
#else
#define MODEL_VECTORS 0
#endif
#if MODEL_BASE >= 0
#define Q_SHIFT 0 /* what is taken from numbers of 0 to 255, so that they are held as the processor multiplies them */
#else
#define Q_SHIFT 128
#endif
#if MODEL_BASE >= 0 && MODEL_BASE < 3
#define MODEL_WIDE 1 /* 16-bit weights */
#else
#define MODEL_WIDE 0
#endif
#if !MODEL_WIDE || MODEL_MOST >= 3
#define MODEL_BYTES 1 /* 8-bit weights */
#else
#define MODEL_BYTES 0
#endif
#if defined(__GNUC__)
#define ALIGNED __attribute__((aligned(64)))
#if MODEL_BASE >= 0 && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#define INLINE static inline __attribute__((unused, always_inline)) /* a loop that calls a function is computed one number at a time */
#else
#define INLINE static inline __attribute__((unused))
#endif
#else
#define ALIGNED
#define INLINE static inline
#endif
#if MODEL_BASE >= 0 && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math", "no-tree-pre") /* at -O2 gcc computes most loops one number at a time */
#if MODEL_BASE >= 2
#pragma GCC target("prefer-vector-width=512") /* a load waits for what lies in two stores: all of them are as wide as the kernels' */
#endif
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define AS_LOOP _Pragma("GCC unroll 1") /* unrolled, a short window's loads are shared by rows, and there are too few registers for them */
#else
#define AS_LOOP
#endif
