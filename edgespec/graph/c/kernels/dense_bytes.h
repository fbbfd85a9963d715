/* Dense layers of 8-bit numbers: exact sums, then a factor and a number added for each output, as 8-bit numbers (q) or as floats (f).
   q_t holds a number from 0 to 255 less Q_SHIFT, in whatever the processor multiplies fastest; A holds sixteen sums, and a step adds BYTE_STEP
   products to each. Weights are (blocks, steps, 16, BYTE_STEP). A row's window is `taps` stretches of `steps` times four numbers, `jump` from one
   to the next; pool and again as in float. */
struct layer {
    const WEIGHT *w;
    const int32_t *start; /* what the sums begin with: the input's zero */
    const float *factor, *add;
    int outputs;
    float low, high;
};

#if LONG_BYTE_ROWS > 0
INLINE void layer_store(A a, const struct layer *l, int block, q_t *q, float *f, ptrdiff_t to, int again)
{
    const ptrdiff_t at = (ptrdiff_t)block * 16;
    const int count = l->outputs - at < 16 ? (int)(l->outputs - at) : 16;
    const V y = v_between(v_fma(a_real(a, l->start + at), v_load(l->factor + at), v_load(l->add + at)), l->low, l->high);
    to += at;
    if (f) {
        v_store_part(f + to, again ? v_larger(y, v_load(f + to)) : y, count);
    } else if (!again) {
        q_store_part(q + to, y, count);
    } else {
        q_t now[16];
        q_store_part(now, y, count);
        for (int i = 0; i < count; i++)
            q[to + i] = now[i] > q[to + i] ? now[i] : q[to + i];
    }
}

#if BYTE_TILE_ROWS > 0
INLINE void bytes_tile_2(const q_t *x, const struct rows *r, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block,
                         ptrdiff_t next, q_t *q, float *f, ptrdiff_t to, ptrdiff_t pitch, int pool)
{
    const WEIGHT *w = l->w + block * next;
    const ptrdiff_t one = r->one, two = r->two, three = r->three;
#define M(p, k, far) A a##p = a_none(), c##p = a_none();
    JOIN(ROWS_, BYTE_TILE_ROWS)(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        BASES(q_t);
        (void)from2; (void)from3;
        for (int j = 0; j < steps; j++, w += 16 * BYTE_STEP, from0 += BYTE_STEP, from1 += BYTE_STEP) {
#define M(p, k, far) { const X t = x_all(from##k + far); a##p = a_dot(a##p, t, w); c##p = a_dot(c##p, t, w + next); }
            JOIN(ROWS_, BYTE_TILE_ROWS)(M)
#undef M
        }
    }
#define PUT(p, far) layer_store(a##p, l, block, q, f, to + (far) * pitch, 0); layer_store(c##p, l, block + 1, q, f, to + (far) * pitch, 0);
    if (pool == 1) {
#define M(p, k, far) PUT(p, p)
        JOIN(ROWS_, BYTE_TILE_ROWS)(M)
#undef M
        return;
    }
#define M(p, q) a##p = a_larger(a##p, a##q); c##p = a_larger(c##p, c##q);
    JOIN(PAIRS_, BYTE_TILE_ROWS)(M)
    if (pool == 4) {
        JOIN(FOURS_, BYTE_TILE_ROWS)(M)
#undef M
#define M(p, q) PUT(p, p / 4)
        JOIN(FOURS_, BYTE_TILE_ROWS)(M)
#undef M
        return;
    }
#define M(p, q) PUT(p, p / 2)
    JOIN(PAIRS_, BYTE_TILE_ROWS)(M)
#undef M
#undef PUT
}
#endif

INLINE void bytes_tile(const q_t *x, const struct rows *r, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block,
                       ptrdiff_t next, q_t *q, float *f, ptrdiff_t to, ptrdiff_t pitch, int pool, int again)
{
    const WEIGHT *w = l->w + block * next;
    const ptrdiff_t one = r->one, two = r->two, three = r->three;
    (void)two; (void)three;
#define M(p, k, far) A a##p = a_none();
    JOIN(ROWS_, LONG_BYTE_ROWS)(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        BASES(q_t);
        (void)from1; (void)from2; (void)from3;
        for (int j = 0; j < steps; j++, w += 16 * BYTE_STEP, from0 += BYTE_STEP, from1 += BYTE_STEP, from2 += BYTE_STEP, from3 += BYTE_STEP) {
#define M(p, k, far) a##p = a_dot(a##p, x_all(from##k + far), w);
            JOIN(ROWS_, LONG_BYTE_ROWS)(M)
#undef M
        }
    }
#if defined(POOLS_SUMS)
    if (pool > 1) {
#define M(p, q) a##p = a_larger(a##p, a##q);
        JOIN(PAIRS_, LONG_BYTE_ROWS)(M)
        if (pool == 4) {
            JOIN(FOURS_, LONG_BYTE_ROWS)(M)
#undef M
#define M(p, r) layer_store(a##p, l, block, q, f, to + (p) / 4 * pitch, again);
            JOIN(FOURS_, LONG_BYTE_ROWS)(M)
#undef M
            return;
        }
#define M(p, r) layer_store(a##p, l, block, q, f, to + (p) / 2 * pitch, again);
        JOIN(PAIRS_, LONG_BYTE_ROWS)(M)
#undef M
        return;
    }
#endif
#define M(p, k, far) layer_store(a##p, l, block, q, f, to + (p) / pool * pitch, again || (p) % pool);
    JOIN(ROWS_, LONG_BYTE_ROWS)(M)
#undef M
}

INLINE void bytes_row(const q_t *x, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block, ptrdiff_t next, q_t *q, float *f,
                      ptrdiff_t to, int again)
{
    const WEIGHT *w = l->w + block * next;
    A a = a_none();
    for (int tap = 0; tap < taps; tap++)
        for (int j = 0; j < steps; j++, w += 16 * BYTE_STEP)
            a = a_dot(a, x_all(x + tap * jump + BYTE_STEP * j), w);
    layer_store(a, l, block, q, f, to, again);
}

#if defined(FOUR_BYTE_BLOCKS)
INLINE void bytes_row_4(const q_t *x, int taps, int steps, ptrdiff_t jump, const struct layer *l, int block, ptrdiff_t next, q_t *q, float *f,
                        ptrdiff_t to)
{
    const WEIGHT *w = l->w + block * next;
    A a = a_none(), b = a_none(), c = a_none(), d = a_none();
    for (int tap = 0; tap < taps; tap++)
        for (int j = 0; j < steps; j++, w += 16 * BYTE_STEP) {
            const X t = x_all(x + tap * jump + BYTE_STEP * j);
            a = a_dot(a, t, w);
            b = a_dot(b, t, w + next);
            c = a_dot(c, t, w + 2 * next);
            d = a_dot(d, t, w + 3 * next);
        }
    layer_store(a, l, block, q, f, to, 0);
    layer_store(b, l, block + 1, q, f, to, 0);
    layer_store(c, l, block + 2, q, f, to, 0);
    layer_store(d, l, block + 3, q, f, to, 0);
}
#endif

INLINE void dense_bytes_rows(const q_t *x, ptrdiff_t step, ptrdiff_t far, int taps, int steps, ptrdiff_t jump, const struct layer *l, int rows,
                             q_t *q, float *f, ptrdiff_t pitch, int pool)
{
    const ptrdiff_t next = (ptrdiff_t)taps * steps * 16 * BYTE_STEP;
    const int blocks = (l->outputs + 15) / 16;
    const struct rows r = rows_of(step, far, pool);
    int first = 0; /* of the blocks that are left to single rows */
#if BYTE_TILE_ROWS > 0
    if (rows >= BYTE_TILE_ROWS)
        for (; first + 2 <= blocks; first += 2)
            for (int row = 0; row < rows; row += BYTE_TILE_ROWS) {
                const int at = (row + BYTE_TILE_ROWS <= rows ? row : rows - BYTE_TILE_ROWS) / pool;
                bytes_tile_2(x + at * far, &r, taps, steps, jump, l, first, next, q, f, at * pitch, pitch, pool);
            }
#endif
    if (rows >= LONG_BYTE_ROWS)
        for (; first < blocks; first++)
            for (int row = 0; row < rows; row += LONG_BYTE_ROWS) {
                const int at = row + LONG_BYTE_ROWS <= rows ? row : rows - LONG_BYTE_ROWS;
                bytes_tile(x + at / pool * far + at % pool * step, &r, taps, steps, jump, l, first, next, q, f, at / pool * pitch, pitch,
                           pool, at % pool);
            }
    for (int row = 0; row < rows && first < blocks; row++) {
        const q_t *from = x + row / pool * far + row % pool * step;
        int block = first;
#if defined(FOUR_BYTE_BLOCKS)
        for (; pool == 1 && block + 4 <= blocks; block += 4)
            bytes_row_4(from, taps, steps, jump, l, block, next, q, f, row * pitch);
#endif
        for (; block < blocks; block++)
            bytes_row(from, taps, steps, jump, l, block, next, q, f, row / pool * pitch, row % pool);
    }
}

static void dense_bytes(const q_t *x, ptrdiff_t step, ptrdiff_t far, int pool, int taps, int steps, ptrdiff_t jump, const struct layer *l,
                        int rows, q_t *q, float *f, ptrdiff_t pitch)
{
    steps = steps * 4 / BYTE_STEP;
    if (pool == 1)
        dense_bytes_rows(x, step, far, taps, steps, jump, l, rows, q, f, pitch, 1);
    else if (pool == 2)
        dense_bytes_rows(x, step, far, taps, steps, jump, l, rows, q, f, pitch, 2);
    else
        dense_bytes_rows(x, step, far, taps, steps, jump, l, rows, q, f, pitch, 4);
}
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

INLINE void bytes_output(int32_t sum, const struct layer *l, int output, q_t *q, float *f, int again)
{
    const float y = between((float)(sum + l->start[output]) * l->factor[output] + l->add[output], l->low, l->high);
    if (f) {
        f[output] = again ? larger(y, f[output]) : y;
    } else {
        const q_t now = (q_t)((int)((y + 12582912.0f) - 12582912.0f) - Q_SHIFT);
        q[output] = again && q[output] > now ? q[output] : now;
    }
}


static void dense_bytes(const q_t *x, ptrdiff_t step, ptrdiff_t far, int pool, int taps, int steps, ptrdiff_t jump, const struct layer *l,
                        int rows, q_t *q, float *f, ptrdiff_t pitch)
{
    const ptrdiff_t next = (ptrdiff_t)taps * steps * 64, there = pool == 1 ? far : step, further = pool == 1 ? pitch : 0;
    int row = 0;
    for (; row + 2 <= rows; row += 2) { /* two rows at once: each weight is read for both */
        const q_t *const here = x + row / pool * far + row % pool * step;
        q_t *const to_q = q ? q + row / pool * pitch : q;
        float *const to_f = f ? f + row / pool * pitch : f;
        for (int output = 0; output < l->outputs; output++) {
            const int8_t *w = l->w + output / 16 * next + output % 16 * 4;
            int32_t one = 0, other = 0;
            for (int tap = 0; tap < taps; tap++) {
                const q_t *from = here + tap * jump;
                for (int j = 0; j < steps; j++, w += 64, from += 4) {
                    one = bytes_four(one, from, w);
                    other = bytes_four(other, from + there, w);
                }
            }
            bytes_output(one, l, output, to_q, to_f, row % pool);
            bytes_output(other, l, output, q ? to_q + further : q, f ? to_f + further : f, pool - 1);
        }
    }
    for (; row < rows; row++)
        for (int output = 0; output < l->outputs; output++) {
            const int8_t *w = l->w + output / 16 * next + output % 16 * 4;
            int32_t sum = 0;
            for (int tap = 0; tap < taps; tap++) {
                const q_t *from = x + row * far + tap * jump;
                for (int j = 0; j < steps; j++, w += 64, from += 4)
                    sum = bytes_four(sum, from, w);
            }
            bytes_output(sum, l, output, q ? q + row * pitch : q, f ? f + row * pitch : f, 0);
        }
}
#endif
