/* Rows in another order than that of the file:
 *
 *   bound access gather hot|cold THREADS FILE ROW INDICES
 *   bound access random THREADS FILE ROW INDICES
 *   bound access shuffle THREADS FILE ROW INDICES RESULT MEMORY
 *
 * Files are .npy with headers of 128 bytes, INDICES one of 8-byte integers: numbers of rows. ROW is in bytes.
 * `gather` copies the rows into one buffer: through a mapping where the file is hot, else past the page cache, sorted,
 * one request for all that a page holds. `random` reads them in the given order into a few buffers, which is what a device can do.
 * `shuffle` makes a new file, whose row i is row INDICES[i], in two passes: rows go to buckets in the new file, which
 * are put in order one by one. MEMORY is in bytes. Within the time that is printed it is on stable storage.
 * The answer is the sum over i of (i % 1000 + 1) times the first four and the last four bytes of row i, as integers,
 * modulo 2^52; that of `random` is without the factor, that of `shuffle` none. Shuffled blocks are beside `first-words` of
 * bound.c, which reads the file from its beginning to its end. */
#pragma once

#include "new.h"

#define ACCESS_USAGE "gather hot|cold THREADS FILE ROW INDICES"
#define DEPTH 128u /* small requests on the way of one thread */

/* What is wanted of a file. */
struct access {
    const char *file;
    int fd, threads, is_cold;
    uint64_t row, rows, count, next;
    const int64_t *indices;
    uint64_t *sorted; /* place in the file and place in the result of each row */
    char *out;
};

static uint64_t probe(const char *row, uint64_t bytes) {
    uint32_t first, last;
    memcpy(&first, row, 4);
    memcpy(&last, row + bytes - 4, 4);
    return (uint64_t)first + last;
}

static int64_t *read_indices(const char *name, uint64_t *count) {
    struct stat about;
    int fd = open(name, O_RDONLY);
    if (fd < 0 || fstat(fd, &about))
        fail(name);
    uint64_t bytes = (uint64_t)about.st_size - HEADER;
    char *all = allocated(bytes);
    for (uint64_t at = 0; at < bytes;) {
        ssize_t got = pread(fd, all + at, bytes - at, (off_t)(HEADER + at));
        if (got <= 0)
            fail(name);
        at += (uint64_t)got;
    }
    close(fd);
    *count = bytes / 8;
    return (int64_t *)all;
}

static void open_rows(struct access *a) {
    struct stat about;
    a->fd = open(a->file, O_RDONLY | (a->is_cold ? O_DIRECT : 0));
    if (a->fd < 0 || fstat(a->fd, &about))
        fail(a->file);
    a->rows = ((uint64_t)about.st_size - HEADER) / a->row;
}

/* Rows through a mapping. */
static void gather_mapped(struct access *a) {
    uint64_t bytes = HEADER + a->rows * a->row;
    char *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, a->fd, 0);
    if (p == MAP_FAILED)
        fail("mmap");
#pragma omp parallel for num_threads(a->threads) schedule(dynamic, 256)
    for (uint64_t i = 0; i < a->count; i++)
        memcpy(a->out + i * a->row, p + HEADER + (uint64_t)a->indices[i] * a->row, a->row);
    munmap(p, bytes);
}

static int by_place(const void *x, const void *y) {
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* A request that is on its way: rows `first` to `first + count` of those that are sorted. */
struct wanted {
    uint64_t first, count, from, end;
};

/* The next rows that one request brings: those that begin in the block in which the first one ends. */
static int take_rows(struct access *a, struct wanted *w, int are_sorted) {
    uint64_t first = 0, count = 1, begin = 0;
    if (are_sorted) {
#pragma omp critical(rows)
        {
            first = a->next;
            if (first < a->count) {
                begin = HEADER + (a->sorted[first] >> 24) * a->row;
                uint64_t last = (begin + a->row - 1) / BLOCK;
                while (first + count < a->count && count < 64
                       && (HEADER + (a->sorted[first + count] >> 24) * a->row + a->row - 1) / BLOCK <= last)
                    count++;
                a->next += count;
            }
        }
    } else {
        first = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        begin = HEADER + (first < a->count ? (uint64_t)a->indices[first] : 0) * a->row;
    }
    if (first >= a->count)
        return 0;
    *w = (struct wanted){first, count, begin / BLOCK * BLOCK, rounded(begin + a->row)};
    return 1;
}

/* Rows past the page cache; the sum of what they hold where they are not sorted. */
static uint64_t rows_past_the_cache(struct access *a, int are_sorted) {
    struct ring r;
    struct wanted wanted[DEPTH];
    unsigned unused[DEPTH], count = DEPTH, live = 0;
    uint64_t room = rounded(a->row) + BLOCK, sum = 0;
    char *buffers = allocated(DEPTH * room);
    if (ring_open(&r, DEPTH))
        fail("io_uring");
    for (unsigned k = 0; k < DEPTH; k++)
        unused[k] = k;
    for (;;) {
        while (count && take_rows(a, &wanted[unused[count - 1]], are_sorted)) {
            unsigned k = unused[--count];
            struct wanted *w = &wanted[k];
            ring_read(&r, a->fd, buffers + k * room, (uint32_t)(w->end - w->from), w->from, k);
            live++;
        }
        if (!live)
            break;
        if (ring_enter(&r, 1))
            fail("io_uring");
        struct io_uring_cqe answer;
        while (ring_take(&r, &answer)) {
            unsigned k = (unsigned)answer.user_data;
            struct wanted *w = &wanted[k];
            if (answer.res <= 0) {
                errno = answer.res < 0 ? -answer.res : EIO;
                fail(a->file);
            }
            for (uint64_t i = w->first; i < w->first + w->count; i++) {
                uint64_t number = are_sorted ? a->sorted[i] >> 24 : (uint64_t)a->indices[i];
                const char *row = buffers + k * room + (HEADER + number * a->row - w->from);
                if (are_sorted)
                    memcpy(a->out + (a->sorted[i] & 0xffffff) * a->row, row, a->row);
                else
                    sum += probe(row, a->row);
            }
            unused[count++] = k;
            live--;
        }
    }
    close(r.fd);
    free(buffers);
    return sum;
}

static void gather_past_the_cache(struct access *a) {
    a->sorted = allocated(a->count * sizeof *a->sorted);
    for (uint64_t i = 0; i < a->count; i++)
        a->sorted[i] = (uint64_t)a->indices[i] << 24 | i;
    qsort(a->sorted, a->count, sizeof *a->sorted, by_place);
    rows_past_the_cache(a, 1);
    free(a->sorted);
}

#include "shuffle.h"

static int access_rows(int count, char **words) {
    int is_gather = count == 6 && !strcmp(words[0], "gather");
    int is_shuffle = count == 7 && !strcmp(words[0], "shuffle");
    if (!is_gather && !is_shuffle && !(count == 5 && !strcmp(words[0], "random"))) {
        fprintf(stderr, "usage: bound access %s\n", ACCESS_USAGE);
        return 2;
    }
    struct access a = {.is_cold = !is_gather || !strcmp(words[1], "cold")};
    words += is_gather ? 2 : 1;
    a.threads = atoi(words[0]);
    a.file = words[1];
    a.row = strtoull(words[2], NULL, 10);
    a.indices = read_indices(words[3], &a.count);
    double start = now();
    uint64_t sum = 0;
    open_rows(&a);
    if (is_shuffle) {
        shuffle(&a, words[4], strtoull(words[5], NULL, 10));
    } else if (!is_gather) {
#pragma omp parallel num_threads(a.threads) reduction(+ : sum)
        sum = rows_past_the_cache(&a, 0);
    } else {
        a.out = allocated(a.count * a.row);
        if (a.is_cold)
            gather_past_the_cache(&a);
        else
            gather_mapped(&a);
    }
    close(a.fd);
    double seconds = now() - start;
    for (uint64_t i = 0; is_gather && i < a.count; i++)
        sum += (i % 1000 + 1) * probe(a.out + i * a.row, a.row);
    if (is_shuffle)
        printf("[%.6f, []]\n", seconds);
    else
        printf("[%.6f, %" PRIu64 "]\n", seconds, sum & (((uint64_t)1 << 52) - 1));
    return 0;
}
