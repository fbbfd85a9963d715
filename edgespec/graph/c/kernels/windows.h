/* Windows along the positions; channels lie together. */
#define WINDOW(name, number, joined)                                                                                               \
    static void name(const number *x, int stride, int dilation, int taps, int channels, int rows, number *restrict y)               \
    {                                                                                                                               \
        for (int row = 0; row < rows; row++, y += channels) {                                                                       \
            const number *from = x + (ptrdiff_t)row * stride * channels;                                                            \
            for (int c = 0; c < channels; c++)                                                                                      \
                y[c] = from[c];                                                                                                     \
            for (int tap = 1; tap < taps; tap++) {                                                                                  \
                const number *at = from + (ptrdiff_t)tap * dilation * channels;                                                     \
                for (int c = 0; c < channels; c++)                                                                                  \
                    y[c] = joined;                                                                                                  \
            }                                                                                                                       \
        }                                                                                                                           \
    }

/* Long windows at every position: sums of 4, 16, 64, ... neighbours (2, 4, 8, ... without vectors), of which each window takes those that
   its length is made of. */
INLINE void running_sums(const float *x, int taps, int channels, int rows, float *restrict room, float *restrict y)
{
    const int total = (rows + taps - 1) * channels, all = rows * channels;
    int begin = 0, have = 1, left = total;
    const float *now = x;
    for (int i = 0; i < all; i++)
        y[i] = 0.0f;
    for (;;) {
        const int far = have * channels;
        const float *const from = now + begin * channels;
        float *restrict next = now == room ? room + total : room;
#if MODEL_VECTORS
        const int digit = taps / have % 4;
        if (digit == 1)
            for (int i = 0; i < all; i++)
                y[i] += from[i];
        if (digit == 2)
            for (int i = 0; i < all; i++)
                y[i] += from[i] + from[i + far];
        if (digit == 3)
            for (int i = 0; i < all; i++)
                y[i] += (from[i] + from[i + far]) + from[i + 2 * far];
        begin += digit * have;
        have *= 4;
        if (have > taps)
            break;
        left -= 3 * far;
        for (int i = 0; i < left; i++)
            next[i] = (now[i] + now[i + far]) + (now[i + 2 * far] + now[i + 3 * far]);
#else
        if (taps & have) {
            for (int i = 0; i < all; i++)
                y[i] += from[i];
            begin += have;
        }
        have *= 2;
        if (have > taps)
            break;
        left -= far;
        for (int i = 0; i < left; i++)
            next[i] = now[i] + now[i + far];
#endif
        now = next;
    }
}
