/* Dense layers of 8-bit numbers: exact sums, then a factor and a number added for each output, as 8-bit numbers (q) or as floats (f).
   A row's window is `taps` stretches of `steps` times four numbers, `jump` from one to the next. */
struct layer {
    const int8_t *w;
    const int32_t *start; /* what the sums begin with: the input's zero */
    const float *factor, *add;
    int outputs;
    float low, high;
};

#if BYTE_ROWS > 0
INLINE void layer_store(A a, const struct layer *l, int block, q_t *q, float *f)
{
    const ptrdiff_t at = (ptrdiff_t)block * 16, count = l->outputs - at;
    const V y = v_between(v_fma(a_real(a, l->start + at), v_load(l->factor + at), v_load(l->add + at)), l->low, l->high);
    if (f)
        v_store_part(f + at, y, (int)count);
    else
        q_store_part(q + at, y, (int)count);
}

#define MAKE_BYTE_ROWS_1(M) M(0)
#define MAKE_BYTE_ROWS_2(M) M(0) M(1)
#define MAKE_BYTE_ROWS_4(M) M(0) M(1) M(2) M(3)
#define MAKE_BYTE_ROWS_6(M) M(0) M(1) M(2) M(3) M(4) M(5)
#define MAKE_BYTE_ROWS_12(M) MAKE_BYTE_ROWS_6(M) M(6) M(7) M(8) M(9) M(10) M(11)
#define JOIN_BYTES_(a, b) a##b
#define JOIN_BYTES(a, b) JOIN_BYTES_(a, b)
#define EACH_BYTE_ROW JOIN_BYTES(MAKE_BYTE_ROWS_, BYTE_ROWS)
#define EACH_LONG_BYTE_ROW JOIN_BYTES(MAKE_BYTE_ROWS_, LONG_BYTE_ROWS)

INLINE void bytes_tile(const q_t *x, ptrdiff_t step, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block,
                              ptrdiff_t next, q_t *q, float *f, ptrdiff_t pitch)
{
    const int8_t *w = l->w + block * next;
#define M(p) A a##p = a_none();
    EACH_LONG_BYTE_ROW(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        const q_t *from = x + tap * jump;
        for (int j = 0; j < steps; j++, w += 64) {
#define M(p) a##p = a_dot(a##p, x_all(from + (p) * step + 4 * j), w);
            EACH_LONG_BYTE_ROW(M)
#undef M
        }
    }
#define M(p) layer_store(a##p, l, block, q ? q + (p) * pitch : q, f ? f + (p) * pitch : f);
    EACH_LONG_BYTE_ROW(M)
#undef M
}

#if BYTE_COLUMNS == 2
INLINE void bytes_tile_2(const q_t *x, ptrdiff_t step, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block,
                                ptrdiff_t next, q_t *q, float *f, ptrdiff_t pitch)
{
    const int8_t *w = l->w + block * next;
#define M(p) A a##p = a_none(), c##p = a_none();
    EACH_BYTE_ROW(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        const q_t *from = x + tap * jump;
        for (int j = 0; j < steps; j++, w += 64) {
#define M(p) { const X t = x_all(from + (p) * step + 4 * j); a##p = a_dot(a##p, t, w); c##p = a_dot(c##p, t, w + next); }
            EACH_BYTE_ROW(M)
#undef M
        }
    }
#define M(p) layer_store(a##p, l, block, q ? q + (p) * pitch : q, f ? f + (p) * pitch : f); \
             layer_store(c##p, l, block + 1, q ? q + (p) * pitch : q, f ? f + (p) * pitch : f);
    EACH_BYTE_ROW(M)
#undef M
}
#endif

INLINE void bytes_row(const q_t *x, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block, ptrdiff_t next, q_t *q, float *f)
{
    const int8_t *w = l->w + block * next;
    A a = a_none();
    for (int tap = 0; tap < taps; tap++)
        for (int j = 0; j < steps; j++, w += 64)
            a = a_dot(a, x_all(x + tap * jump + 4 * j), w);
    layer_store(a, l, block, q, f);
}

#if defined(FOUR_BYTE_BLOCKS)
INLINE void bytes_row_4(const q_t *x, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block, ptrdiff_t next, q_t *q, float *f)
{
    const int8_t *w = l->w + block * next;
    A a = a_none(), b = a_none(), c = a_none(), d = a_none();
    for (int tap = 0; tap < taps; tap++)
        for (int j = 0; j < steps; j++, w += 64) {
            const X t = x_all(x + tap * jump + 4 * j);
            a = a_dot(a, t, w);
            b = a_dot(b, t, w + next);
            c = a_dot(c, t, w + 2 * next);
            d = a_dot(d, t, w + 3 * next);
        }
    layer_store(a, l, block, q, f);
    layer_store(b, l, block + 1, q, f);
    layer_store(c, l, block + 2, q, f);
    layer_store(d, l, block + 3, q, f);
}
#endif
#else
/* One output after the other: four products a step, two at a time where the processor has them. */
INLINE int32_t bytes_four(int32_t sum, const q_t *x, const int8_t *w)
{
#if defined(__ARM_FEATURE_SIMD32)
    uint32_t a, b;
    memcpy(&a, x, sizeof a);
    memcpy(&b, w, sizeof b);
    sum = __smlad(__sxtb16(a), __sxtb16(b), sum);
    return __smlad(__sxtb16(a >> 8 | a << 24), __sxtb16(b >> 8 | b << 24), sum);
#else
    return sum + x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3];
#endif
}

INLINE void bytes_output(int32_t sum, const struct layer *l, int output, q_t *q, float *f)
{
    const float y = between((float)(sum + l->start[output]) * l->factor[output] + l->add[output], l->low, l->high);
    if (f)
        f[output] = y;
    else
        q[output] = (q_t)((int)((y + 12582912.0f) - 12582912.0f) - Q_SHIFT);
}
#endif

static void dense_bytes(const q_t *x, ptrdiff_t step, int taps, int steps, ptrdiff_t jump, const struct layer *l, int rows, q_t *q, float *f,
                        ptrdiff_t pitch)
{
    const ptrdiff_t next = (ptrdiff_t)taps * steps * 64;
    const int blocks = (l->outputs + 15) / 16;
#if BYTE_ROWS > 0
    int first = 0; /* of the blocks that are left to single rows */
#if BYTE_COLUMNS == 2
    if (rows >= BYTE_ROWS)
        for (; first + 2 <= blocks; first += 2)
            for (int row = 0; row < rows; row += BYTE_ROWS) {
                const int at = row + BYTE_ROWS <= rows ? row : rows - BYTE_ROWS;
                bytes_tile_2(x + at * step, step, taps, steps, jump, l, first, next, q ? q + at * pitch : q, f ? f + at * pitch : f, pitch);
            }
#endif
    if (LONG_BYTE_ROWS > 1 && rows >= LONG_BYTE_ROWS)
        for (; first < blocks; first++)
            for (int row = 0; row < rows; row += LONG_BYTE_ROWS) {
                const int at = row + LONG_BYTE_ROWS <= rows ? row : rows - LONG_BYTE_ROWS;
                bytes_tile(x + at * step, step, taps, steps, jump, l, first, next, q ? q + at * pitch : q, f ? f + at * pitch : f, pitch);
            }
    for (int row = 0; row < rows && first < blocks; row++) {
        int block = first;
        q_t *const to_q = q ? q + row * pitch : q;
        float *const to_f = f ? f + row * pitch : f;
#if defined(FOUR_BYTE_BLOCKS)
        for (; block + 4 <= blocks; block += 4)
            bytes_row_4(x + row * step, taps, steps, jump, l, block, next, to_q, to_f);
#endif
        for (; block < blocks; block++)
            bytes_row(x + row * step, taps, steps, jump, l, block, next, to_q, to_f);
    }
#else
    int row = 0;
    (void)blocks;
    for (; row + 2 <= rows; row += 2)
        for (int output = 0; output < l->outputs; output++) {
            const int8_t *w = l->w + output / 16 * next + output % 16 * 4;
            int32_t one = 0, other = 0;
            for (int tap = 0; tap < taps; tap++) {
                const q_t *from = x + row * step + tap * jump;
                for (int j = 0; j < steps; j++, w += 64, from += 4) {
                    one = bytes_four(one, from, w);
                    other = bytes_four(other, from + step, w);
                }
            }
            bytes_output(one, l, output, q ? q + row * pitch : q, f ? f + row * pitch : f);
            bytes_output(other, l, output, q ? q + (row + 1) * pitch : q, f ? f + (row + 1) * pitch : f);
        }
    for (; row < rows; row++)
        for (int output = 0; output < l->outputs; output++) {
            const int8_t *w = l->w + output / 16 * next + output % 16 * 4;
            int32_t sum = 0;
            for (int tap = 0; tap < taps; tap++) {
                const q_t *from = x + row * step + tap * jump;
                for (int j = 0; j < steps; j++, w += 64, from += 4)
                    sum = bytes_four(sum, from, w);
            }
            bytes_output(sum, l, output, q ? q + row * pitch : q, f ? f + row * pitch : f);
        }
#endif
}
