/* One filter a channel: channels lie together, so neighbours are computed at once. Weights are (taps, channels). */
static void depthwise(const float *x, int stride, int dilation, int taps, const float *w, const float *b, int channels, int rows,
                      float low, float high, float *restrict y)
{
    for (int row = 0; row < rows; row++) {
        const float *from = x + (ptrdiff_t)row * stride * channels;
        float *to = y + (ptrdiff_t)row * channels;
        int c = 0;
        for (; c + 16 <= channels; c += 16) {
            V sum = v_load(b + c);
            for (int tap = 0; tap < taps; tap++)
                sum = v_fma(v_load(from + (ptrdiff_t)tap * dilation * channels + c), v_load(w + (ptrdiff_t)tap * channels + c), sum);
            v_store(to + c, v_between(sum, low, high));
        }
        for (; c < channels; c++) {
            float sum = b[c];
            for (int tap = 0; tap < taps; tap++)
                sum += from[(ptrdiff_t)tap * dilation * channels + c] * w[(ptrdiff_t)tap * channels + c];
            to[c] = between(sum, low, high);
        }
    }
}
