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

/* Long windows at every position: sums of 2, 4, 8, ... neighbours, of which each window takes those that its length is made of. */
INLINE void running_sums(const float *x, int taps, int channels, int rows, float *restrict room, float *restrict y)
{
    const int total = (rows + taps - 1) * channels;
    int begin = 0, have = 1;
    const float *now = x;
    for (int i = 0; i < rows * channels; i++)
        y[i] = 0.0f;
    for (;;) {
        if (taps & have) {
            for (int i = 0; i < rows * channels; i++)
                y[i] += now[i + begin * channels];
            begin += have;
        }
        if (2 * have > taps)
            break;
        {
            const int count = total - (2 * have - 1) * channels, far = have * channels;
            float *restrict next = now == room ? room + total : room;
            for (int i = 0; i < count; i++)
                next[i] = now[i] + now[i + far];
            now = next;
        }
        have *= 2;
    }
}
