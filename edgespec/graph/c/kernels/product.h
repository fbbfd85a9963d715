/* (rows, inner) times (inner, columns), each seen through strides. */
static void product(const float *x, ptrdiff_t x_row, ptrdiff_t x_column, const float *z, ptrdiff_t z_row, ptrdiff_t z_column, int rows,
                    int inner, int columns, float *restrict y)
{
    for (int row = 0; row < rows; row++, y += columns) {
        for (int column = 0; column < columns; column++)
            y[column] = 0.0f;
        for (int i = 0; i < inner; i++) {
            const float factor = x[row * x_row + i * x_column];
            const float *from = z + i * z_row;
            for (int column = 0; column < columns; column++)
                y[column] += factor * from[column * z_column];
        }
    }
}
