/* A pass over one file: in pieces by threads, through a mapping or past the page cache. */
#pragma once

#include "kernels.h"
#include "ring.h"

#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define HOT_PIECE (4ull << 20)
#define COLD_PIECE (1ull << 20)
#define QUEUE 8u      /* cold pieces on the way of one thread; half as many of each of several */
#define BLOCK 4096ull /* what requests past the page cache are aligned to */

enum answer { SUM, MEAN, INTEGERS, VAR, STD, LEAST, GREATEST, PLACE_LEAST, PLACE_GREATEST, ROWS, COLUMNS };

struct operation {
    const char *name;
    kernel *run;
    enum answer answer;
    int by_rows; /* pieces hold whole rows */
    size_t item;
};

struct job {
    const struct operation *operation;
    const char *file;
    int fd, threads;
    uint64_t begin, end, row; /* of the data in the file; bytes of a row */
    uint64_t next;            /* the piece that is taken next */
};

static void fail(const char *what) {
    fprintf(stderr, "bound: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocated(size_t bytes) {
    /* Whole pages, as requests past the page cache want it; huge ones where it is large. */
    size_t align = bytes >= 2u << 20 ? 2u << 20 : BLOCK;
    void *memory = aligned_alloc(align, (bytes + align - 1) / align * align);
    if (!memory)
        fail("memory");
    madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

/* The bytes between the beginnings of two pieces. */
static uint64_t step(const struct job *j, uint64_t size) {
    if (!j->operation->by_rows)
        return size;
    return size < j->row ? j->row : size / j->row * j->row;
}

/* Takes a piece of about `size` bytes of the file; 0 where there is none left. Pieces begin at a row where the kernel
 * wants rows, else at a multiple of their size in the file. */
static int take_piece(struct job *j, uint64_t size, uint64_t *begin, uint64_t *end) {
    uint64_t from = j->operation->by_rows ? j->begin : 0;
    uint64_t at = from + __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED) * step(j, size);
    if (at >= j->end)
        return 0;
    *begin = at < j->begin ? j->begin : at;
    *end = smaller(at + step(j, size), j->end);
    return 1;
}

static void through_mapping(struct job *j, const char *mapping, struct found *f) {
    uint64_t begin, end;
    while (take_piece(j, HOT_PIECE, &begin, &end))
        j->operation->run(mapping + begin, end - begin, begin - j->begin, f);
}

/* A piece that is on its way into memory. */
struct slot {
    char *buffer;
    uint64_t begin, end, from; /* of the piece; where its request begins, which is aligned */
};

/* Asks for the next piece. */
static int ask(struct job *j, struct ring *r, struct slot *s, uint64_t mark) {
    if (!take_piece(j, COLD_PIECE, &s->begin, &s->end))
        return 0;
    s->from = s->begin / BLOCK * BLOCK;
    uint64_t to = (s->end + BLOCK - 1) / BLOCK * BLOCK;
    ring_read(r, j->fd, s->buffer, (uint32_t)(to - s->from), s->from, mark);
    return 1;
}

static void past_the_cache(struct job *j, struct found *f) {
    struct ring r;
    struct slot slots[QUEUE];
    if (ring_open(&r, 2 * QUEUE))
        fail("io_uring");
    unsigned count = j->threads > 1 ? QUEUE / 2 : QUEUE, live = 0;
    size_t room = (step(j, COLD_PIECE) + 2 * BLOCK) / BLOCK * BLOCK;
    char *buffers = allocated(count * room);
    for (unsigned k = 0; k < count; k++) {
        slots[k].buffer = buffers + k * room;
        live += ask(j, &r, &slots[k], k);
    }
    while (live) {
        if (ring_enter(&r, 1))
            fail("io_uring");
        struct io_uring_cqe answer;
        while (ring_take(&r, &answer)) {
            struct slot *s = &slots[answer.user_data];
            if (answer.res < 0 || (uint64_t)answer.res < s->end - s->from) {
                errno = answer.res < 0 ? -answer.res : EIO;
                fail(j->file);
            }
            j->operation->run(s->buffer + (s->begin - s->from), s->end - s->begin, s->begin - j->begin, f);
            live = live - 1 + ask(j, &r, s, answer.user_data);
            if (r.pending && ring_enter(&r, 0))
                fail("io_uring");
        }
    }
    close(r.fd);
    free(buffers);
}

static struct found nothing(const struct job *j, double *rows) {
    /* Not infinity, which -ffast-math does not know. */
    struct found f = {.least = FLT_MAX, .greatest = -FLT_MAX, .row = j->row, .rows = rows};
    if (j->operation->answer == COLUMNS) {
        f.part = allocated(j->row);
        memset(f.part, 0, j->row);
        f.columns = calloc(j->row / sizeof(float), sizeof(double));
    }
    return f;
}

/* Adds what a thread has found to what the others have. */
static void merge(struct found *all, struct found *f) {
    all->sum += f->sum;
    all->squares += f->squares;
    all->integers += f->integers;
    if (f->least < all->least || (f->least == all->least && f->place_least < all->place_least)) {
        all->least = f->least;
        all->place_least = f->place_least;
    }
    if (f->greatest > all->greatest
        || (f->greatest == all->greatest && f->place_greatest < all->place_greatest)) {
        all->greatest = f->greatest;
        all->place_greatest = f->place_greatest;
    }
    if (f->columns) {
        flush_columns(f);
        for (size_t i = 0; i < f->row / sizeof(float); i++)
            all->columns[i] += f->columns[i];
        free(f->part);
        free(f->columns);
    }
}

static void open_file(struct job *j, int is_cold) {
    struct stat about;
    j->fd = open(j->file, O_RDONLY | (is_cold ? O_DIRECT : 0));
    if (j->fd < 0 || fstat(j->fd, &about))
        fail(j->file);
    j->end = (uint64_t)about.st_size;
    if (j->begin % j->operation->item || j->row == 0 || j->end < j->begin || (j->end - j->begin) % j->row) {
        errno = EINVAL;
        fail("OFFSET and ROW do not fit the file");
    }
}

/* One pass over a file that is open. */
static struct found pass(struct job *j, int is_cold) {
    char *mapping = NULL;
    if (!is_cold && (mapping = mmap(NULL, j->end, PROT_READ, MAP_SHARED, j->fd, 0)) == MAP_FAILED)
        fail("mmap");
    double *rows = NULL;
    if (j->operation->answer == ROWS)
        rows = calloc((j->end - j->begin) / j->row, sizeof *rows);
    struct found all = nothing(j, rows);
#pragma omp parallel num_threads(j->threads)
    {
        struct found f = nothing(j, rows);
        if (is_cold)
            past_the_cache(j, &f);
        else
            through_mapping(j, mapping, &f);
#pragma omp critical
        merge(&all, &f);
    }
    if (mapping)
        munmap(mapping, j->end);
    return all;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
