/* Records a program with nothing between the caller and cairn_record(): for tests of the collector and for measuring it.
 * CAIRN_OUTPUT names the trace, CAIRN_MAX_SIZE bounds it, CAIRN_USAGE prints what the recorder itself took. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "collector/collector.h"

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: record_main PROGRAM [ARG…]\n");
        return 2;
    }
    struct cairn_record_options options = CAIRN_RECORD_OPTIONS_DEFAULT;
    options.argv = argv + 1;
    options.output = getenv("CAIRN_OUTPUT");
    options.replace = true;
    const char *max_size = getenv("CAIRN_MAX_SIZE");
    if (max_size) {
        options.max_size_bytes = strtoll(max_size, NULL, 10);
    }
    struct cairn_record_result result;
    struct cairn_error error;
    if (cairn_record(&options, &result, &error) != CAIRN_OK) {
        fprintf(stderr, "record_main: %s\n", error.message);
    }
    if (getenv("CAIRN_USAGE")) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        fprintf(stderr, "record_main: %.3f s user, %.3f s system, %ld KiB\n",
                (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
                (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6, usage.ru_maxrss);
    }
    return result.status;
}
