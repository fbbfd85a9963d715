/* 8-bit numbers, one output after the other. */
typedef int8_t q_t;
#define WEIGHT int8_t
#define WEIGHTS(name) name
#define BYTE_STEP 4
#define BYTE_TILE_ROWS 0
#define LONG_BYTE_ROWS 0
