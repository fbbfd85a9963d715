/* Sixteen numbers at once, in four registers of 128 bits: 64-bit Arm. */
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
INLINE V v_larger(V a, V b)
{
    a.val[0] = vmaxq_f32(a.val[0], b.val[0]); a.val[1] = vmaxq_f32(a.val[1], b.val[1]);
    a.val[2] = vmaxq_f32(a.val[2], b.val[2]); a.val[3] = vmaxq_f32(a.val[3], b.val[3]);
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
#define TILE_ROWS 0
#define LONG_ROWS 6
#define FOUR_BLOCKS
