/* Sixteen numbers at once, as the processor holds them: V, and what is done with it. ROWS and COLUMNS say how many V a kernel keeps. */
#if defined(__AVX512F__)
typedef __m512 V;
INLINE V v_load(const float *x) { return _mm512_loadu_ps(x); }
INLINE V v_all(float x) { return _mm512_set1_ps(x); }
INLINE V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
INLINE V v_add(V a, V b) { return _mm512_add_ps(a, b); }
INLINE V v_between(V x, float low, float high) { return _mm512_min_ps(_mm512_max_ps(x, v_all(low)), v_all(high)); }
INLINE void v_store(float *y, V x) { _mm512_storeu_ps(y, x); }
INLINE void v_store_part(float *y, V x, int count) { _mm512_mask_storeu_ps(y, (__mmask16)((1u << (count < 16 ? count : 16)) - 1), x); }
#define STORES_PARTS
#define TILE_ROWS 6
#define TILE_COLUMNS 2
#define LONG_ROWS 12 /* of a tile that is one V wide */
#define FOUR_BLOCKS /* of a single row are computed at once */
#elif defined(__AVX2__) && defined(__FMA__)
typedef struct { __m256 a, b; } V;
INLINE V v_load(const float *x) { V y; y.a = _mm256_loadu_ps(x); y.b = _mm256_loadu_ps(x + 8); return y; }
INLINE V v_all(float x) { V y; y.a = y.b = _mm256_set1_ps(x); return y; }
INLINE V v_fma(V a, V b, V c) { c.a = _mm256_fmadd_ps(a.a, b.a, c.a); c.b = _mm256_fmadd_ps(a.b, b.b, c.b); return c; }
INLINE V v_add(V a, V b) { a.a = _mm256_add_ps(a.a, b.a); a.b = _mm256_add_ps(a.b, b.b); return a; }
INLINE V v_between(V x, float low, float high)
{
    __m256 l = _mm256_set1_ps(low), h = _mm256_set1_ps(high);
    x.a = _mm256_min_ps(_mm256_max_ps(x.a, l), h);
    x.b = _mm256_min_ps(_mm256_max_ps(x.b, l), h);
    return x;
}
INLINE void v_store(float *y, V x) { _mm256_storeu_ps(y, x.a); _mm256_storeu_ps(y + 8, x.b); }
#define TILE_ROWS 6
#define TILE_COLUMNS 1
#define FOUR_BLOCKS
#elif defined(__SSE2__)
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
#define TILE_ROWS 2
#define TILE_COLUMNS 1
#elif defined(__ARM_NEON) && defined(__aarch64__)
typedef float32x4x4_t V;
INLINE V v_load(const float *x)
{
    V y;
    y.val[0] = vld1q_f32(x); y.val[1] = vld1q_f32(x + 4); y.val[2] = vld1q_f32(x + 8); y.val[3] = vld1q_f32(x + 12);
    return y;
}
INLINE V v_all(float x) { V y; y.val[0] = y.val[1] = y.val[2] = y.val[3] = vdupq_n_f32(x); return y; }
INLINE V v_fma(V a, V b, V c)
{
    c.val[0] = vfmaq_f32(c.val[0], a.val[0], b.val[0]); c.val[1] = vfmaq_f32(c.val[1], a.val[1], b.val[1]);
    c.val[2] = vfmaq_f32(c.val[2], a.val[2], b.val[2]); c.val[3] = vfmaq_f32(c.val[3], a.val[3], b.val[3]);
    return c;
}
INLINE V v_add(V a, V b)
{
    a.val[0] = vaddq_f32(a.val[0], b.val[0]); a.val[1] = vaddq_f32(a.val[1], b.val[1]);
    a.val[2] = vaddq_f32(a.val[2], b.val[2]); a.val[3] = vaddq_f32(a.val[3], b.val[3]);
    return a;
}
INLINE V v_between(V x, float low, float high)
{
    float32x4_t l = vdupq_n_f32(low), h = vdupq_n_f32(high);
    x.val[0] = vminq_f32(vmaxq_f32(x.val[0], l), h); x.val[1] = vminq_f32(vmaxq_f32(x.val[1], l), h);
    x.val[2] = vminq_f32(vmaxq_f32(x.val[2], l), h); x.val[3] = vminq_f32(vmaxq_f32(x.val[3], l), h);
    return x;
}
INLINE void v_store(float *y, V x)
{
    vst1q_f32(y, x.val[0]); vst1q_f32(y + 4, x.val[1]); vst1q_f32(y + 8, x.val[2]); vst1q_f32(y + 12, x.val[3]);
}
#define TILE_ROWS 6
#define TILE_COLUMNS 1
#define FOUR_BLOCKS
#else
typedef struct { float at[16]; } V;
INLINE V v_load(const float *x) { V y; memcpy(y.at, x, sizeof y.at); return y; }
INLINE V v_all(float x) { V y; for (int i = 0; i < 16; i++) y.at[i] = x; return y; }
INLINE V v_fma(V a, V b, V c) { for (int i = 0; i < 16; i++) c.at[i] += a.at[i] * b.at[i]; return c; }
INLINE V v_add(V a, V b) { for (int i = 0; i < 16; i++) a.at[i] += b.at[i]; return a; }
INLINE V v_between(V x, float low, float high) { for (int i = 0; i < 16; i++) x.at[i] = between(x.at[i], low, high); return x; }
INLINE void v_store(float *y, V x) { memcpy(y, x.at, sizeof x.at); }
#define TILE_ROWS 1
#define TILE_COLUMNS 1
#endif

#ifndef LONG_ROWS
#define LONG_ROWS TILE_ROWS
#endif
#ifndef STORES_PARTS
INLINE void v_store_part(float *y, V x, int count)
{
    if (count >= 16) {
        v_store(y, x);
    } else {
        float whole[16];
        v_store(whole, x);
        memcpy(y, whole, (size_t)count * sizeof *y);
    }
}
#endif
