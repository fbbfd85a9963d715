/* One filter of 8-bit weights a channel; channels lie together. Weights are (taps, channels). */
static void depthwise_bytes(const q_t *x, int stride, int dilation, int taps, const int8_t *w, const int32_t *start, const float *factor,
                            const float *add, int channels, int rows, float low, float high, q_t *restrict q, float *restrict f)
{
    for (int row = 0; row < rows; row++) {
        const q_t *from = x + (ptrdiff_t)row * stride * channels;
        for (int c = 0; c < channels; c += 16) {
            const int count = channels - c < 16 ? channels - c : 16;
            int32_t sums[16];
            for (int i = 0; i < count; i++)
                sums[i] = start[c + i];
            for (int tap = 0; tap < taps; tap++) {
                const q_t *at = from + (ptrdiff_t)tap * dilation * channels + c;
                const int8_t *by = w + (ptrdiff_t)tap * channels + c;
                for (int i = 0; i < count; i++)
                    sums[i] += (int32_t)at[i] * (int32_t)by[i];
            }
            for (int i = 0; i < count; i++) {
                const float y = between((float)sums[i] * factor[c + i] + add[c + i], low, high);
                if (f)
                    f[(ptrdiff_t)row * channels + c + i] = y;
                else
                    q[(ptrdiff_t)row * channels + c + i] = (q_t)((int)((y + 12582912.0f) - 12582912.0f) - Q_SHIFT);
            }
        }
    }
}
