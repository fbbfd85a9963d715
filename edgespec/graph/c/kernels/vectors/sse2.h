/* Sixteen numbers at once, in four registers of 128 bits. */
typedef struct { __m128 a, b, c, d; } V;
INLINE V v_load(const float *x)
{
    V y;
    y.a = _mm_loadu_ps(x); y.b = _mm_loadu_ps(x + 4); y.c = _mm_loadu_ps(x + 8); y.d = _mm_loadu_ps(x + 12);
    return y;
}
INLINE V v_all(float x) { V y; y.a = y.b = y.c = y.d = _mm_set1_ps(x); return y; }
INLINE V v_add(V a, V b)
{
    a.a = _mm_add_ps(a.a, b.a); a.b = _mm_add_ps(a.b, b.b); a.c = _mm_add_ps(a.c, b.c); a.d = _mm_add_ps(a.d, b.d);
    return a;
}
INLINE V v_fma(V a, V b, V c)
{
    c.a = _mm_add_ps(_mm_mul_ps(a.a, b.a), c.a); c.b = _mm_add_ps(_mm_mul_ps(a.b, b.b), c.b);
    c.c = _mm_add_ps(_mm_mul_ps(a.c, b.c), c.c); c.d = _mm_add_ps(_mm_mul_ps(a.d, b.d), c.d);
    return c;
}
INLINE V v_larger(V a, V b)
{
    a.a = _mm_max_ps(a.a, b.a); a.b = _mm_max_ps(a.b, b.b); a.c = _mm_max_ps(a.c, b.c); a.d = _mm_max_ps(a.d, b.d);
    return a;
}
INLINE V v_between(V x, float low, float high)
{
    __m128 l = _mm_set1_ps(low), h = _mm_set1_ps(high);
    x.a = _mm_min_ps(_mm_max_ps(x.a, l), h); x.b = _mm_min_ps(_mm_max_ps(x.b, l), h);
    x.c = _mm_min_ps(_mm_max_ps(x.c, l), h); x.d = _mm_min_ps(_mm_max_ps(x.d, l), h);
    return x;
}
INLINE void v_store(float *y, V x)
{
    _mm_storeu_ps(y, x.a); _mm_storeu_ps(y + 4, x.b); _mm_storeu_ps(y + 8, x.c); _mm_storeu_ps(y + 12, x.d);
}
#define TILE_ROWS 0
#define LONG_ROWS 2
