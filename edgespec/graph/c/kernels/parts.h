#ifndef STORES_PARTS
INLINE void v_store_part(float *y, V x, int count)
{
    if (count >= 16) {
        v_store(y, x);
    } else {
        float whole[16];
        v_store(whole, x);
        memcpy(y, whole, (size_t)count * sizeof *y);
    }
}
#endif
