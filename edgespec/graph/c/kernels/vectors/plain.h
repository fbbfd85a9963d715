/* Sixteen numbers, one at a time. */
typedef struct { float at[16]; } V;
INLINE V v_load(const float *x) { V y; memcpy(y.at, x, sizeof y.at); return y; }
INLINE V v_all(float x) { V y; for (int i = 0; i < 16; i++) y.at[i] = x; return y; }
INLINE V v_fma(V a, V b, V c) { for (int i = 0; i < 16; i++) c.at[i] += a.at[i] * b.at[i]; return c; }
INLINE V v_add(V a, V b) { for (int i = 0; i < 16; i++) a.at[i] += b.at[i]; return a; }
INLINE V v_between(V x, float low, float high) { for (int i = 0; i < 16; i++) x.at[i] = between(x.at[i], low, high); return x; }
INLINE void v_store(float *y, V x) { memcpy(y, x.at, sizeof x.at); }
#define TILE_ROWS 0
#define LONG_ROWS 0
