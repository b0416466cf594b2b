/* A program to join while it runs. It does what it is told on standard input, a line each, and answers a line with its own
 * ledger; nothing else in it allocates.
 *
 *   hold N    N blocks, kept
 *   work N    every thread N rounds of malloc, calloc, realloc, free, free
 *   drop N    N of the kept ones are freed, N more are changed by realloc, after one that fails
 *   free      everything that is kept goes
 *   lock      its memory, and what it maps from now on, stays resident; answers 1 as the first number where it may not
 *   quit      ends with status 7 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 4
#define KEPT    100000

static void *kept[KEPT];
static size_t kept_count;
static long rounds;
static pthread_barrier_t begins, ends;
static struct ledger {
    long allocations, reallocs, frees, bytes;
} ledgers[THREADS];

static void work(struct ledger *ledger, unsigned seed)
{
    for (long i = 0; i < rounds; i++) {
        const size_t size = 16 + (seed = seed * 1103515245u + 12345u) % 4000;
        char *first = malloc(size), *second = calloc(3, size);
        first[0] = second[0] = 1;
        first = realloc(first, 2 * size);
        free(second);
        free(first);
        ledger->allocations += 2;
        ledger->reallocs++;
        ledger->frees += 2;
        ledger->bytes += (long)(size + 3 * size + 2 * size);
    }
}

static void *worker(void *number)
{
    const size_t own = (size_t)number;
    for (;;) {
        pthread_barrier_wait(&begins);
        if (rounds < 0) {
            return NULL;
        }
        work(&ledgers[own], (unsigned)own + 1);
        pthread_barrier_wait(&ends);
    }
}

static void answer(const struct ledger *ledger)
{
    char line[128];
    const int length = snprintf(line, sizeof line, "%ld %ld %ld %ld\n", ledger->allocations, ledger->reallocs,
                                ledger->frees, ledger->bytes);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) {
        _exit(8);
    }
}

static void read_line(char *line, size_t size)
{
    size_t length = 0;
    while (length + 1 < size && read(STDIN_FILENO, line + length, 1) == 1 && line[length] != '\n') {
        length++;
    }
    line[length] = '\0';
}

static struct ledger obey(const char *verb, long count)
{
    volatile size_t too_much = SIZE_MAX / 4;
    struct ledger sum = {0};
    if (strcmp(verb, "hold") == 0) {
        for (long i = 0; i < count && kept_count < KEPT; i++) {
            kept[kept_count++] = malloc(64);
        }
    } else if (strcmp(verb, "drop") == 0) {
        for (long i = 0; i < count; i++) {
            free(kept[--kept_count]);
        }
        for (long i = 0; i < count; i++) {
            if (realloc(kept[i], too_much)) {
                _exit(9);
            }
            kept[i] = realloc(kept[i], 1000);
            sum.reallocs++;
            sum.bytes += 1000;
        }
    } else if (strcmp(verb, "free") == 0) {
        while (kept_count > 0) {
            free(kept[--kept_count]);
        }
    } else if (strcmp(verb, "lock") == 0) {
        sum.allocations = mlockall(MCL_CURRENT | MCL_FUTURE) != 0;
    } else {
        memset(ledgers, 0, sizeof ledgers);
        rounds = count;
        pthread_barrier_wait(&begins);
        pthread_barrier_wait(&ends);
        for (int i = 0; i < THREADS; i++) {
            sum.allocations += ledgers[i].allocations;
            sum.reallocs += ledgers[i].reallocs;
            sum.frees += ledgers[i].frees;
            sum.bytes += ledgers[i].bytes;
        }
    }
    return sum;
}

int main(void)
{
    pthread_t threads[THREADS];
    char line[64], verb[16];
    long count;
    pthread_barrier_init(&begins, NULL, THREADS + 1);
    pthread_barrier_init(&ends, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, worker, (void *)i);
    }
    for (;;) {
        count = 0;
        read_line(line, sizeof line);
        if (sscanf(line, "%15s %ld", verb, &count) < 1 || strcmp(verb, "quit") == 0) {
            break;
        }
        const struct ledger sum = obey(verb, count);
        answer(&sum);
    }
    rounds = -1;
    pthread_barrier_wait(&begins);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return 7;
}
