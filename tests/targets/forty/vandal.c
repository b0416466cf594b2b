/* vandal SEED WHERE: writes rubbish into the memory that it shares with its recorder, if it finds some, while it allocates:
 *   data     into the records of its rings
 *   cursors  over the rings' words in the header, of rings that nobody uses too, and ends at once
 *   header   over the whole header, and ends at once
 *
 * What must hold: the recorder lives on, ends with the program's status, and leaves a trace that can be read. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES 16384u
#define CONTROL_AT   512u

static uint64_t seed;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return seed >> 16;
}

static bool find_shared(uint8_t **start, size_t *bytes)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    while (maps && !found && fgets(line, sizeof line, maps)) {
        unsigned long low, high;
        found = strstr(line, "memfd:") && sscanf(line, "%lx-%lx", &low, &high) == 2;
        if (found) {
            *start = (uint8_t *)low;
            *bytes = high - low;
        }
    }
    fclose(maps);
    return found;
}

static void scribble(uint8_t *from, size_t bytes, int words)
{
    for (int i = 0; i < words; i++) {
        uint64_t word = next_random() << 20 ^ next_random();
        word = next_random() % 3 == 0 ? word & 0x1f : word; /* kinds of records that there are, too */
        memcpy(from + next_random() % (bytes / 8) * 8, &word, 8);
    }
}

int main(int argc, char **argv)
{
    uint8_t *shared;
    size_t bytes;
    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const char *where = argc > 2 ? argv[2] : "data";
    for (int i = 0; i < 2000; i++) {
        free(malloc((size_t)i));
    }
    if (!find_shared(&shared, &bytes)) {
        return 0;
    }
    if (strcmp(where, "data") == 0) {
        for (int i = 0; i < 20000; i++) {
            free(malloc((size_t)i % 500));
            if (i % 100 == 0) {
                scribble(shared + HEADER_BYTES, bytes - HEADER_BYTES, 5000);
            }
        }
    } else if (strcmp(where, "cursors") == 0) {
        scribble(shared + CONTROL_AT, HEADER_BYTES - CONTROL_AT, 3000);
    } else {
        scribble(shared, HEADER_BYTES, 3000);
    }
    kill(getpid(), 9);
    return 1;
}
