/* The place of the largest number, the first one of equal ones; -1 where a number is not finite. */
static int largest_place(const float *x, int count)
{
    int found = 0;
#if MODEL_VECTORS
    uint32_t odd = 0, bits;
    float part[16], most = x[0];
    for (int k = 0; k < 16; k++)
        part[k] = x[0];
    for (int i = 0; i + 16 <= count; i += 16)
        for (int k = 0; k < 16; k++)
            part[k] = larger(part[k], x[i + k]);
    for (int k = 0; k < 16; k++)
        most = larger(most, part[k]);
    for (int i = count / 16 * 16; i < count; i++)
        most = larger(most, x[i]);
    for (int i = 0; i < count; i++) {
        memcpy(&bits, x + i, sizeof bits);
        odd |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    if (odd)
        return -1;
    while (x[found] != most)
        found++;
#else
    for (int i = 0; i < count; i++) {
        if (!(fabsf(x[i]) <= FLT_MAX))
            return -1;
        if (x[i] > x[found])
            found = i;
    }
#endif
    return found;
}
