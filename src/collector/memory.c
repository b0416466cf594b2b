#include "collector/memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/target.h"

#define MAX_NAMES 512u /* of files a process, in one sample; the rest is summed up as one */

struct cairn_memory {
    struct cairn_pipeline *pipeline;
    pthread_t thread;
    _Atomic int64_t peak_bytes, residency_cost_ns;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    struct cairn_memory_subject *subjects; /* being asked about; NULL: nothing to do */
    size_t count;
    int64_t t_ns;
    bool residency, ending;
};

struct sizes {
    int64_t rss, anonymous, file, shared, peak;
};

static int64_t kib_after(const char *line)
{
    const char *colon = strchr(line, ':');
    return colon ? strtoll(colon + 1, NULL, 10) * 1024 : 0;
}

static bool read_status(pid_t pid, struct sizes *sizes)
{
    char path[64], line[256];
    cairn_proc_path(path, sizeof path, pid, "status");
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    *sizes = (struct sizes){.rss = -1};
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            sizes->rss = kib_after(line);
        } else if (strncmp(line, "VmHWM:", 6) == 0) {
            sizes->peak = kib_after(line);
        } else if (strncmp(line, "RssAnon:", 8) == 0) {
            sizes->anonymous = kib_after(line);
        } else if (strncmp(line, "RssFile:", 8) == 0) {
            sizes->file = kib_after(line);
        } else if (strncmp(line, "RssShmem:", 9) == 0) {
            sizes->shared = kib_after(line);
        }
    }
    fclose(file);
    return sizes->rss >= 0;
}

static void sample_memory(struct cairn_memory *memory, const struct cairn_memory_subject *subjects,
                          size_t count, int64_t t_ns)
{
    struct sizes sum = {.rss = 0};
    int64_t peak = 0;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        struct sizes sizes;
        if (!read_status(subjects[i].pid, &sizes)) {
            continue;
        }
        const int64_t ours = subjects[i].ring_bytes < sizes.shared ? subjects[i].ring_bytes : sizes.shared;
        any = true;
        sum.rss += sizes.rss - ours;
        sum.anonymous += sizes.anonymous;
        sum.file += sizes.file;
        sum.shared += sizes.shared - ours;
        peak += (sizes.peak > sizes.rss ? sizes.peak : sizes.rss) - ours;
    }
    struct cairn_message *message = any ? cairn_message_new(CAIRN_MESSAGE_MEMORY, t_ns) : NULL;
    if (!message) {
        return;
    }
    /* High-water marks of several processes need not coincide: then the largest sum seen is the best there is. */
    const int64_t seen = count == 1 ? peak : sum.rss;
    if (seen > atomic_load_explicit(&memory->peak_bytes, memory_order_relaxed)) {
        atomic_store_explicit(&memory->peak_bytes, seen, memory_order_relaxed);
    }
    message->of.memory = (struct cairn_timeline_memory){.rss_bytes = sum.rss,
                                                        .anonymous_bytes = sum.anonymous,
                                                        .file_bytes = sum.file,
                                                        .shared_bytes = sum.shared};
    cairn_queue_push(&memory->pipeline->messages, message);
}

/* --- smaps, summed up --- */

struct mapping_sum {
    const char *category;
    char name[256];
    int64_t rss, pss, swap, size;
};

struct mapping_sums {
    struct mapping_sum list[MAX_NAMES];
    size_t count;
};

static struct mapping_sum *sum_of(struct mapping_sums *sums, const char *category, const char *name)
{
    for (size_t i = 0; i < sums->count; i++) {
        if (strcmp(sums->list[i].category, category) == 0 && strcmp(sums->list[i].name, name) == 0) {
            return &sums->list[i];
        }
    }
    if (sums->count == MAX_NAMES) {
        return &sums->list[MAX_NAMES - 1];
    }
    struct mapping_sum *sum = &sums->list[sums->count++];
    const bool last = sums->count == MAX_NAMES;
    *sum = (struct mapping_sum){.category = last ? "other" : category};
    snprintf(sum->name, sizeof sum->name, "%s", last ? "" : name);
    return sum;
}

/* The category of a mapping by the first line of its entry: range, flags, offset, device, inode, path. */
static struct mapping_sum *start_mapping(struct mapping_sums *sums, const char *line)
{
    char flags[8] = "", path[256] = "";
    unsigned long inode = 0;
    if (sscanf(line, "%*s %7s %*s %*s %lu %255[^\n]", flags, &inode, path) < 2) {
        return NULL;
    }
    if (strcmp(path, "[heap]") == 0) {
        return sum_of(sums, "heap", "");
    }
    if (strncmp(path, "[stack", 6) == 0) {
        return sum_of(sums, "stack", "");
    }
    if (strncmp(path, "/memfd:cairn", 12) == 0) {
        return NULL; /* ours, not the program's */
    }
    if (path[0] == '[' && strncmp(path, "[anon", 5) != 0) {
        return sum_of(sums, "other", path);
    }
    if (inode == 0) {
        return sum_of(sums, "anonymous", "");
    }
    return sum_of(sums, flags[3] == 's' ? "shared" : "file", path);
}

static void read_smaps(FILE *file, struct mapping_sums *sums)
{
    char line[1024];
    struct mapping_sum *sum = NULL;
    while (fgets(line, sizeof line, file)) {
        if (line[0] < 'A' || line[0] > 'Z') {
            sum = start_mapping(sums, line);
        } else if (!sum) {
            continue;
        } else if (strncmp(line, "Size:", 5) == 0) {
            sum->size += kib_after(line);
        } else if (strncmp(line, "Rss:", 4) == 0) {
            sum->rss += kib_after(line);
        } else if (strncmp(line, "Pss:", 4) == 0) {
            sum->pss += kib_after(line);
        } else if (strncmp(line, "Swap:", 5) == 0) {
            sum->swap += kib_after(line);
        }
    }
}

static void add_rows(struct cairn_batch *rows, const struct mapping_sums *sums, uint32_t process,
                     int64_t t_ns)
{
    for (size_t i = 0; i < sums->count; i++) {
        const struct mapping_sum *sum = &sums->list[i];
        if (sum->rss || sum->swap) {
            cairn_batch_residency(rows, &(struct cairn_residency){.t_ns = t_ns,
                                                                  .process = process,
                                                                  .category = sum->category,
                                                                  .name = sum->name,
                                                                  .rss_bytes = sum->rss,
                                                                  .pss_bytes = sum->pss,
                                                                  .swap_bytes = sum->swap,
                                                                  .size_bytes = sum->size});
        }
    }
}

static void sample_residency(struct cairn_memory *memory, const struct cairn_memory_subject *subjects,
                             size_t count, int64_t t_ns)
{
    struct mapping_sums *sums = malloc(sizeof *sums);
    struct cairn_batch *rows = cairn_batch_new();
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_ROWS, t_ns);
    if (!sums || !rows || !message) {
        free(sums);
        cairn_batch_free(rows);
        free(message);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char path[64];
        cairn_proc_path(path, sizeof path, subjects[i].pid, "smaps");
        FILE *file = fopen(path, "re");
        if (file) {
            sums->count = 0;
            read_smaps(file, sums);
            fclose(file);
            add_rows(rows, sums, subjects[i].process, t_ns);
        }
    }
    free(sums);
    message->of.rows = rows;
    cairn_queue_push(&memory->pipeline->messages, message);
}

static int64_t processor_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void *memory_thread(void *state)
{
    pthread_setname_np(pthread_self(), "cairn-memory");
    struct cairn_memory *memory = state;
    for (;;) {
        pthread_mutex_lock(&memory->lock);
        while (!memory->subjects && !memory->ending) {
            pthread_cond_wait(&memory->changed, &memory->lock);
        }
        struct cairn_memory_subject *subjects = memory->subjects;
        const size_t count = memory->count;
        const int64_t t_ns = memory->t_ns;
        const bool residency = memory->residency;
        pthread_mutex_unlock(&memory->lock);
        if (!subjects) {
            return NULL;
        }
        sample_memory(memory, subjects, count, t_ns);
        if (residency) {
            const int64_t before_ns = processor_ns();
            sample_residency(memory, subjects, count, t_ns);
            atomic_store_explicit(&memory->residency_cost_ns, processor_ns() - before_ns,
                                  memory_order_relaxed);
        }
        free(subjects);
        pthread_mutex_lock(&memory->lock);
        memory->subjects = NULL;
        pthread_mutex_unlock(&memory->lock);
    }
}

enum cairn_status cairn_memory_start(struct cairn_pipeline *pipeline, struct cairn_memory **memory,
                                     struct cairn_error *error)
{
    struct cairn_memory *made = calloc(1, sizeof *made);
    if (!made) {
        return cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    made->pipeline = pipeline;
    atomic_store_explicit(&made->peak_bytes, CAIRN_UNKNOWN, memory_order_relaxed);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    if (pthread_create(&made->thread, NULL, memory_thread, made) != 0) {
        pthread_cond_destroy(&made->changed);
        pthread_mutex_destroy(&made->lock);
        free(made);
        return cairn_fail(error, CAIRN_E_SYSTEM, "cannot start a thread for the recorder");
    }
    *memory = made;
    return CAIRN_OK;
}

bool cairn_memory_ask(struct cairn_memory *memory, struct cairn_memory_subject *subjects, size_t count,
                      int64_t t_ns, bool residency)
{
    pthread_mutex_lock(&memory->lock);
    const bool idle = !memory->subjects;
    if (idle) {
        memory->subjects = subjects;
        memory->count = count;
        memory->t_ns = t_ns;
        memory->residency = residency;
        pthread_cond_signal(&memory->changed);
    }
    pthread_mutex_unlock(&memory->lock);
    return idle;
}

int64_t cairn_memory_residency_cost_ns(const struct cairn_memory *memory)
{
    return atomic_load_explicit(&memory->residency_cost_ns, memory_order_relaxed);
}

int64_t cairn_memory_peak_bytes(const struct cairn_memory *memory)
{
    return atomic_load_explicit(&memory->peak_bytes, memory_order_relaxed);
}

void cairn_memory_finish(struct cairn_memory *memory)
{
    if (!memory) {
        return;
    }
    pthread_mutex_lock(&memory->lock);
    memory->ending = true;
    pthread_cond_signal(&memory->changed);
    pthread_mutex_unlock(&memory->lock);
    pthread_join(memory->thread, NULL);
    pthread_cond_destroy(&memory->changed);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}
