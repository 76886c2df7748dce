/* Two passes over a file of rows: into buckets of the new file, and each bucket into its order. */
#pragma once

#define READ_PIECE (2ull << 20)
#define READ_QUEUE 6u

/* Rows of the new file that are next to each other, and the row of each in the order in which they come. */
struct bucket {
    uint64_t begin, count, come, written, filled;
    uint32_t *places;
    char *buffer;
};

struct shuffle {
    struct access *a;
    const char *name;
    int fd;
    struct ring ring;
    struct bucket *buckets;
    uint64_t bucket_rows, buckets_count, buffer_rows;
    uint32_t *place_of; /* of each row in the new file */
};

static void write_all(const struct shuffle *s, const char *from, uint64_t bytes, uint64_t at) {
    if (pwrite(s->fd, from, rounded(bytes), (off_t)at) < (ssize_t)bytes)
        fail(s->name);
}

static void put_row(struct shuffle *s, uint64_t number, const char *row) {
    uint64_t size = s->a->row, place = s->place_of[number];
    struct bucket *b = &s->buckets[place / s->bucket_rows];
    memcpy(b->buffer + b->filled * size, row, size);
    b->places[b->come++] = (uint32_t)(place - b->begin);
    if (++b->filled == s->buffer_rows) {
        write_all(s, b->buffer, b->filled * size, BLOCK + (b->begin + b->written) * size);
        b->written += b->filled;
        b->filled = 0;
    }
}

/* The file from its beginning to its end; pieces that are not whole rows share one. */
static void into_buckets(struct shuffle *s) {
    struct access *a = s->a;
    uint64_t total = HEADER + a->rows * a->row, asked = 0, at = HEADER, piece = 0, carried = 0;
    char *buffers = allocated(READ_QUEUE * READ_PIECE), *carry = allocated(a->row);
    int has_come[READ_QUEUE] = {0};
    for (unsigned k = 0; k < READ_QUEUE && asked < total; k++, asked += READ_PIECE)
        ring_read(&s->ring, a->fd, buffers + k * READ_PIECE, READ_PIECE, asked, k);
    while (at < total) {
        unsigned k = piece % READ_QUEUE;
        while (!has_come[k]) {
            struct io_uring_cqe answer;
            if (ring_enter(&s->ring, 1))
                fail("io_uring");
            while (ring_take(&s->ring, &answer)) {
                if (answer.res <= 0)
                    fail(a->file);
                has_come[answer.user_data] = 1;
            }
        }
        uint64_t end = smaller((piece + 1) * READ_PIECE, total);
        while (at < end) {
            const char *from = buffers + k * READ_PIECE + (at - piece * READ_PIECE);
            uint64_t part = smaller(a->row - carried, end - at);
            if (part < a->row) {
                memcpy(carry + carried, from, part);
                carried += part;
                from = carry;
            }
            at += part;
            if (part == a->row || carried == a->row) {
                put_row(s, (at - HEADER) / a->row - 1, from);
                carried = 0;
            }
        }
        has_come[k] = 0;
        piece++;
        if (asked < total) {
            ring_read(&s->ring, a->fd, buffers + k * READ_PIECE, READ_PIECE, asked, k);
            asked += READ_PIECE;
            if (ring_enter(&s->ring, 0))
                fail("io_uring");
        }
    }
    free(buffers);
    free(carry);
}

/* Reads or writes a bucket, several requests at a time. */
static void move_bucket(struct shuffle *s, int is_write, char *memory, uint64_t bytes, uint64_t at) {
    for (uint64_t done = 0; done < bytes;) {
        unsigned live = 0;
        for (; done < bytes && live < 8; live++, done += READ_PIECE) {
            uint32_t size = (uint32_t)rounded(smaller(bytes - done, READ_PIECE));
            if (is_write)
                ring_write(&s->ring, s->fd, memory + done, size, at + done, 0);
            else
                ring_read(&s->ring, s->fd, memory + done, size, at + done, 0);
        }
        if (ring_enter(&s->ring, live))
            fail("io_uring");
        struct io_uring_cqe answer;
        while (live)
            if (ring_take(&s->ring, &answer)) {
                if (answer.res <= 0)
                    fail(s->name);
                live--;
            } else if (ring_enter(&s->ring, 1)) {
                fail("io_uring");
            }
    }
}

static void order_buckets(struct shuffle *s) {
    uint64_t row = s->a->row, room = rounded(s->bucket_rows * row);
    char *come = allocated(room), *ordered = allocated(room);
    for (uint64_t k = 0; k < s->buckets_count; k++) {
        struct bucket *b = &s->buckets[k];
        uint64_t at = BLOCK + b->begin * row;
        move_bucket(s, 0, come, b->count * row, at);
#pragma omp parallel for num_threads(s->a->threads)
        for (uint64_t i = 0; i < b->count; i++)
            memcpy(ordered + b->places[i] * row, come + i * row, row);
        move_bucket(s, 1, ordered, b->count * row, at);
    }
    free(come);
    free(ordered);
}

/* The header takes a block, so that rows can be written past the page cache. */
static void shuffle(struct access *a, const char *name, uint64_t memory) {
    struct shuffle s = {.a = a, .name = name};
    s.fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);
    if (s.fd < 0 || (errno = posix_fallocate(s.fd, 0, (off_t)(BLOCK + rounded(a->rows * a->row)))))
        fail(name);
    /* Buckets begin at blocks. */
    uint64_t rows = memory / 4 / a->row;
    s.buckets_count = (a->rows + rows - 1) / rows;
    s.bucket_rows = ((a->rows + s.buckets_count - 1) / s.buckets_count + BLOCK - 1) / BLOCK * BLOCK;
    s.buckets_count = (a->rows + s.bucket_rows - 1) / s.bucket_rows;
    uint64_t room = 256 << 10;
    while (room * 4 * s.buckets_count <= memory / 2 && room < 4 << 20)
        room *= 2;
    s.buffer_rows = room / BLOCK * BLOCK / a->row;
    s.buckets = calloc(s.buckets_count, sizeof *s.buckets);
    s.place_of = allocated(a->rows * sizeof *s.place_of);
    for (uint64_t i = 0; i < a->rows; i++)
        s.place_of[a->indices[i]] = (uint32_t)i;
    for (uint64_t k = 0; k < s.buckets_count; k++) {
        struct bucket *b = &s.buckets[k];
        b->begin = k * s.bucket_rows;
        b->count = smaller(s.bucket_rows, a->rows - b->begin);
        b->places = allocated(b->count * sizeof *b->places);
        b->buffer = allocated(room);
    }
    if (ring_open(&s.ring, 64))
        fail("io_uring");
    into_buckets(&s);
    for (uint64_t k = 0; k < s.buckets_count; k++) {
        struct bucket *b = &s.buckets[k];
        if (b->filled)
            write_all(&s, b->buffer, b->filled * a->row, BLOCK + (b->begin + b->written) * a->row);
        free(b->buffer);
    }
    order_buckets(&s);
    if (fdatasync(s.fd) || close(s.fd))
        fail(name);
    close(s.ring.fd);
}
