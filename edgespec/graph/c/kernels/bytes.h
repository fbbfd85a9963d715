/* Numbers of 8 bits: q_t holds a number from 0 to 255 less Q_SHIFT, in whatever the processor multiplies fastest.
   A holds sixteen running sums; a step adds four products to each: weights are (steps, 16 outputs, 4). Sums are exact. */
#if defined(__AVX512VNNI__) && defined(__AVX512F__)
typedef uint8_t q_t;
#define Q_SHIFT 0
typedef __m512i A;
typedef __m512i X;
INLINE A a_none(void) { return _mm512_setzero_si512(); }
INLINE X x_all(const q_t *x) { int32_t four; memcpy(&four, x, sizeof four); return _mm512_set1_epi32(four); }
INLINE A a_dot(A a, X x, const int8_t *w) { return _mm512_dpbusd_epi32(a, x, _mm512_loadu_si512(w)); }
INLINE V a_real(A a, const int32_t *start) { return _mm512_cvtepi32_ps(_mm512_add_epi32(a, _mm512_loadu_si512(start))); }
INLINE void q_store(q_t *y, V x) { _mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(x))); }
INLINE void q_store_part(q_t *y, V x, int count)
{
    _mm512_mask_cvtusepi32_storeu_epi8(y, (__mmask16)((1u << (count < 16 ? count : 16)) - 1), _mm512_cvtps_epi32(x));
}
#define STORES_BYTE_PARTS
#define FOUR_BYTE_BLOCKS /* of a single row are computed at once */
#define BYTE_ROWS 6
#define BYTE_COLUMNS 2
#define LONG_BYTE_ROWS 6
#elif defined(__AVX2__) && defined(__FMA__)
typedef int16_t q_t;
#define Q_SHIFT 0
typedef struct { __m256i a, b, c, d; } A; /* of each output two sums, side by side */
typedef __m256i X;
INLINE A a_none(void) { A a; a.a = a.b = a.c = a.d = _mm256_setzero_si256(); return a; }
INLINE X x_all(const q_t *x) { int64_t four; memcpy(&four, x, sizeof four); return _mm256_set1_epi64x(four); }
INLINE __m256i a_part(__m256i a, X x, const int8_t *w)
{
    return _mm256_add_epi32(a, _mm256_madd_epi16(x, _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w))));
}
INLINE A a_dot(A a, X x, const int8_t *w)
{
    a.a = a_part(a.a, x, w); a.b = a_part(a.b, x, w + 16); a.c = a_part(a.c, x, w + 32); a.d = a_part(a.d, x, w + 48);
    return a;
}
INLINE __m256 a_eight(__m256i a, __m256i b, const int32_t *start)
{
    __m256i sums = _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8);
    return _mm256_cvtepi32_ps(_mm256_add_epi32(sums, _mm256_loadu_si256((const __m256i *)(const void *)start)));
}
INLINE V a_real(A a, const int32_t *start)
{
    V y;
    y.a = a_eight(a.a, a.b, start); y.b = a_eight(a.c, a.d, start + 8);
    return y;
}
INLINE void q_store(q_t *y, V x)
{
    __m256i both = _mm256_packs_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b));
    _mm256_storeu_si256((__m256i *)(void *)y, _mm256_permute4x64_epi64(both, 0xd8));
}
#define BYTE_ROWS 2
#define BYTE_COLUMNS 1
#elif defined(__SSE2__)
typedef int16_t q_t;
#define Q_SHIFT 0
typedef struct { __m128i a, b, c, d, e, f, g, h; } A; /* of each output two sums, side by side */
typedef __m128i X;
INLINE A a_none(void) { A a; a.a = a.b = a.c = a.d = a.e = a.f = a.g = a.h = _mm_setzero_si128(); return a; }
INLINE X x_all(const q_t *x) { return _mm_shuffle_epi32(_mm_loadl_epi64((const __m128i *)(const void *)x), 0x44); }
INLINE void a_part(__m128i *one, __m128i *other, X x, const int8_t *w)
{
    const __m128i four = _mm_loadu_si128((const __m128i *)(const void *)w);
    *one = _mm_add_epi32(*one, _mm_madd_epi16(x, _mm_srai_epi16(_mm_unpacklo_epi8(four, four), 8)));
    *other = _mm_add_epi32(*other, _mm_madd_epi16(x, _mm_srai_epi16(_mm_unpackhi_epi8(four, four), 8)));
}
INLINE A a_dot(A a, X x, const int8_t *w)
{
    a_part(&a.a, &a.b, x, w);
    a_part(&a.c, &a.d, x, w + 16);
    a_part(&a.e, &a.f, x, w + 32);
    a_part(&a.g, &a.h, x, w + 48);
    return a;
}
INLINE __m128 a_four(__m128i a, __m128i b, const int32_t *start)
{
    const __m128 one = _mm_castsi128_ps(a), other = _mm_castsi128_ps(b);
    const __m128i even = _mm_castps_si128(_mm_shuffle_ps(one, other, 0x88)), odd = _mm_castps_si128(_mm_shuffle_ps(one, other, 0xdd));
    return _mm_cvtepi32_ps(_mm_add_epi32(_mm_add_epi32(even, odd), _mm_loadu_si128((const __m128i *)(const void *)start)));
}
INLINE V a_real(A a, const int32_t *start)
{
    V y;
    y.a = a_four(a.a, a.b, start); y.b = a_four(a.c, a.d, start + 4);
    y.c = a_four(a.e, a.f, start + 8); y.d = a_four(a.g, a.h, start + 12);
    return y;
}
INLINE void q_store(q_t *y, V x)
{
    _mm_storeu_si128((__m128i *)(void *)y, _mm_packs_epi32(_mm_cvtps_epi32(x.a), _mm_cvtps_epi32(x.b)));
    _mm_storeu_si128((__m128i *)(void *)(y + 8), _mm_packs_epi32(_mm_cvtps_epi32(x.c), _mm_cvtps_epi32(x.d)));
}
#define BYTE_ROWS 1
#define BYTE_COLUMNS 1
#elif defined(__ARM_NEON) && defined(__aarch64__)
typedef int8_t q_t;
#define Q_SHIFT 128
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
#define BYTE_ROWS 4
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
#define BYTE_ROWS 2
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
#define BYTE_COLUMNS 1
#else
typedef int8_t q_t;
#define Q_SHIFT 128
#define BYTE_ROWS 0 /* one output after the other */
#define BYTE_COLUMNS 1
#endif

#ifndef LONG_BYTE_ROWS
#define LONG_BYTE_ROWS BYTE_ROWS
#endif
#if BYTE_ROWS > 0 && !defined(STORES_BYTE_PARTS)
INLINE void q_store_part(q_t *y, V x, int count)
{
    if (count >= 16) {
        q_store(y, x);
    } else {
        q_t whole[16];
        q_store(whole, x);
        memcpy(y, whole, (size_t)count * sizeof *y);
    }
}
#endif

INLINE q_t rounded(float x, int zero)
{
    /* the nearest whole number, an even one between two: the sum has no room for a fraction */
    x = between(x, (float)-zero, (float)(255 - zero));
    return (q_t)((int)((x + 12582912.0f) - 12582912.0f) + zero - Q_SHIFT);
}

INLINE void surround_q_t(q_t *x, int count, int before, int behind, q_t with)
{
    for (int i = 0; i < before; i++)
        x[i - before] = with;
    for (int i = 0; i < behind; i++)
        x[count + i] = with;
}
