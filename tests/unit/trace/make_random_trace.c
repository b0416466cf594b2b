/* make_random_trace FILE SEED EVENTS CHUNK: a trace of a random stream, in chunks of CHUNK events, for tests that read
 * it by other means than cairn's. */
#include <stdio.h>
#include <stdlib.h>

#include "random_events.h"

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: make_random_trace FILE SEED EVENTS CHUNK\n", stderr);
        return 2;
    }
    struct random_events stream;
    struct trace_maker maker;
    random_events_make(&stream, strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
    maker_open(&maker, argv[1], strtoul(argv[4], NULL, 10), 4);
    random_events_record(&stream, &maker);
    maker_close(&maker);
    random_events_free(&stream);
    return 0;
}
