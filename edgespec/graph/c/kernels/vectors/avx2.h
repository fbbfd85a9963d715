/* Sixteen numbers at once, in two registers of 256 bits. */
typedef struct { __m256 a, b; } V;
INLINE V v_load(const float *x) { V y; y.a = _mm256_loadu_ps(x); y.b = _mm256_loadu_ps(x + 8); return y; }
INLINE V v_all(float x) { V y; y.a = y.b = _mm256_set1_ps(x); return y; }
INLINE V v_fma(V a, V b, V c) { c.a = _mm256_fmadd_ps(a.a, b.a, c.a); c.b = _mm256_fmadd_ps(a.b, b.b, c.b); return c; }
INLINE V v_add(V a, V b) { a.a = _mm256_add_ps(a.a, b.a); a.b = _mm256_add_ps(a.b, b.b); return a; }
INLINE V v_larger(V a, V b) { a.a = _mm256_max_ps(a.a, b.a); a.b = _mm256_max_ps(a.b, b.b); return a; }
INLINE V v_between(V x, float low, float high)
{
    __m256 l = _mm256_set1_ps(low), h = _mm256_set1_ps(high);
    x.a = _mm256_min_ps(_mm256_max_ps(x.a, l), h);
    x.b = _mm256_min_ps(_mm256_max_ps(x.b, l), h);
    return x;
}
INLINE void v_store(float *y, V x) { _mm256_storeu_ps(y, x.a); _mm256_storeu_ps(y + 8, x.b); }
#define TILE_ROWS 0
#define LONG_ROWS 6
#define FOUR_BLOCKS
