/* A new file, item by item of one or three others, or in the other order:
 *
 *   bound new OPERATION hot|cold THREADS ROWS COLUMNS RESULT FILE...
 *
 * multiply-add is a * b + c of f4, normalize is (a - mean(a)) / std(a) of f4, f8-f4 and swap-f4 are casts, order-f4
 * makes F order of C order (or C of F, which is the same); ROWS and COLUMNS are those of the file's order. All files
 * are .npy with headers of 128 bytes. The space of the new one is reserved, it is written past the page cache, and
 * within the time that is printed it is complete and on stable storage. Hot files are mapped, cold ones are read past
 * the page cache too. Pieces of the new file are a MiB, of which each thread has several on the way. */
#pragma once

#include "passes.h"

#define NEW_USAGE "OPERATION hot|cold THREADS ROWS COLUMNS RESULT FILE..."
#define HEADER 128u /* bytes before the items of each file */
#define NEW_PIECE (1ull << 20)
#define NEW_QUEUE 6u
#define INPUTS 3u
#define WRITTEN 7u /* the mark of an answer that is none of a read */

/* What an operation knows beside the items. */
struct numbers {
    float shift, scale;
};

/* Items of the result from as many of each input. */
typedef void map_kernel(const char *const *in, char *out, size_t items, const struct numbers *n);

static void multiply_add_f4(const char *const *in, char *out, size_t items, const struct numbers *n) {
    (void)n;
    const float *a = (const float *)in[0], *b = (const float *)in[1], *c = (const float *)in[2];
    float *restrict z = (float *)out;
    for (size_t i = 0; i < items; i++)
        z[i] = a[i] * b[i] + c[i];
}

static void normalize_f4(const char *const *in, char *out, size_t items, const struct numbers *n) {
    const float *a = (const float *)in[0];
    float *restrict z = (float *)out;
    float shift = n->shift, scale = n->scale;
    for (size_t i = 0; i < items; i++)
        z[i] = (a[i] - shift) * scale;
}

static void f8_to_f4(const char *const *in, char *out, size_t items, const struct numbers *n) {
    (void)n;
    const double *a = (const double *)in[0];
    float *restrict z = (float *)out;
    for (size_t i = 0; i < items; i++)
        z[i] = (float)a[i];
}

static void swap_f4(const char *const *in, char *out, size_t items, const struct numbers *n) {
    (void)n;
    const uint32_t *a = (const uint32_t *)in[0];
    uint32_t *restrict z = (uint32_t *)out;
    for (size_t i = 0; i < items; i++)
        z[i] = __builtin_bswap32(a[i]);
}

static const struct map {
    const char *name;
    map_kernel *run; /* none where items change their places */
    unsigned inputs;
    size_t item; /* bytes of an input's item; the result's have four */
} MAPS[] = {
    {"multiply-add", multiply_add_f4, 3, 4}, {"normalize", normalize_f4, 1, 4}, {"f8-f4", f8_to_f4, 1, 8},
    {"swap-f4", swap_f4, 1, 4},              {"order-f4", NULL, 1, 4},
};

/* The making of a new file. */
struct making {
    const struct map *map;
    const char *result, *files[INPUTS];
    const char *mappings[INPUTS]; /* where the files are hot */
    int fd, inputs[INPUTS], threads, is_cold;
    uint64_t rows, columns, items;
    uint64_t next; /* the piece that is taken next */
    struct numbers numbers;
};

static uint64_t rounded(uint64_t n) { return (n + BLOCK - 1) / BLOCK * BLOCK; }

/* Writes the header of a .npy file: its length is 128 bytes. */
static void put_header(char *to, uint64_t rows, uint64_t columns) {
    char text[HEADER];
    int n = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu64 "), }",
                     rows, columns);
    memset(to, ' ', HEADER);
    memcpy(to, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(to + 10, text, (size_t)n);
    to[HEADER - 1] = '\n';
}

/* A piece of the result, and the items of the inputs that it is made of. */
struct part {
    char *result, *inputs[INPUTS];
    uint64_t begin, end;          /* of the piece in the new file */
    uint64_t first, count, from;  /* its items; where the inputs' bytes are asked for, which is aligned */
    uint32_t asked;               /* bytes of an input that are asked for */
    unsigned wanted;              /* inputs that have not come yet */
};

static int take_part(struct making *m, struct part *p) {
    uint64_t total = HEADER + m->items * sizeof(float);
    p->begin = __atomic_fetch_add(&m->next, NEW_PIECE, __ATOMIC_RELAXED);
    if (p->begin >= total)
        return 0;
    p->end = smaller(p->begin + NEW_PIECE, total);
    p->first = p->begin ? (p->begin - HEADER) / sizeof(float) : 0;
    p->count = (p->end - HEADER) / sizeof(float) - p->first;
    uint64_t begin = HEADER + p->first * m->map->item;
    p->from = begin / BLOCK * BLOCK;
    p->asked = (uint32_t)(rounded(begin + p->count * m->map->item) - p->from);
    return 1;
}

/* Computes a piece whose inputs are there, and sends it on its way. */
static void make_part(struct making *m, struct ring *r, struct part *p, uint64_t mark) {
    const char *in[INPUTS] = {0};
    uint64_t begin = HEADER + p->first * m->map->item;
    for (unsigned i = 0; i < m->map->inputs; i++)
        in[i] = m->is_cold ? p->inputs[i] + (begin - p->from) : m->mappings[i] + begin;
    char *out = p->result;
    if (p->begin == 0) {
        put_header(out, m->rows, m->columns);
        out += HEADER;
    }
    m->map->run(in, out, p->count, &m->numbers);
    ring_write(r, m->fd, p->result, (uint32_t)rounded(p->end - p->begin), p->begin, mark * 8 + WRITTEN);
    if (ring_enter(r, 0))
        fail("io_uring");
}

static int begin_part(struct making *m, struct ring *r, struct part *p, uint64_t mark) {
    if (!take_part(m, p))
        return 0;
    if (!m->is_cold) {
        make_part(m, r, p, mark);
        return 1;
    }
    p->wanted = m->map->inputs;
    for (unsigned i = 0; i < m->map->inputs; i++)
        ring_read(r, m->inputs[i], p->inputs[i], p->asked, p->from, mark * 8 + i);
    if (ring_enter(r, 0))
        fail("io_uring");
    return 1;
}

/* What one thread does. */
static void make_parts(struct making *m) {
    struct ring r;
    struct part parts[NEW_QUEUE];
    if (ring_open(&r, 64))
        fail("io_uring");
    size_t room = m->is_cold ? NEW_PIECE / sizeof(float) * m->map->item + 2 * BLOCK : 0;
    size_t all = NEW_PIECE + m->map->inputs * room;
    char *buffers = allocated(NEW_QUEUE * all);
    unsigned live = 0;
    for (unsigned k = 0; k < NEW_QUEUE; k++) {
        parts[k].result = buffers + k * all;
        for (unsigned i = 0; i < m->map->inputs; i++)
            parts[k].inputs[i] = buffers + k * all + NEW_PIECE + i * room;
        live += (unsigned)begin_part(m, &r, &parts[k], k);
    }
    while (live) {
        if (ring_enter(&r, 1))
            fail("io_uring");
        struct io_uring_cqe answer;
        while (ring_take(&r, &answer)) {
            struct part *p = &parts[answer.user_data / 8];
            unsigned which = answer.user_data % 8;
            /* The last request of a file goes beyond its end, and brings less. */
            uint64_t least = which == WRITTEN ? rounded(p->end - p->begin)
                                              : HEADER + (p->first + p->count) * m->map->item - p->from;
            if (answer.res < 0 || (uint64_t)answer.res < least) {
                errno = answer.res < 0 ? -answer.res : EIO;
                fail(which == WRITTEN ? m->result : m->files[which]);
            }
            if (which == WRITTEN)
                live = live - 1 + (unsigned)begin_part(m, &r, p, answer.user_data / 8);
            else if (--p->wanted == 0)
                make_part(m, &r, p, answer.user_data / 8);
        }
    }
    close(r.fd);
    free(buffers);
}

/* Mean and deviation, by a pass before. */
static void find_numbers(struct making *m) {
    static const struct operation var = {"var-f4", var_f4, VAR, 0, 4};
    struct job j = {.operation = &var, .file = m->files[0], .threads = m->threads, .begin = HEADER, .row = 4};
    open_file(&j, m->is_cold);
    struct found f = pass(&j, m->is_cold);
    close(j.fd);
    double mean = f.sum / (double)m->items;
    m->numbers.shift = (float)mean;
    m->numbers.scale = (float)(1 / sqrt(f.squares / (double)m->items - mean * mean));
}

#include "order.h"

static void make(struct making *m) {
    uint64_t bytes = HEADER + m->items * sizeof(float);
    if (m->map->run == normalize_f4)
        find_numbers(m);
    for (unsigned i = 0; i < m->map->inputs; i++) {
        struct stat about;
        m->inputs[i] = open(m->files[i], O_RDONLY | (m->is_cold ? O_DIRECT : 0));
        if (m->inputs[i] < 0 || fstat(m->inputs[i], &about))
            fail(m->files[i]);
        uint64_t size = HEADER + m->items * m->map->item;
        if ((uint64_t)about.st_size != size) {
            errno = EINVAL;
            fail("ROWS and COLUMNS do not fit the file");
        }
        if (!m->is_cold) {
            m->mappings[i] = mmap(NULL, size, PROT_READ, MAP_SHARED, m->inputs[i], 0);
            if (m->mappings[i] == MAP_FAILED)
                fail("mmap");
        }
    }
    m->fd = open(m->result, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);
    if (m->fd < 0 || (errno = posix_fallocate(m->fd, 0, (off_t)rounded(bytes))))
        fail(m->result);
    if (m->map->run) {
#pragma omp parallel num_threads(m->threads)
        make_parts(m);
    } else {
        make_panels(m);
    }
    for (unsigned i = 0; i < m->map->inputs; i++) {
        if (m->mappings[i])
            munmap((void *)m->mappings[i], HEADER + m->items * m->map->item);
        close(m->inputs[i]);
    }
    if (ftruncate(m->fd, (off_t)bytes) || fdatasync(m->fd) || close(m->fd))
        fail(m->result);
}

static int new_file(int count, char **words) {
    struct making m = {0};
    for (size_t i = 0; count > 0 && i < sizeof MAPS / sizeof *MAPS; i++)
        if (!strcmp(MAPS[i].name, words[0]))
            m.map = &MAPS[i];
    if (!m.map || count != 6 + (int)m.map->inputs) {
        fprintf(stderr, "usage: bound new %s\n", NEW_USAGE);
        return 2;
    }
    m.is_cold = !strcmp(words[1], "cold");
    m.threads = atoi(words[2]);
    m.rows = strtoull(words[3], NULL, 10);
    m.columns = strtoull(words[4], NULL, 10);
    m.items = m.rows * m.columns;
    m.result = words[5];
    for (unsigned i = 0; i < m.map->inputs; i++)
        m.files[i] = words[6 + i];
    double start = now();
    make(&m);
    printf("[%.6f, []]\n", now() - start);
    return 0;
}
