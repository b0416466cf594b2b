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
} books;

static inline void books_add(int64_t *sum, int64_t value)
{
    __atomic_fetch_add(sum, value, __ATOMIC_RELAXED);
}

static inline void books_in(size_t size)
{
    books_add(&books.allocations, 1);
    books_add(&books.allocated_bytes, (int64_t)size);
    books_add(&books.live_bytes, (int64_t)size);
    books_add(&books.live_blocks, 1);
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

/* In a forked child: books of its own. What it frees of its parent's is no block of its own. */
static inline void books_reset(void)
{
    memset(&books, 0, sizeof books);
}

static inline void books_write(const char *folder)
{
    char path[512], text[512];
    if (!folder) {
        return;
    }
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    const int length = snprintf(text, sizeof text,
                                "pid %d\nallocations %lld\nreallocs %lld\nfrees %lld\nallocated_bytes %lld\n"
                                "live_bytes %lld\nlive_blocks %lld\n",
                                (int)getpid(), (long long)books.allocations, (long long)books.reallocs,
                                (long long)books.frees, (long long)books.allocated_bytes,
                                (long long)books.live_bytes, (long long)books.live_blocks);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, (size_t)length) != length) {
        _exit(99);
    }
    close(fd);
}

#endif
