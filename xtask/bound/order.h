/* The other order of a hot file: panels of some columns of the file, each of which is a part of the result in one piece.
 * A panel is filled by squares of 16 by 16 items that are turned in registers and stored past the caches. */
#pragma once

#define PANEL (128ull << 20) /* about so many bytes of the result at a time */
#define SQUARE 16u
#define STRIP 256u               /* rows of the file that a thread takes at a time */
#define PANEL_WRITE (4ull << 20) /* bytes of a write, of which four are on the way */

/* Turns a square: `from` has rows that are `across` items apart, `to` such that are `along` apart. */
static void turn_square(const float *from, size_t across, float *to, size_t along) {
#if defined(__AVX512F__)
    __m512 r[16], t[16];
    for (int i = 0; i < 16; i++)
        r[i] = _mm512_loadu_ps(from + (size_t)i * across);
    for (int i = 0; i < 8; i++) { /* pairs of items */
        t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 4; i++) { /* quarters of a vector hold four items of one column */
        __m512d a = _mm512_castps_pd(t[4 * i]), b = _mm512_castps_pd(t[4 * i + 1]);
        __m512d c = _mm512_castps_pd(t[4 * i + 2]), d = _mm512_castps_pd(t[4 * i + 3]);
        r[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        r[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        r[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        r[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    for (int i = 0; i < 4; i++) { /* even and odd quarters of two vectors */
        t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) { /* and of four */
        r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
        r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
    }
    for (int i = 0; i < 16; i++)
        _mm512_stream_ps(to + (size_t)i * along, r[i]);
#else
    for (size_t i = 0; i < SQUARE; i++)
        for (size_t k = 0; k < SQUARE; k++)
            to[i * along + k] = from[k * across + i];
#endif
}

/* Fills the panel that begins at a column of the file. */
static void fill_panel(const struct making *m, const float *file, uint64_t column, uint64_t width, float *panel) {
#pragma omp parallel num_threads(m->threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (uint64_t strip = 0; strip < m->rows; strip += STRIP)
            for (uint64_t c = 0; c < width; c += SQUARE)
                for (uint64_t row = strip; row < strip + STRIP && row < m->rows; row += SQUARE)
                    turn_square(file + row * m->columns + column + c, m->columns, panel + c * m->rows + row, m->rows);
#if defined(__AVX512F__)
        _mm_sfence(); /* before another thread hands them to the kernel */
#endif
    }
}

/* Writes bytes of the panel to their place in the new file; both are whole blocks. */
static void write_panel(const struct making *m, struct ring *r, const char *panel, uint64_t bytes, uint64_t at) {
    uint64_t done = 0, live = 0;
    while (done < bytes || live) {
        for (; done < bytes && live < 4; live++) {
            uint64_t size = smaller(bytes - done, PANEL_WRITE);
            ring_write(r, m->fd, panel + done, (uint32_t)size, at + done, size);
            done += size;
        }
        if (ring_enter(r, 1))
            fail("io_uring");
        struct io_uring_cqe answer;
        while (ring_take(r, &answer)) {
            if (answer.res < 0 || (uint64_t)answer.res < answer.user_data) {
                errno = answer.res < 0 ? -answer.res : EIO;
                fail(m->result);
            }
            live--;
        }
    }
}

static void make_panels(struct making *m) {
    uint64_t bytes_of_column = m->rows * sizeof(float);
    uint64_t width = PANEL / bytes_of_column / SQUARE * SQUARE;
    if (m->is_cold || m->rows % SQUARE || m->columns % SQUARE) {
        errno = EINVAL;
        fail("only a hot file, whose rows and columns are a multiple of 16");
    }
    width = width ? smaller(width, m->columns) : SQUARE;
    struct ring r;
    if (ring_open(&r, 8))
        fail("io_uring");
    /* Writes are whole blocks: what is left of a panel is kept for the next one's first block. */
    char *buffer = allocated(BLOCK + rounded(width * bytes_of_column));
    uint64_t kept = HEADER, at = 0;
    put_header(buffer, m->columns, m->rows);
    for (uint64_t column = 0; column < m->columns; column += width) {
        uint64_t columns = smaller(width, m->columns - column);
        fill_panel(m, (const float *)(m->mappings[0] + HEADER), column, columns, (float *)(buffer + kept));
        uint64_t held = kept + columns * bytes_of_column;
        uint64_t whole = column + columns == m->columns ? rounded(held) : held / BLOCK * BLOCK;
        write_panel(m, &r, buffer, whole, at);
        at += whole;
        kept = held > whole ? held - whole : 0;
        memmove(buffer, buffer + whole, kept);
    }
    close(r.fd);
    free(buffer);
}
