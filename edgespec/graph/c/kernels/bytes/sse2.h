/* 8-bit numbers by SSE2: two products of 16-bit numbers a step. */
typedef int16_t q_t;
typedef struct { __m128i a, b, c, d; } A;
typedef __m128i X;
INLINE A a_none(void) { A a; a.a = a.b = a.c = a.d = _mm_setzero_si128(); return a; }
INLINE X x_all(const q_t *x) { int32_t two; memcpy(&two, x, sizeof two); return _mm_set1_epi32(two); }
INLINE __m128i a_load(const void *x) { return _mm_loadu_si128((const __m128i *)x); }
INLINE A a_dot(A a, X x, const int16_t *w)
{
    a.a = _mm_add_epi32(a.a, _mm_madd_epi16(x, a_load(w)));
    a.b = _mm_add_epi32(a.b, _mm_madd_epi16(x, a_load(w + 8)));
    a.c = _mm_add_epi32(a.c, _mm_madd_epi16(x, a_load(w + 16)));
    a.d = _mm_add_epi32(a.d, _mm_madd_epi16(x, a_load(w + 24)));
    return a;
}
INLINE V a_real(A a, const int32_t *start)
{
    V y;
    y.a = _mm_cvtepi32_ps(_mm_add_epi32(a.a, a_load(start)));
    y.b = _mm_cvtepi32_ps(_mm_add_epi32(a.b, a_load(start + 4)));
    y.c = _mm_cvtepi32_ps(_mm_add_epi32(a.c, a_load(start + 8)));
    y.d = _mm_cvtepi32_ps(_mm_add_epi32(a.d, a_load(start + 12)));
    return y;
}
INLINE void q_store(q_t *y, V x)
{
    _mm_storeu_si128((__m128i *)(void *)y, _mm_packs_epi32(_mm_cvtps_epi32(x.a), _mm_cvtps_epi32(x.b)));
    _mm_storeu_si128((__m128i *)(void *)(y + 8), _mm_packs_epi32(_mm_cvtps_epi32(x.c), _mm_cvtps_epi32(x.d)));
}
#define WEIGHT int16_t
#define WEIGHTS(name) name##_wide
#define BYTE_STEP 2
#define BYTE_TILE_ROWS 0
#define LONG_BYTE_ROWS 2
