/* Dense layers in float: rows of inputs against weights that lie together for 16 outputs.
   A row's window is `taps` stretches of `count` numbers, `jump` from one to the next; weights are (blocks, taps * count, 16).
   pool: of so many neighbouring rows only the largest results are kept: 1, 2, 4; `again` where some of them are in y already. */
INLINE void dense_put(float *y, V v, float low, float high, int count, int again)
{
#if MODEL_VECTORS
    v = v_between(v, low, high);
    v_store_part(y, again ? v_larger(v, v_load(y)) : v, count);
#else
    for (int i = 0; i < 16 && i < count; i++) {
        const float now = between(v.at[i], low, high);
        y[i] = again ? larger(now, y[i]) : now;
    }
#endif
}

#if TILE_ROWS > 0
INLINE void dense_tile_2(const float *x, const struct rows *r, int taps, int count, ptrdiff_t jump, const float *w, ptrdiff_t next,
                         const float *b, float low, float high, float *y, ptrdiff_t pitch, int last, int pool)
{
    const ptrdiff_t one = r->one, two = r->two, three = r->three;
#define M(p, k, far) V a##p = v_load(b), c##p = v_load(b + 16);
    JOIN(ROWS_, TILE_ROWS)(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        BASES(float);
        (void)from2; (void)from3;
        for (int j = 0; j < count; j++, w += 16, from0++, from1++) {
            V u = v_load(w), v = v_load(w + next);
#define M(p, k, far) { V t = v_all(from##k[far]); a##p = v_fma(t, u, a##p); c##p = v_fma(t, v, c##p); }
            JOIN(ROWS_, TILE_ROWS)(M)
#undef M
        }
    }
#define PUT(p, to) dense_put(y + (to) * pitch, a##p, low, high, 16, 0); dense_put(y + (to) * pitch + 16, c##p, low, high, last, 0);
    if (pool == 1) {
#define M(p, k, far) PUT(p, p)
        JOIN(ROWS_, TILE_ROWS)(M)
#undef M
        return;
    }
#define M(p, q) a##p = v_larger(a##p, a##q); c##p = v_larger(c##p, c##q);
    JOIN(PAIRS_, TILE_ROWS)(M)
    if (pool == 4) {
        JOIN(FOURS_, TILE_ROWS)(M)
#undef M
#define M(p, q) PUT(p, p / 4)
        JOIN(FOURS_, TILE_ROWS)(M)
#undef M
        return;
    }
#define M(p, q) PUT(p, p / 2)
    JOIN(PAIRS_, TILE_ROWS)(M)
#undef M
#undef PUT
}
#endif

#if LONG_ROWS > 0
INLINE void dense_tile_1(const float *x, const struct rows *r, int taps, int count, ptrdiff_t jump, const float *w, const float *b,
                         float low, float high, float *y, ptrdiff_t pitch, int last, int pool, int at)
{
    const ptrdiff_t one = r->one, two = r->two, three = r->three;
    (void)two; (void)three;
#define M(p, k, far) V a##p = v_load(b);
    JOIN(ROWS_, LONG_ROWS)(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        BASES(float);
        (void)from1; (void)from2; (void)from3;
        AS_LOOP
        for (int j = 0; j < count; j++, w += 16, from0++, from1++, from2++, from3++) {
            V u = v_load(w);
#define M(p, k, far) a##p = v_fma(v_all(from##k[far]), u, a##p);
            JOIN(ROWS_, LONG_ROWS)(M)
#undef M
        }
    }
    if (pool == 2) {
#define M(p, q) dense_put(y + (at + p) / 2 * pitch, v_larger(a##p, a##q), low, high, last, 0);
        JOIN(PAIRS_, LONG_ROWS)(M)
#undef M
        return;
    }
    if (pool == 4 && LONG_ROWS % 4 == 0) {
#define M(p, q) a##p = v_larger(a##p, a##q);
        JOIN(PAIRS_, LONG_ROWS)(M)
#undef M
#define M(p, q) dense_put(y + (at + p) / 4 * pitch, v_larger(a##p, a##q), low, high, last, 0);
        JOIN(FOURS_, LONG_ROWS)(M)
#undef M
        return;
    }
#define M(p, k, far) dense_put(y + (at + p) / pool * pitch, a##p, low, high, last, (at + p) % pool);
    JOIN(ROWS_, LONG_ROWS)(M)
#undef M
}
#endif

#if defined(FOUR_BLOCKS)
INLINE void dense_row_4(const float *x, int taps, int count, ptrdiff_t jump, const float *w, ptrdiff_t next,
                        const float *b, float low, float high, float *y)
{
    V a = v_load(b), c = v_load(b + 16), d = v_load(b + 32), e = v_load(b + 48);
    for (int tap = 0; tap < taps; tap++) {
        const float *from = x + tap * jump;
        for (int j = 0; j < count; j++) {
            V t = v_all(from[j]);
            a = v_fma(t, v_load(w), a);
            c = v_fma(t, v_load(w + next), c);
            d = v_fma(t, v_load(w + 2 * next), d);
            e = v_fma(t, v_load(w + 3 * next), e);
            w += 16;
        }
    }
    v_store(y, v_between(a, low, high));
    v_store(y + 16, v_between(c, low, high));
    v_store(y + 32, v_between(d, low, high));
    v_store(y + 48, v_between(e, low, high));
}
#endif

INLINE void dense_row(const float *x, int taps, int count, ptrdiff_t jump, const float *w, const float *b, float low, float high, float *y,
                      int last, int again)
{
    V a = v_load(b), c = v_all(0.0f);
    for (int tap = 0; tap < taps; tap++) {
        const float *from = x + tap * jump;
        int j = 0;
        for (; j + 1 < count; j += 2) {
            a = v_fma(v_all(from[j]), v_load(w), a);
            c = v_fma(v_all(from[j + 1]), v_load(w + 16), c);
            w += 32;
        }
        if (j < count) {
            a = v_fma(v_all(from[j]), v_load(w), a);
            w += 16;
        }
    }
    dense_put(y, v_add(a, c), low, high, last, again);
}

INLINE void dense_rows(const float *x, ptrdiff_t step, ptrdiff_t far, int taps, int count, ptrdiff_t jump, const float *w, const float *b,
                       int outputs, int rows, float low, float high, float *y, ptrdiff_t pitch, int pool)
{
    const ptrdiff_t next = (ptrdiff_t)taps * count * 16;
    const int blocks = (outputs + 15) / 16, last = outputs - (blocks - 1) * 16;
    int first = 0; /* of the blocks that are left to single rows */
    /* the weights of a block stay in the fastest cache while all rows pass; the last tile begins earlier, so that it is a whole one */
#if TILE_ROWS > 0 || LONG_ROWS > 0
    const int joined = LONG_ROWS % pool == 0; /* a tile holds whole groups of rows; else groups follow one another without a gap */
    const struct rows r = joined ? rows_of(step, far, pool) : rows_of(step, step, 1);
#endif
#if TILE_ROWS > 0
    if (rows >= TILE_ROWS)
        for (; first + 2 <= blocks; first += 2)
            for (int row = 0; row < rows; row += TILE_ROWS) {
                const int at = (row + TILE_ROWS <= rows ? row : rows - TILE_ROWS) / pool;
                dense_tile_2(x + at * far, &r, taps, count, jump, w + first * next, next, b + first * 16, low, high,
                             y + at * pitch + first * 16, pitch, first + 2 < blocks ? 16 : last, pool);
            }
#endif
#if LONG_ROWS > 0
    if (rows >= LONG_ROWS)
        for (; first < blocks; first++)
            for (int row = 0; row < rows; row += LONG_ROWS) {
                const int at = row + LONG_ROWS <= rows ? row : rows - LONG_ROWS;
                dense_tile_1(x + (joined ? at / pool * far : at * step), &r, taps, count, jump, w + first * next, b + first * 16, low, high,
                             y + first * 16, pitch, first + 1 < blocks ? 16 : last, pool, at);
            }
#endif
    for (int row = 0; row < rows && first < blocks; row++) {
        const float *from = x + row / pool * far + row % pool * step;
        float *to = y + row / pool * pitch;
        int block = first;
#if defined(FOUR_BLOCKS)
        for (; pool == 1 && (block + 4 < blocks || (block + 4 == blocks && last == 16)); block += 4)
            dense_row_4(from, taps, count, jump, w + block * next, next, b + block * 16, low, high, to + block * 16);
#endif
        for (; block < blocks; block++)
            dense_row(from, taps, count, jump, w + block * next, b + block * 16, low, high, to + block * 16,
                      block + 1 < blocks ? 16 : last, row % pool);
    }
}

static void dense(const float *x, ptrdiff_t step, ptrdiff_t far, int pool, int taps, int count, ptrdiff_t jump, const float *w,
                  const float *b, int outputs, int rows, float low, float high, float *y, ptrdiff_t pitch)
{
#if MODEL_VECTORS
    if (pool == 1)
        dense_rows(x, step, far, taps, count, jump, w, b, outputs, rows, low, high, y, pitch, 1);
    else if (pool == 2)
        dense_rows(x, step, far, taps, count, jump, w, b, outputs, rows, low, high, y, pitch, 2);
    else
        dense_rows(x, step, far, taps, count, jump, w, b, outputs, rows, low, high, y, pitch, 4);
#else
    dense_rows(x, step, far, taps, count, jump, w, b, outputs, rows, low, high, y, pitch, pool);
#endif
}
