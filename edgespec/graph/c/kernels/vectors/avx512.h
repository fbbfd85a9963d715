/* Sixteen numbers at once, in one register of 512 bits. */
typedef __m512 V;
INLINE V v_load(const float *x) { return _mm512_loadu_ps(x); }
INLINE V v_all(float x) { return _mm512_set1_ps(x); }
INLINE V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
INLINE V v_add(V a, V b) { return _mm512_add_ps(a, b); }
INLINE V v_larger(V a, V b) { return _mm512_max_ps(a, b); }
INLINE V v_between(V x, float low, float high) { return _mm512_min_ps(_mm512_max_ps(x, v_all(low)), v_all(high)); }
INLINE void v_store(float *y, V x) { _mm512_storeu_ps(y, x); }
INLINE void v_store_part(float *y, V x, int count)
{
    if (count >= 16) /* what a mask has stored reaches a load only by way of the cache */
        v_store(y, x);
    else
        _mm512_mask_storeu_ps(y, (__mmask16)((1u << count) - 1), x);
}
#define STORES_PARTS
#define TILE_ROWS 8
#define LONG_ROWS 16
#define FOUR_BLOCKS
