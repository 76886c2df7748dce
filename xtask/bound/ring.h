/* The few calls of io_uring that bound.c needs, so that no library is asked for. */
#pragma once

#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
    int fd;
    unsigned *sq_tail, *sq_mask, *cq_head, *cq_tail, *cq_mask;
    struct io_uring_sqe *requests;
    struct io_uring_cqe *answers;
    unsigned tail;    /* where the next request goes */
    unsigned pending; /* requests that the kernel was not told of */
};

static void *ring_map(int fd, size_t bytes, off_t what) {
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
}

/* 0, or -1 with errno. */
static int ring_open(struct ring *r, unsigned entries) {
    struct io_uring_params p = {0};
#ifdef IORING_SETUP_DEFER_TASKRUN
    p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
#endif
    r->fd = (int)syscall(__NR_io_uring_setup, entries, &p);
    if (r->fd < 0 && errno == EINVAL) { /* a kernel that does not know these flags */
        p = (struct io_uring_params){0};
        r->fd = (int)syscall(__NR_io_uring_setup, entries, &p);
    }
    if (r->fd < 0)
        return -1;
    size_t sq = p.sq_off.array + p.sq_entries * sizeof(unsigned);
    size_t cq = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    char *s = ring_map(r->fd, sq, IORING_OFF_SQ_RING);
    char *c = ring_map(r->fd, cq, IORING_OFF_CQ_RING);
    r->requests = ring_map(r->fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    if (s == MAP_FAILED || c == MAP_FAILED || (void *)r->requests == MAP_FAILED)
        return -1;
    r->sq_tail = (unsigned *)(s + p.sq_off.tail);
    r->sq_mask = (unsigned *)(s + p.sq_off.ring_mask);
    r->cq_head = (unsigned *)(c + p.cq_off.head);
    r->cq_tail = (unsigned *)(c + p.cq_off.tail);
    r->cq_mask = (unsigned *)(c + p.cq_off.ring_mask);
    r->answers = (struct io_uring_cqe *)(c + p.cq_off.cqes);
    unsigned *order = (unsigned *)(s + p.sq_off.array);
    for (unsigned i = 0; i < p.sq_entries; i++)
        order[i] = i;
    r->tail = *r->sq_tail;
    r->pending = 0;
    return 0;
}

/* Puts a request in the queue; `mark` comes back with its answer. */
static void ring_put(struct ring *r, int code, int fd, const void *memory, uint32_t bytes, uint64_t at, uint64_t mark) {
    struct io_uring_sqe *e = &r->requests[r->tail & *r->sq_mask];
    memset(e, 0, sizeof *e);
    e->opcode = (uint8_t)code;
    e->fd = fd;
    e->addr = (uint64_t)(uintptr_t)memory;
    e->len = bytes;
    e->off = at;
    e->user_data = mark;
    r->tail++;
    r->pending++;
}

static void ring_read(struct ring *r, int fd, void *to, uint32_t bytes, uint64_t at, uint64_t mark) {
    ring_put(r, IORING_OP_READ, fd, to, bytes, at, mark);
}

static void ring_write(struct ring *r, int fd, const void *from, uint32_t bytes, uint64_t at, uint64_t mark) {
    ring_put(r, IORING_OP_WRITE, fd, from, bytes, at, mark);
}

/* Tells the kernel of the requests, and waits for so many answers; 0, or -1 with errno. */
static int ring_enter(struct ring *r, unsigned wait) {
    __atomic_store_n(r->sq_tail, r->tail, __ATOMIC_RELEASE);
    long told;
    do
        told = syscall(__NR_io_uring_enter, r->fd, r->pending, wait, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
    while (told < 0 && errno == EINTR);
    if (told < 0)
        return -1;
    r->pending -= (unsigned)told;
    return 0;
}

/* Takes an answer, if there is one. */
static int ring_take(struct ring *r, struct io_uring_cqe *answer) {
    unsigned head = *r->cq_head;
    if (head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE))
        return 0;
    *answer = r->answers[head & *r->cq_mask];
    __atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
    return 1;
}
