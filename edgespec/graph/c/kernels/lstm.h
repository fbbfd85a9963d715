/* A recurrent layer (LSTM): what the inputs add to the gates is computed before; gates in the order input, output, forget, cell. */
static void lstm(const float *gates_x, int steps, int backwards, const float *w, const float *none, int hidden, float *restrict h,
                 float *restrict c, float *restrict gates, float *y, ptrdiff_t pitch)
{
    for (int i = 0; i < steps; i++) {
        const int t = backwards ? steps - 1 - i : i;
        const float *from = gates_x + (ptrdiff_t)t * 4 * hidden;
        dense(h, 0, 0, 1, 1, hidden, 0, w, none, 4 * hidden, 1, -FLT_MAX, FLT_MAX, gates, 0);
        for (int j = 0; j < hidden; j++) {
            const float in = sigmoid(gates[j] + from[j]), out = sigmoid(gates[hidden + j] + from[hidden + j]);
            const float keep = sigmoid(gates[2 * hidden + j] + from[2 * hidden + j]);
            const float cell = hyperbolic(gates[3 * hidden + j] + from[3 * hidden + j]);
            c[j] = keep * c[j] + in * cell;
            h[j] = out * hyperbolic(c[j]);
        }
        if (y)
            memcpy(y + t * pitch, h, (size_t)hidden * sizeof *h);
    }
}
