/* 8-bit numbers by NEON: four products a step. */
typedef int8_t q_t;
#if defined(__ARM_FEATURE_DOTPROD)
typedef int32x4x4_t A;
typedef int8x16_t X;
INLINE A a_none(void) { A a; a.val[0] = a.val[1] = a.val[2] = a.val[3] = vdupq_n_s32(0); return a; }
INLINE X x_all(const q_t *x) { int32_t four; memcpy(&four, x, sizeof four); return vreinterpretq_s8_s32(vdupq_n_s32(four)); }
INLINE A a_dot(A a, X x, const int8_t *w)
{
    a.val[0] = vdotq_s32(a.val[0], vld1q_s8(w), x); a.val[1] = vdotq_s32(a.val[1], vld1q_s8(w + 16), x);
    a.val[2] = vdotq_s32(a.val[2], vld1q_s8(w + 32), x); a.val[3] = vdotq_s32(a.val[3], vld1q_s8(w + 48), x);
    return a;
}
INLINE int32x4_t a_sums(A a, int i) { return a.val[i]; }
INLINE A a_larger(A a, A b)
{
    a.val[0] = vmaxq_s32(a.val[0], b.val[0]); a.val[1] = vmaxq_s32(a.val[1], b.val[1]);
    a.val[2] = vmaxq_s32(a.val[2], b.val[2]); a.val[3] = vmaxq_s32(a.val[3], b.val[3]);
    return a;
}
#define POOLS_SUMS
#define LONG_BYTE_ROWS 4
#define FOUR_BYTE_BLOCKS
#else
typedef struct { int32x4_t a, b, c, d, e, f, g, h; } A; /* of each output two sums, side by side */
typedef int8x8_t X;
INLINE A a_none(void) { A a; a.a = a.b = a.c = a.d = a.e = a.f = a.g = a.h = vdupq_n_s32(0); return a; }
INLINE X x_all(const q_t *x) { int32_t four; memcpy(&four, x, sizeof four); return vreinterpret_s8_s32(vdup_n_s32(four)); }
INLINE A a_dot(A a, X x, const int8_t *w)
{
    a.a = vpadalq_s16(a.a, vmull_s8(vld1_s8(w), x)); a.b = vpadalq_s16(a.b, vmull_s8(vld1_s8(w + 8), x));
    a.c = vpadalq_s16(a.c, vmull_s8(vld1_s8(w + 16), x)); a.d = vpadalq_s16(a.d, vmull_s8(vld1_s8(w + 24), x));
    a.e = vpadalq_s16(a.e, vmull_s8(vld1_s8(w + 32), x)); a.f = vpadalq_s16(a.f, vmull_s8(vld1_s8(w + 40), x));
    a.g = vpadalq_s16(a.g, vmull_s8(vld1_s8(w + 48), x)); a.h = vpadalq_s16(a.h, vmull_s8(vld1_s8(w + 56), x));
    return a;
}
INLINE int32x4_t a_sums(A a, int i)
{
    return i == 0 ? vpaddq_s32(a.a, a.b) : i == 1 ? vpaddq_s32(a.c, a.d) : i == 2 ? vpaddq_s32(a.e, a.f) : vpaddq_s32(a.g, a.h);
}
#define LONG_BYTE_ROWS 2
#endif
INLINE V a_real(A a, const int32_t *start)
{
    V y;
    for (int i = 0; i < 4; i++)
        y.val[i] = vcvtq_f32_s32(vaddq_s32(a_sums(a, i), vld1q_s32(start + 4 * i)));
    return y;
}
INLINE void q_store(q_t *y, V x)
{
    const int32x4_t shift = vdupq_n_s32(Q_SHIFT);
    int16x4_t part[4];
    for (int i = 0; i < 4; i++)
        part[i] = vmovn_s32(vsubq_s32(vcvtnq_s32_f32(x.val[i]), shift));
    vst1_s8(y, vmovn_s16(vcombine_s16(part[0], part[1])));
    vst1_s8(y + 8, vmovn_s16(vcombine_s16(part[2], part[3])));
}
#define WEIGHT int8_t
#define WEIGHTS(name) name
#define BYTE_STEP 4
#define BYTE_TILE_ROWS 0
