#include "collector/segment.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
/* The kernel finds a futex word at one fixed distance from its list entry. Entries lie at the start of a private page
 * in front of each mapping, so that a target that scribbles over its segment cannot break the list. */
#define WORD_OFFSET (PAGE_BYTES + offsetof(struct cairn_segment_header, collector_alive))

enum cairn_status cairn_robust_words_init(struct cairn_robust_words *words, struct cairn_error *error)
{
    if (syscall(SYS_get_robust_list, 0, &words->previous, &words->previous_size) != 0) {
        return cairn_fail_errno(error, "cannot read this thread's robust list");
    }
    words->head =
        (struct robust_list_head){.list.next = &words->head.list, .futex_offset = (long)WORD_OFFSET};
    if (syscall(SYS_set_robust_list, &words->head, sizeof words->head) != 0) {
        return cairn_fail_errno(error, "cannot register a robust list");
    }
    return CAIRN_OK;
}

void cairn_robust_words_release(struct cairn_robust_words *words)
{
    syscall(SYS_set_robust_list, words->previous, words->previous_size);
}

/* A limit on file sizes counts for memfds too (SIGXFSZ, or EFBIG where that is ignored). */
static int make_memfd(struct cairn_error *error)
{
    const int fd = memfd_create(CAIRN_SEGMENT_NAME, MFD_CLOEXEC);
    if (fd < 0) {
        cairn_fail_errno(error, "cannot make shared memory (memfd_create)");
        return -1;
    }
    if (ftruncate(fd, (off_t)CAIRN_SEGMENT_BYTES) == 0) {
        return fd;
    }
    if (errno == EFBIG) {
        cairn_fail(error, CAIRN_E_SYSTEM,
                   "cannot make shared memory: the limit on file sizes (ulimit -f) is below %u KiB; raise it",
                   (unsigned)(CAIRN_SEGMENT_BYTES >> 10));
    } else {
        cairn_fail_errno(error, "cannot make shared memory (ftruncate)");
    }
    close(fd);
    return -1;
}

enum cairn_status cairn_segment_check(struct cairn_error *error)
{
    struct cairn_error reason;
    const int fd = make_memfd(&reason);
    if (fd < 0) {
        return cairn_fail(error, reason.status, "%s", reason.message);
    }
    close(fd);
    return CAIRN_OK;
}

enum cairn_status cairn_segment_open(struct cairn_segment *segment,
                                     const struct cairn_segment_settings *settings,
                                     struct cairn_robust_words *words, struct cairn_error *error)
{
    const int fd = make_memfd(error);
    if (fd < 0) {
        return error ? error->status : CAIRN_E_SYSTEM;
    }
    uint8_t *base = mmap(NULL, PAGE_BYTES + CAIRN_SEGMENT_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        close(fd);
        return cairn_fail_errno(error, "cannot reserve address space for shared memory");
    }
    void *mapping =
        mmap(base + PAGE_BYTES, CAIRN_SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (mapping == MAP_FAILED) {
        const enum cairn_status status = cairn_fail_errno(error, "cannot map shared memory");
        munmap(base, PAGE_BYTES + CAIRN_SEGMENT_BYTES);
        close(fd);
        return status;
    }

    struct cairn_segment_header *header = mapping;
    header->magic = CAIRN_SEGMENT_MAGIC;
    header->version = CAIRN_WIRE_VERSION;
    header->ring_count = CAIRN_RINGS_PER_SEGMENT;
    header->ring_bytes = CAIRN_RING_BYTES;
    header->process = settings->process;
    header->clock_base = settings->clock_base;
    header->clock_kind = settings->clock_kind;
    header->max_depth = settings->max_depth;
    header->sample_bytes = settings->sample_bytes;
    header->sample_seed = settings->sample_seed;
    header->options = settings->options;
    header->segment_index = settings->segment_index;
    atomic_store_explicit(&header->collector_alive, (uint32_t)syscall(SYS_gettid), memory_order_release);

    struct robust_list *entry = (struct robust_list *)(void *)base;
    entry->next = words->head.list.next;
    words->head.list.next = entry;
    *segment = (struct cairn_segment){.header = header, .robust = entry, .fd = fd};
    return CAIRN_OK;
}

static void unlink_entry(struct cairn_robust_words *words, const struct robust_list *entry)
{
    for (struct robust_list *at = &words->head.list; at->next != &words->head.list; at = at->next) {
        if (at->next == entry) {
            at->next = entry->next;
            return;
        }
    }
}

void cairn_segment_close(struct cairn_segment *segment, struct cairn_robust_words *words)
{
    if (!segment->header) {
        return;
    }
    if (segment->fd >= 0) {
        close(segment->fd);
    }
    /* Pairs with the agent's loads: a thread that waits for room must see one of the two. */
    atomic_fetch_or_explicit(&segment->header->control, CAIRN_CONTROL_STOP, memory_order_release);
    atomic_store_explicit(&segment->header->collector_alive, FUTEX_OWNER_DIED, memory_order_release);
    unlink_entry(words, segment->robust);
    munmap(segment->robust, PAGE_BYTES + CAIRN_SEGMENT_BYTES);
    *segment = (struct cairn_segment){.fd = -1};
}
