#include "cli/help.h"

const struct cairn_topic cairn_topics[] = {
    {
        .name = "time",
        .title = "the words that name a moment",
        .text = "TIME is one of:\n"
                "\n"
                "  start, end       where the recording begins and ends\n"
                "  peak             the largest heap; with --from or --to, the span's\n"
                "  40%              a share of the duration\n"
                "  12.5s, 300ms     so long after the start; also us, m, h\n"
                "  end-5m           so long before (or, with +, after) another moment\n"
                "  s7               snapshot 7, as `cairn snapshots` numbers them\n"
                "  @name            a moment the program named: cairn_mark(\"name\")\n"
                "  03:12:40         the wall clock of the recording\n"
                "\n"
                "A moment means: after every event stamped at or before it.\n",
    },
    {
        .name = "selecting",
        .title = "sites, metrics and what counts as an allocation",
        .text =
            "A site is the place in the code an allocation is charged to: the innermost frame that is not an "
            "allocator, a container or another wrapper. --skip adds wrappers of your own, so do `skip = "
            "REGEX` lines "
            "in the configuration; --no-skip charges the innermost frame.\n"
            "\n"
            "  live             allocated and not yet freed, at the moment of --at\n"
            "  allocated        bytes asked for over the span, freed or not\n"
            "  allocations      how often; a realloc is one allocation and one free\n"
            "  temporary        freed by the same thread with no allocation of it in between\n"
            "  peak             live when the heap was largest within the span\n"
            "\n"
            "Several processes are shown summed up; --process selects one, --by process splits them.\n",
    },
    {
        .name = "status",
        .title = "exit statuses",
        .text =
            "  0                done\n"
            "  1                check found a limit exceeded, or leaks --fail a leak\n"
            "  2                wrong usage, an unreadable or foreign trace, anything else that failed\n"
            "\n"
            "`cairn record` passes the program's own status on: 128+N after signal N. Of its own it gives:\n"
            "\n"
            "  125              the recorder failed, before the program began or while it ended with 0\n"
            "  126              the program cannot be executed\n"
            "  127              the program was not found\n",
    },
    {
        .name = "environment",
        .title = "variables and files",
        .text =
            "  COLUMNS          how wide text may be, before the terminal's own width\n"
            "  NO_COLOR         no colours unless --color asks for them\n"
            "  LC_ALL, LANG     where the locale is not UTF-8, output is ASCII\n"
            "  CAIRN_AGENT      libcairn.so to record with, when it is not where it was installed\n"
            "  XDG_RUNTIME_DIR  where the recorder's socket is made (else /tmp)\n"
            "\n"
            "$XDG_CONFIG_HOME/cairn/config (else ~/.config/cairn/config) holds the viewer's settings, and "
            "`skip = REGEX` lines.\n",
    },
    {.name = NULL},
};
