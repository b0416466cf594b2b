/* Exact books of a small target's own heap calls, kept with atomics and written with write(2): FOLDER/PID, "name value" a
 * line, as the ledger's (ledger.c). FOLDER is the program's first argument; without one nothing is written. */
#ifndef CAIRN_TARGET_BOOKS_H
#define CAIRN_TARGET_BOOKS_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct books {
    int64_t allocations, reallocs, frees, allocated_bytes, live_bytes, live_blocks;
    int64_t peak_bytes; /* of a program with one thread alone */
    int pid;            /* set by who may not ask later */
} books;

static inline void books_add(int64_t *sum, int64_t value)
{
    __atomic_fetch_add(sum, value, __ATOMIC_RELAXED);
}

static inline void books_peak(void)
{
    books.peak_bytes = books.live_bytes > books.peak_bytes ? books.live_bytes : books.peak_bytes;
}

static inline void books_in(size_t size)
{
    books_add(&books.allocations, 1);
    books_add(&books.allocated_bytes, (int64_t)size);
    books_add(&books.live_bytes, (int64_t)size);
    books_add(&books.live_blocks, 1);
    books_peak();
}

static inline void books_out(size_t size)
{
    books_add(&books.frees, 1);
    books_add(&books.live_bytes, -(int64_t)size);
    books_add(&books.live_blocks, -1);
}

static inline void *books_malloc(size_t size)
{
    void *block = malloc(size);
    if (block) {
        memset(block, 1, size);
        books_in(size);
    }
    return block;
}

static inline void books_free(void *block, size_t size)
{
    books_out(size);
    free(block);
}

/* A block as it was malloced, or NULL, becomes one of `size` bytes; NULL where that failed and the old one stays. */
static inline void *books_realloc(void *block, size_t old_size, size_t size)
{
    void *moved = realloc(block, size);
    if (moved && block) {
        books_add(&books.reallocs, 1);
        books_add(&books.allocated_bytes, (int64_t)size);
        books_add(&books.live_bytes, (int64_t)size - (int64_t)old_size);
        books_peak();
    } else if (moved) {
        books_in(size);
    }
    return moved;
}

/* In a forked child: books of its own. What it frees of its parent's is no block of its own. */
static inline void books_reset(void)
{
    memset(&books, 0, sizeof books);
}

/* Where the books will be written, for a program that cannot open files later. */
static inline int books_open(const char *folder)
{
    char path[512];
    if (!folder) {
        return -1;
    }
    books.pid = (int)getpid();
    snprintf(path, sizeof path, "%s/%d", folder, books.pid);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static inline void books_write_to(int fd)
{
    char text[512];
    const int length =
        snprintf(text, sizeof text,
                 "pid %d\nallocations %lld\nreallocs %lld\nfrees %lld\nallocated_bytes %lld\n"
                 "live_bytes %lld\nlive_blocks %lld\n",
                 books.pid, (long long)books.allocations, (long long)books.reallocs, (long long)books.frees,
                 (long long)books.allocated_bytes, (long long)books.live_bytes, (long long)books.live_blocks);
    if (fd < 0 || write(fd, text, (size_t)length) != length) {
        _exit(99);
    }
}

static inline void books_write(const char *folder)
{
    if (folder) {
        const int fd = books_open(folder);
        books_write_to(fd);
        close(fd);
    }
}

/* With the peak, of a program with one thread alone. */
static inline void books_write_with_peak(const char *folder)
{
    if (folder) {
        char text[64];
        const int fd = books_open(folder);
        const int length = snprintf(text, sizeof text, "peak_bytes %lld\n", (long long)books.peak_bytes);
        books_write_to(fd);
        if (write(fd, text, (size_t)length) != length) {
            _exit(99);
        }
        close(fd);
    }
}

#endif
