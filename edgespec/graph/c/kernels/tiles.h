/* A tile: so many rows at once. M(p, k, far) is row p, which begins `far` numbers behind base k; PAIRS and FOURS say whose results are joined
   where the largest of 2 or 4 neighbouring rows is wanted. */
#define ROWS_2(M) M(0, 0, 0) M(1, 0, one)
#define ROWS_4(M) ROWS_2(M) M(2, 0, two) M(3, 0, three)
#define ROWS_6(M) ROWS_4(M) M(4, 1, 0) M(5, 1, one)
#define ROWS_8(M) ROWS_4(M) M(4, 1, 0) M(5, 1, one) M(6, 1, two) M(7, 1, three)
#define ROWS_16(M) ROWS_8(M) M(8, 2, 0) M(9, 2, one) M(10, 2, two) M(11, 2, three) M(12, 3, 0) M(13, 3, one) M(14, 3, two) M(15, 3, three)
#define PAIRS_2(M) M(0, 1)
#define PAIRS_4(M) PAIRS_2(M) M(2, 3)
#define PAIRS_6(M) PAIRS_4(M) M(4, 5)
#define PAIRS_8(M) PAIRS_4(M) M(4, 5) M(6, 7)
#define PAIRS_16(M) PAIRS_8(M) M(8, 9) M(10, 11) M(12, 13) M(14, 15)
#define FOURS_2(M)
#define FOURS_4(M) M(0, 2)
#define FOURS_6(M)
#define FOURS_8(M) FOURS_4(M) M(4, 6)
#define FOURS_16(M) FOURS_8(M) M(8, 10) M(12, 14)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/* Where rows begin: neighbours are `step` apart, groups of which the largest is wanted `far`. */
struct rows {
    ptrdiff_t one, two, three, four; /* the next rows */
};

INLINE struct rows rows_of(ptrdiff_t step, ptrdiff_t far, int pool)
{
    struct rows r;
    r.one = pool == 1 ? far : step;
    r.two = pool == 1 ? 2 * far : pool == 2 ? far : 2 * step;
    r.three = r.one + r.two;
    r.four = pool == 4 ? far : 2 * r.two;
    return r;
}

#define BASES(type) const type *from0 = x + tap * jump, *from1 = from0 + r->four, *from2 = from1 + r->four, *from3 = from2 + r->four
