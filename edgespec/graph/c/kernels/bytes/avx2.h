/* 8-bit numbers by AVX2: two products of 16-bit numbers a step. */
typedef int16_t q_t;
typedef struct { __m256i a, b; } A;
typedef __m256i X;
INLINE A a_none(void) { A a; a.a = a.b = _mm256_setzero_si256(); return a; }
INLINE X x_all(const q_t *x) { int32_t two; memcpy(&two, x, sizeof two); return _mm256_set1_epi32(two); }
INLINE __m256i a_load(const void *x) { return _mm256_loadu_si256((const __m256i *)x); }
INLINE A a_dot(A a, X x, const int16_t *w)
{
    a.a = _mm256_add_epi32(a.a, _mm256_madd_epi16(x, a_load(w)));
    a.b = _mm256_add_epi32(a.b, _mm256_madd_epi16(x, a_load(w + 16)));
    return a;
}
INLINE A a_larger(A a, A b) { a.a = _mm256_max_epi32(a.a, b.a); a.b = _mm256_max_epi32(a.b, b.b); return a; }
INLINE V a_real(A a, const int32_t *start)
{
    V y;
    y.a = _mm256_cvtepi32_ps(_mm256_add_epi32(a.a, a_load(start)));
    y.b = _mm256_cvtepi32_ps(_mm256_add_epi32(a.b, a_load(start + 8)));
    return y;
}
INLINE void q_store(q_t *y, V x)
{
    __m256i both = _mm256_packs_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b));
    _mm256_storeu_si256((__m256i *)(void *)y, _mm256_permute4x64_epi64(both, 0xd8));
}
#define WEIGHT int16_t
#define WEIGHTS(name) name##_wide
#define BYTE_STEP 2
#define POOLS_SUMS
#define BYTE_TILE_ROWS 0
#define LONG_BYTE_ROWS 4
#define FOUR_BYTE_BLOCKS
