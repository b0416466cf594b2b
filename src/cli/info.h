/* What `cairn info` knows of a trace; loading and JSON in info.c, text in info_text.c. */
#ifndef CAIRN_CLI_INFO_H
#define CAIRN_CLI_INFO_H

#include "cairn/graph.h"
#include "cairn/trace.h"
#include "cli/answer.h"

/* Rows are borrowed from the trace. */
struct cairn_about {
    struct cairn_trace *trace;
    const struct cairn_recording *recording;
    const struct cairn_process *processes;
    const struct cairn_module *modules;
    const struct cairn_note *notes;
    const struct cairn_graph_info *graphs;
    size_t process_count, module_count, note_count, graph_count, thread_count, snapshot_count;
    int64_t stacks, frames;
};

/* The interpreter's version, of the first process that has one; or NULL. */
const char *cairn_about_python(const struct cairn_about *about);
void cairn_info_text(struct cairn_answer *answer, const struct cairn_about *about);

#endif
