/* What is done with the items of a piece of the file. Each kernel is written for one dtype and is given pieces that
 * hold whole items, and whole rows where it needs them. Sums of f4 are in single precision within a span that fits in
 * the first cache, and in double precision beyond it. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define SPAN 65536u     /* bytes whose single-precision sum goes to a double */
#define EVERY 7u        /* which columns `every` takes */
#define COLUMN 5u       /* which column `column` takes */
#define FLUSH_ROWS 1024 /* rows that are added up in single precision */

/* What one thread has found so far. */
struct found {
    double sum, squares;
    int64_t integers;
    float least, greatest;
    uint64_t place_least, place_greatest; /* the first item that is the least, the greatest */
    uint64_t row;                         /* bytes of a row */
    double *rows;                         /* the sum of each row; threads write to places of their own */
    float *part;                          /* the sums of each column since they were last added to `columns` */
    double *columns;
    uint64_t part_rows;
};

/* The data, its bytes, where it lies behind the first item in bytes, and what was found. */
typedef void kernel(const char *data, size_t bytes, uint64_t at, struct found *f);

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void sum_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    for (size_t o = 0; o < bytes; o += SPAN) {
        const float *x = (const float *)(data + o);
        size_t n = smaller(bytes - o, SPAN) / sizeof *x;
        float s = 0;
        for (size_t i = 0; i < n; i++)
            s += x[i];
        f->sum += s;
    }
}

static void sum_f8(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    const double *x = (const double *)data;
    double s = 0;
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        s += x[i];
    f->sum += s;
}

static void sum_i4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    const int32_t *x = (const int32_t *)data;
    int64_t s = 0;
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        s += x[i];
    f->integers += s;
}

static void sum_u1(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    const unsigned char *x = (const unsigned char *)data;
    size_t i = 0;
#if defined(__AVX512BW__)
    __m512i zero = _mm512_setzero_si512(), a = zero, b = zero;
    for (; i + 128 <= bytes; i += 128) {
        a = _mm512_add_epi64(a, _mm512_sad_epu8(_mm512_loadu_si512(x + i), zero));
        b = _mm512_add_epi64(b, _mm512_sad_epu8(_mm512_loadu_si512(x + i + 64), zero));
    }
    f->integers += _mm512_reduce_add_epi64(_mm512_add_epi64(a, b));
#endif
    while (i < bytes) { /* spans whose sum fits in 32 bits */
        size_t end = i + smaller(bytes - i, 1 << 20);
        uint32_t s = 0;
        for (; i < end; i++)
            s += x[i];
        f->integers += s;
    }
}

static void sum_f2(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    for (size_t o = 0; o < bytes; o += SPAN) {
        const char *x = data + o;
        size_t n = smaller(bytes - o, SPAN), i = 0;
        float s = 0;
#if defined(__AVX512F__)
        __m512 a[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
        for (; i + 128 <= n; i += 128)
            for (int k = 0; k < 4; k++)
                a[k] = _mm512_add_ps(a[k], _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(x + i) + k)));
        s = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a[0], a[1]), _mm512_add_ps(a[2], a[3])));
#elif defined(__F16C__)
        __m256 a[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
        for (; i + 64 <= n; i += 64)
            for (int k = 0; k < 4; k++)
                a[k] = _mm256_add_ps(a[k], _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i) + k)));
        float lanes[8];
        _mm256_storeu_ps(lanes, _mm256_add_ps(_mm256_add_ps(a[0], a[1]), _mm256_add_ps(a[2], a[3])));
        for (int k = 0; k < 8; k++)
            s += lanes[k];
#endif
        for (; i < n; i += 2)
            s += (float)*(const _Float16 *)(x + i);
        f->sum += s;
    }
}

/* f4 of the other byte order. */
static void sum_other_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    for (size_t o = 0; o < bytes; o += SPAN) {
        const uint32_t *x = (const uint32_t *)(data + o);
        size_t n = smaller(bytes - o, SPAN) / sizeof *x;
        float s = 0;
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = __builtin_bswap32(x[i]);
            float item;
            memcpy(&item, &bits, sizeof item);
            s += item;
        }
        f->sum += s;
    }
}

static void var_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    for (size_t o = 0; o < bytes; o += SPAN) {
        const float *x = (const float *)(data + o);
        size_t n = smaller(bytes - o, SPAN) / sizeof *x;
        float s = 0, q = 0;
        for (size_t i = 0; i < n; i++) {
            s += x[i];
            q += x[i] * x[i];
        }
        f->sum += s;
        f->squares += q;
    }
}

static float least_of(const float *x, size_t n, float start) {
    for (size_t i = 0; i < n; i++)
        start = x[i] < start ? x[i] : start;
    return start;
}

static float greatest_of(const float *x, size_t n, float start) {
    for (size_t i = 0; i < n; i++)
        start = x[i] > start ? x[i] : start;
    return start;
}

static void min_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    f->least = least_of((const float *)data, bytes / sizeof(float), f->least);
}

static void max_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    f->greatest = greatest_of((const float *)data, bytes / sizeof(float), f->greatest);
}

static size_t first_place(const float *x, float wanted) {
    size_t i = 0;
    while (x[i] != wanted)
        i++;
    return i;
}

/* The least item of a span; where it is is asked only of a span that has a new one. */
static void argmin_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    for (size_t o = 0; o < bytes; o += SPAN) {
        const float *x = (const float *)(data + o);
        float least = least_of(x, smaller(bytes - o, SPAN) / sizeof *x, x[0]);
        uint64_t first = (at + o) / sizeof *x;
        if (least < f->least || (least == f->least && first < f->place_least)) {
            f->least = least;
            f->place_least = first + first_place(x, least);
        }
    }
}

static void argmax_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    for (size_t o = 0; o < bytes; o += SPAN) {
        const float *x = (const float *)(data + o);
        float greatest = greatest_of(x, smaller(bytes - o, SPAN) / sizeof *x, x[0]);
        uint64_t first = (at + o) / sizeof *x;
        if (greatest > f->greatest || (greatest == f->greatest && first < f->place_greatest)) {
            f->greatest = greatest;
            f->place_greatest = first + first_place(x, greatest);
        }
    }
}

/* The first four bytes of each row, as an integer: little beside reading the file. */
static void first_words(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    for (size_t o = 0; o < bytes; o += f->row) {
        uint32_t word;
        memcpy(&word, data + o, sizeof word);
        f->integers += word;
    }
}

/* The sum of each row of the file. */
static void rows_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    for (size_t o = 0; o < bytes; o += f->row) {
        const float *x = (const float *)(data + o);
        float s = 0;
        for (size_t i = 0; i < f->row / sizeof *x; i++)
            s += x[i];
        f->rows[(at + o) / f->row] = s;
    }
}

static void flush_columns(struct found *f) {
    for (size_t i = 0; i < f->row / sizeof(float); i++) {
        f->columns[i] += f->part[i];
        f->part[i] = 0;
    }
    f->part_rows = 0;
}

/* The sum of each column of the file: four rows at a time, so that the sums are read and written less often. */
static void columns_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    size_t n = f->row / sizeof(float), o = 0;
    float *restrict part = f->part;
    for (; o + 4 * f->row <= bytes; o += 4 * f->row) {
        const float *a = (const float *)(data + o), *b = a + n, *c = b + n, *d = c + n;
        for (size_t i = 0; i < n; i++)
            part[i] += (a[i] + b[i]) + (c[i] + d[i]);
    }
    for (; o < bytes; o += f->row) {
        const float *a = (const float *)(data + o);
        for (size_t i = 0; i < n; i++)
            part[i] += a[i];
    }
    f->part_rows += bytes / f->row;
    if (f->part_rows >= FLUSH_ROWS)
        flush_columns(f);
}

static void every_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    for (size_t o = 0; o < bytes; o += f->row) {
        const float *x = (const float *)(data + o);
        float s = 0;
        for (size_t i = 0; i < f->row / sizeof *x; i += EVERY)
            s += x[i];
        f->sum += s;
    }
}

static void column_f4(const char *data, size_t bytes, uint64_t at, struct found *f) {
    (void)at;
    for (size_t o = 0; o < bytes; o += f->row)
        f->sum += ((const float *)(data + o))[COLUMN];
}

/* Functions whose vectors the compiler gets from the C library's libmvec, with its errors of some units. */
#define SUM_OF(NAME, FUNCTION)                                                                                 \
    static void NAME(const char *data, size_t bytes, uint64_t at, struct found *f) {                           \
        (void)at;                                                                                              \
        for (size_t o = 0; o < bytes; o += SPAN) {                                                             \
            const float *x = (const float *)(data + o);                                                        \
            size_t n = smaller(bytes - o, SPAN) / sizeof *x;                                                   \
            float s = 0;                                                                                       \
            for (size_t i = 0; i < n; i++)                                                                     \
                s += FUNCTION(x[i]);                                                                           \
            f->sum += s;                                                                                       \
        }                                                                                                      \
    }

SUM_OF(sum_exp_f4, expf)
SUM_OF(sum_log_f4, logf)
SUM_OF(sum_sin_f4, sinf)
SUM_OF(sum_tanh_f4, tanhf)
