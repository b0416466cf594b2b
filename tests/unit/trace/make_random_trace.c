/* make_random_trace FILE SEED EVENTS CHUNK SLIM: a trace of a random stream, in chunks of CHUNK events, and its slim copy, for
 * tests that read them by other means than cairn's. */
#include <stdio.h>
#include <stdlib.h>

#include "random_events.h"
#include "trace/slim.h"

int main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: make_random_trace FILE SEED EVENTS CHUNK SLIM\n", stderr);
        return 2;
    }
    struct random_events stream;
    struct trace_maker maker;
    random_events_make(&stream, strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
    maker_open(&maker, argv[1], strtoul(argv[4], NULL, 10), 4);
    random_events_record(&stream, &maker);
    maker_close(&maker);
    random_events_free(&stream);
    int64_t before, after;
    struct cairn_error error;
    if (cairn_trace_slim(argv[1], argv[5], false, NULL, 0, &before, &after, &error) != CAIRN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    return 0;
}
