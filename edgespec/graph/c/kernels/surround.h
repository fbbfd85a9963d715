/* Fill what lies before and behind a tensor. */
INLINE void surround_float(float *x, int count, int before, int behind, float with)
{
    for (int i = 0; i < before; i++)
        x[i - before] = with;
    for (int i = 0; i < behind; i++)
        x[count + i] = with;
}
