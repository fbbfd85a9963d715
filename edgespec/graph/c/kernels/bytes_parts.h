/* What all processors do with 8-bit numbers. */
#if LONG_BYTE_ROWS > 0 && !defined(STORES_BYTE_PARTS)
INLINE void q_store_part(q_t *y, V x, int count)
{
    if (count >= 16) {
        q_store(y, x);
    } else {
        q_t whole[16];
        q_store(whole, x);
        memcpy(y, whole, (size_t)count * sizeof *y);
    }
}
#endif

INLINE q_t rounded(float x, int zero)
{
    /* the nearest whole number, an even one between two: the sum has no room for a fraction */
    x = between(x, (float)-zero, (float)(255 - zero));
    return (q_t)((int)((x + 12582912.0f) - 12582912.0f) + zero - Q_SHIFT);
}

INLINE void surround_q_t(q_t *x, int count, int before, int behind, q_t with)
{
    for (int i = 0; i < before; i++)
        x[i - before] = with;
    for (int i = 0; i < behind; i++)
        x[count + i] = with;
}
