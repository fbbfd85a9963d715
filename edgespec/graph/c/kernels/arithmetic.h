/* Functions of one number. Written so that a compiler computes many of them at once; each is right to 3e-7 of its range. */
INLINE float larger(float a, float b) { return a > b ? a : b; }
INLINE float smaller(float a, float b) { return a < b ? a : b; }
INLINE float between(float x, float low, float high) { return smaller(larger(x, low), high); }

INLINE float root(float x)
{
#if MODEL_BASE >= 0 && defined(__clang__)
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); /* sqrtf may set errno, one number at a time */
#else
    return sqrtf(x);
#endif
}

INLINE float over_root(float x, float y)
{
    /* x divided by the root of y, which is 1e-36 or more; Newton's method doubles the right digits each time */
#if MODEL_VECTORS
    uint32_t bits;
    float r, half = 0.5f * y;
    memcpy(&bits, &y, sizeof bits);
    bits = 0x5f375a86u - (bits >> 1);
    memcpy(&r, &bits, sizeof r);
    r = r * (1.5f - half * r * r);
    r = r * (1.5f - half * r * r);
    r = r * (1.5f - half * r * r);
    return x * r;
#else
    return x / sqrtf(y);
#endif
}

INLINE float raised(float x)
{
    /* 2^n times a polynomial on +-ln(2)/2: the rounded quotient is taken out in two parts, so that nothing is lost */
    float n, r, p;
    int32_t bits;
    x = between(x, -80.0f, 88.0f); /* no smaller than 1e-35: what is too small for its exponent takes a processor a hundred times as long */
    n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; /* the nearest whole number: the sum has no room for a fraction */
    r = x - n * 0.693359375f + n * 2.12194440e-4f;
    p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    bits = ((int32_t)n + 127) * 8388608;
    memcpy(&n, &bits, sizeof n);
    return p * n;
}

INLINE float sigmoid(float x) { return 1.0f / (1.0f + raised(smaller(-x, 60.0f))); } /* 1e-26 and more: its products keep their exponent, too */
INLINE float hyperbolic(float x) { return 1.0f - 2.0f / (raised(2.0f * x) + 1.0f); }
INLINE float softplus(float x) { return larger(x, 0.0f) + logf(1.0f + raised(-fabsf(x))); }

INLINE float error_function(float x)
{
    /* Abramowitz and Stegun, 7.1.26 */
    float a = fabsf(x), t = 1.0f / (1.0f + 0.3275911f * a), p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    a = 1.0f - p * t * raised(larger(-a * a, -60.0f));
    return x < 0.0f ? -a : a;
}

INLINE float gelu(float x) { return 0.5f * x * (1.0f + error_function(x * 0.707106781f)); }
INLINE float gelu_by_tanh(float x) { return 0.5f * x * (1.0f + hyperbolic(0.797884561f * (x + 0.044715f * x * x * x))); }
