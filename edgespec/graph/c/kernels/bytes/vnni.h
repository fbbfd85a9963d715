/* 8-bit numbers by AVX-512 VNNI: four products a step. */
typedef uint8_t q_t;
typedef __m512i A;
typedef __m512i X;
INLINE A a_none(void) { return _mm512_setzero_si512(); }
INLINE X x_all(const q_t *x) { int32_t four; memcpy(&four, x, sizeof four); return _mm512_set1_epi32(four); }
INLINE A a_dot(A a, X x, const int8_t *w) { return _mm512_dpbusd_epi32(a, x, _mm512_loadu_si512(w)); }
INLINE A a_larger(A a, A b) { return _mm512_max_epi32(a, b); }
INLINE V a_real(A a, const int32_t *start) { return _mm512_cvtepi32_ps(_mm512_add_epi32(a, _mm512_loadu_si512(start))); }
INLINE void q_store_part(q_t *y, V x, int count)
{
    const __m512i whole = _mm512_cvtps_epi32(x);
    if (count >= 16)
        _mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtusepi32_epi8(whole));
    else
        _mm512_mask_cvtusepi32_storeu_epi8(y, (__mmask16)((1u << count) - 1), whole);
}
#define STORES_BYTE_PARTS
#define WEIGHT int8_t
#define WEIGHTS(name) name
#define BYTE_STEP 4
#define POOLS_SUMS
#define BYTE_TILE_ROWS 8
#define LONG_BYTE_ROWS 16
#define FOUR_BYTE_BLOCKS
