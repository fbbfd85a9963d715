/* Dense layers in float: rows of inputs against weights that lie together for 16 outputs.
   A row's window is `taps` stretches of `count` numbers, `jump` from one to the next; weights are (blocks, taps * count, 16). */
#define MAKE_ROWS_2(M) M(0) M(1)
#define MAKE_ROWS_6(M) M(0) M(1) M(2) M(3) M(4) M(5)
#define MAKE_ROWS_12(M) MAKE_ROWS_6(M) M(6) M(7) M(8) M(9) M(10) M(11)
#define MAKE_ROWS_1(M) M(0)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define EACH_ROW JOIN(MAKE_ROWS_, TILE_ROWS)
#define EACH_LONG_ROW JOIN(MAKE_ROWS_, LONG_ROWS)

#if TILE_ROWS > 1
#if TILE_COLUMNS == 2
INLINE void dense_tile_2(const float *x, ptrdiff_t step, int taps, int count, ptrdiff_t jump, const float *w, ptrdiff_t next,
                                const float *b, float low, float high, float *y, ptrdiff_t pitch, int last)
{
#define M(p) V a##p = v_load(b), c##p = v_load(b + 16);
    EACH_ROW(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        const float *from = x + tap * jump;
        for (int j = 0; j < count; j++) {
            V u = v_load(w), v = v_load(w + next);
#define M(p) { V t = v_all(from[(p) * step + j]); a##p = v_fma(t, u, a##p); c##p = v_fma(t, v, c##p); }
            EACH_ROW(M)
#undef M
            w += 16;
        }
    }
#define M(p) v_store(y + (p) * pitch, v_between(a##p, low, high)); v_store_part(y + (p) * pitch + 16, v_between(c##p, low, high), last);
    EACH_ROW(M)
#undef M
}
#endif

INLINE void dense_tile_1(const float *x, ptrdiff_t step, int taps, int count, ptrdiff_t jump, const float *w,
                                const float *b, float low, float high, float *y, ptrdiff_t pitch, int last)
{
#define M(p) V a##p = v_load(b);
    EACH_LONG_ROW(M)
#undef M
    for (int tap = 0; tap < taps; tap++) {
        const float *from = x + tap * jump;
        for (int j = 0; j < count; j++) {
            V u = v_load(w);
#define M(p) a##p = v_fma(v_all(from[(p) * step + j]), u, a##p);
            EACH_LONG_ROW(M)
#undef M
            w += 16;
        }
    }
#define M(p) v_store_part(y + (p) * pitch, v_between(a##p, low, high), last);
    EACH_LONG_ROW(M)
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

INLINE void dense_row(const float *x, int taps, int count, ptrdiff_t jump, const float *w, const float *b,
                             float low, float high, float *y, int last)
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
    v_store_part(y, v_between(v_add(a, c), low, high), last);
}

static void dense(const float *x, ptrdiff_t step, int taps, int count, ptrdiff_t jump, const float *w, const float *b, int outputs,
                  int rows, float low, float high, float *y, ptrdiff_t pitch)
{
    const ptrdiff_t next = (ptrdiff_t)taps * count * 16;
    const int blocks = (outputs + 15) / 16, last = outputs - (blocks - 1) * 16;
    int first = 0; /* of the blocks that are left to single rows */
#if TILE_ROWS > 1
    /* the weights of a block stay in the fastest cache while all rows pass; the last tile begins earlier, so that it is a whole one */
#if TILE_COLUMNS == 2
    if (rows >= TILE_ROWS)
        for (; first + 2 <= blocks; first += 2)
            for (int row = 0; row < rows; row += TILE_ROWS) {
                const int at = row + TILE_ROWS <= rows ? row : rows - TILE_ROWS;
                dense_tile_2(x + at * step, step, taps, count, jump, w + first * next, next, b + first * 16, low, high,
                             y + at * pitch + first * 16, pitch, first + 2 < blocks ? 16 : last);
            }
#endif
    if (rows >= LONG_ROWS)
        for (; first < blocks; first++)
            for (int row = 0; row < rows; row += LONG_ROWS) {
                const int at = row + LONG_ROWS <= rows ? row : rows - LONG_ROWS;
                dense_tile_1(x + at * step, step, taps, count, jump, w + first * next, b + first * 16, low, high,
                             y + at * pitch + first * 16, pitch, first + 1 < blocks ? 16 : last);
            }
#endif
    for (int row = 0; row < rows && first < blocks; row++) {
        int block = first;
#if defined(FOUR_BLOCKS)
        for (; block + 4 < blocks || (block + 4 == blocks && last == 16); block += 4)
            dense_row_4(x + row * step, taps, count, jump, w + block * next, next, b + block * 16, low, high,
                        y + row * pitch + block * 16);
#endif
        for (; block < blocks; block++)
            dense_row(x + row * step, taps, count, jump, w + block * next, b + block * 16, low, high,
                      y + row * pitch + block * 16, block + 1 < blocks ? 16 : last);
    }
}
