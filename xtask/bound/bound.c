/* What a program can do that is written for one file: the bound that ndfolio is compared with.
 *
 *   bound OPERATION FILE OFFSET ROW hot|cold THREADS
 *   bound new OPERATION hot|cold THREADS ROWS COLUMNS RESULT FILE...
 *   bound access gather|random|shuffle ...
 *
 * The first reduces a file, the second makes a new one (new.h), the third reads rows in another order (access.h). OFFSET is where the data begin, ROW the bytes of a row,
 * the data end with the file. Prints the seconds of the call, from opening the file to closing it, and the answer:
 * [0.123, 4.5] or [0.123, [4.5, …]].
 *
 * Hot files are mapped, and the threads take pieces of 4 MiB in turn. Cold ones are read past the page cache, by
 * requests of 1 MiB of which each thread has several on the way. There are no NaN. How it is built stands in
 * xtask/src/bench/programs.rs. */
#define _GNU_SOURCE
#include "access.h"
#include "new.h"
#include "passes.h"

#define SMALL_QUEUE 128u

static const struct operation OPERATIONS[] = {
    {"sum-f4", sum_f4, SUM, 0, 4},          {"sum-f8", sum_f8, SUM, 0, 8},
    {"sum-i4", sum_i4, INTEGERS, 0, 4},     {"sum-u1", sum_u1, INTEGERS, 0, 1},
    {"sum-f2", sum_f2, SUM, 0, 2},          {"sum->f4", sum_other_f4, SUM, 0, 4},
    {"mean-f4", sum_f4, MEAN, 0, 4},        {"var-f4", var_f4, VAR, 0, 4},
    {"std-f4", var_f4, STD, 0, 4},          {"min-f4", min_f4, LEAST, 0, 4},
    {"max-f4", max_f4, GREATEST, 0, 4},     {"argmin-f4", argmin_f4, PLACE_LEAST, 0, 4},
    {"argmax-f4", argmax_f4, PLACE_GREATEST, 0, 4},
    {"rows-f4", rows_f4, ROWS, 1, 4},       {"columns-f4", columns_f4, COLUMNS, 1, 4},
    {"first-words", first_words, INTEGERS, 1, 4},
    {"every-f4", every_f4, SUM, 1, 4},      {"column-f4", column_f4, SUM, 1, 4},
    {"sum-exp-f4", sum_exp_f4, SUM, 0, 4},  {"sum-log-f4", sum_log_f4, SUM, 0, 4},
    {"sum-sin-f4", sum_sin_f4, SUM, 0, 4},  {"sum-tanh-f4", sum_tanh_f4, SUM, 0, 4},
};

/* The bytes that a small request past the page cache must be a multiple of. */
static uint64_t smallest_request(int fd) {
    char *probe = allocated(BLOCK);
    uint64_t least = pread(fd, probe, 512, 512) < 0 ? BLOCK : 512;
    free(probe);
    return least;
}

/* One column of many rows: a request for each item, many of them on the way, by one thread. */
static void column_past_the_cache(struct job *j, struct found *f) {
    struct ring r;
    if (ring_open(&r, SMALL_QUEUE))
        fail("io_uring");
    uint64_t block = smallest_request(j->fd), live = 0, asked = 0, rows = (j->end - j->begin) / j->row;
    char *buffers = allocated(SMALL_QUEUE * block);
    uint64_t row_of[SMALL_QUEUE];
    unsigned unused[SMALL_QUEUE], count = 0;
    while (count < SMALL_QUEUE) {
        unused[count] = count;
        count++;
    }
    while (asked < rows || live) {
        for (; count && asked < rows; asked++, live++) {
            unsigned k = unused[--count];
            row_of[k] = asked;
            uint64_t at = j->begin + asked * j->row + COLUMN * sizeof(float);
            ring_read(&r, j->fd, buffers + k * block, (uint32_t)block, at / block * block, k);
        }
        if (ring_enter(&r, 1))
            fail("io_uring");
        struct io_uring_cqe answer;
        while (ring_take(&r, &answer)) {
            unsigned k = (unsigned)answer.user_data;
            uint64_t within = (j->begin + row_of[k] * j->row + COLUMN * sizeof(float)) % block;
            if (answer.res < 0 || (uint64_t)answer.res < within + sizeof(float)) {
                errno = answer.res < 0 ? -answer.res : EIO;
                fail(j->file);
            }
            f->sum += *(float *)(buffers + k * block + within);
            unused[count++] = k;
            live--;
        }
    }
    close(r.fd);
    free(buffers);
}

static void print_list(const double *values, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        printf("%s%.17g", i ? ", " : "[", values[i]);
    printf("]");
}

static void print_answer(const struct job *j, const struct found *f) {
    uint64_t bytes = j->end - j->begin;
    double count = (double)(bytes / j->operation->item), mean = f->sum / count;
    double var = f->squares / count - mean * mean;
    switch (j->operation->answer) {
    case SUM: printf("%.17g", f->sum); break;
    case MEAN: printf("%.17g", mean); break;
    case INTEGERS: printf("%" PRId64, f->integers); break;
    case VAR: printf("%.17g", var); break;
    case STD: printf("%.17g", sqrt(var)); break;
    case LEAST: printf("%.17g", f->least); break;
    case GREATEST: printf("%.17g", f->greatest); break;
    case PLACE_LEAST: printf("%" PRIu64, f->place_least); break;
    case PLACE_GREATEST: printf("%" PRIu64, f->place_greatest); break;
    case ROWS: print_list(f->rows, bytes / j->row); break;
    case COLUMNS: print_list(f->columns, j->row / sizeof(float)); break;
    }
}

static const struct operation *operation(const char *name) {
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
        if (!strcmp(OPERATIONS[i].name, name))
            return &OPERATIONS[i];
    errno = EINVAL;
    fail(name);
    return NULL;
}

static struct found run(struct job *j, int is_cold) {
    open_file(j, is_cold);
    struct found all;
    if (is_cold && j->operation->run == column_f4) {
        all = nothing(j, NULL);
        column_past_the_cache(j, &all);
    } else {
        all = pass(j, is_cold);
    }
    close(j->fd);
    return all;
}

int main(int count, char **words) {
    if (count > 2 && !strcmp(words[1], "new"))
        return new_file(count - 2, words + 2);
    if (count > 2 && !strcmp(words[1], "access"))
        return access_rows(count - 2, words + 2);
    if (count != 7) {
        fprintf(stderr, "usage: bound OPERATION FILE OFFSET ROW hot|cold THREADS\n       bound new %s\n", NEW_USAGE);
        return 2;
    }
    struct job j = {.operation = operation(words[1]), .file = words[2], .threads = atoi(words[6])};
    j.begin = strtoull(words[3], NULL, 10);
    j.row = strtoull(words[4], NULL, 10);
    int is_cold = !strcmp(words[5], "cold");
    double start = now();
    struct found found = run(&j, is_cold);
    double seconds = now() - start;
    printf("[%.6f, ", seconds);
    print_answer(&j, &found);
    printf("]\n");
    return 0;
}
