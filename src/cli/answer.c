#include "cli/answer.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/human.h"

static const char *const format_words[] = {"text", "json", "csv", NULL};
const char *const cairn_colour_words[] = {"auto", "always", "never", NULL};

const struct cairn_option cairn_output_options[] = {
    {.name = "format",
     .type = CAIRN_OPTION_WORD,
     .offset = offsetof(struct cairn_output_arguments, format),
     .argument = "FORMAT",
     .words = format_words,
     .help = "text (the default), json or csv",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "color",
     .type = CAIRN_OPTION_WORD,
     .offset = offsetof(struct cairn_output_arguments, colour),
     .argument = "WHEN",
     .words = cairn_colour_words,
     .bare_word = "always",
     .help = "auto (on a terminal, unless NO_COLOR is set), always or never",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = NULL},
};

void cairn_answer_open(struct cairn_answer *answer, const struct cairn_output_arguments *arguments)
{
    signal(SIGPIPE, SIG_IGN);
    *answer = (struct cairn_answer){.format = (enum cairn_format)arguments->format};
    cairn_stream_init(&answer->stream, STDOUT_FILENO);
    cairn_console_inspect(&answer->terminal, STDOUT_FILENO, (enum cairn_colour_choice)arguments->colour);
    cairn_json_init(&answer->json, &answer->stream);
    cairn_csv_init(&answer->csv, &answer->stream);
}

int cairn_answer_finish(struct cairn_answer *answer)
{
    if (answer->format == CAIRN_FORMAT_JSON) {
        cairn_json_finish(&answer->json);
    }
    return cairn_stream_finish(&answer->stream);
}

void cairn_answer_json_head(struct cairn_answer *answer, const char *command, struct cairn_trace *trace)
{
    struct cairn_json *json = &answer->json;
    char schema[64];
    snprintf(schema, sizeof schema, "cairn.%s/1", command);
    cairn_json_object(json, NULL);
    cairn_json_text(json, "schema", schema);
    if (trace == NULL) {
        cairn_json_null(json, "trace");
        cairn_json_null(json, "complete");
        cairn_json_null(json, "lost_events");
        cairn_json_null(json, "sampled");
        return;
    }
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    cairn_json_object(json, "trace");
    cairn_json_text(json, "file", cairn_trace_path(trace));
    cairn_json_text(json, "id", recording->trace_id);
    cairn_json_end(json);
    cairn_json_bool(json, "complete", recording->complete);
    cairn_json_integer(json, "lost_events", recording->lost_events);
    cairn_json_bool(json, "sampled", recording->sample_bytes > 0);
}

void cairn_json_moment(struct cairn_json *json, const char *key, const struct cairn_moment *moment)
{
    cairn_json_object(json, key);
    cairn_json_integer(json, "t_ns", moment->t_ns);
    cairn_json_text(json, "label", moment->label);
    cairn_json_end(json);
}

void cairn_json_span(struct cairn_json *json, const char *key, const struct cairn_span *span)
{
    cairn_json_object(json, key);
    cairn_json_integer(json, "from_ns", span->from.t_ns);
    cairn_json_integer(json, "to_ns", span->to.t_ns);
    cairn_json_end(json);
}

static const char *lang_name(int lang)
{
    return lang == CAIRN_LANG_NATIVE ? "native" : lang == CAIRN_LANG_PYTHON ? "python" : NULL;
}

void cairn_json_site(struct cairn_json *json, const struct cairn_site *site, enum cairn_by by, double percent)
{
    cairn_json_integer(json, "site_id", site->site_id);
    cairn_json_text(json, "function", site->function);
    cairn_json_text(json, "file", site->file);
    cairn_json_integer(json, "line", site->line);
    cairn_json_text(json, "module", site->module);
    cairn_json_text(json, "lang", lang_name(site->lang));
    cairn_json_bool(json, "inlined", site->inlined);
    cairn_json_real(json, "percent", percent);
    if (by == CAIRN_BY_THREAD) {
        cairn_json_integer(json, "thread", site->tid);
        cairn_json_text(json, "thread_name", site->thread_name);
    } else if (by == CAIRN_BY_PROCESS) {
        cairn_json_integer(json, "process", site->process);
        cairn_json_text(json, "process_name", site->process_name);
    } else if (by == CAIRN_BY_TYPE) {
        cairn_json_text(json, "type", site->type);
    }
}

void cairn_json_error(struct cairn_json *json, const struct cairn_recording *recording, int64_t error_bytes)
{
    if (recording->sample_bytes > 0) {
        cairn_json_integer(json, "error_bytes", error_bytes);
    }
}

void cairn_json_counts(struct cairn_json *json, const struct cairn_counts *counts, bool sampled)
{
    cairn_json_integer(json, "live_bytes", counts->live_bytes);
    cairn_json_integer(json, "live_blocks", counts->live_blocks);
    cairn_json_integer(json, "allocated_bytes", counts->allocated_bytes);
    cairn_json_integer(json, "allocations", counts->allocations);
    cairn_json_integer(json, "reallocs", counts->reallocs);
    cairn_json_integer(json, "temporary", counts->temporary);
    cairn_json_integer(json, "peak_bytes", counts->peak_bytes);
    if (sampled) {
        cairn_json_integer(json, "error_bytes", counts->error_bytes);
    }
}

/* What stands for a frame that is none: where the stack was cut. NULL for a real one. */
static const char *cut_mark(const struct cairn_frame *frame)
{
    return frame->kind == CAIRN_FRAME_TRUNCATED ? "[cut here]"
           : frame->kind == CAIRN_FRAME_STOPPED ? "[unwinding stopped]"
                                                : NULL;
}

static void json_frame(struct cairn_json *json, struct cairn_trace *trace, const struct cairn_frame *frame)
{
    const struct cairn_function *function = cairn_trace_function(trace, frame->function);
    const struct cairn_source_file *file = cairn_trace_source_file(trace, frame->file);
    const struct cairn_module *module = cairn_trace_module(trace, frame->module);
    cairn_json_object(json, NULL);
    cairn_json_text(json, "function", function != NULL ? function->name : cut_mark(frame));
    cairn_json_text(json, "file", file != NULL ? file->path : NULL);
    cairn_json_integer(json, "line", frame->line);
    cairn_json_text(json, "module", module != NULL ? module->path : NULL);
    cairn_json_text(json, "lang", lang_name(frame->lang));
    cairn_json_bool(json, "inlined", frame->inlined_into != 0);
    cairn_json_text(json, "build_id", module != NULL ? module->build_id : NULL);
    cairn_json_integer(json, "offset", frame->offset);
    cairn_json_end(json);
}

/* Room for the frames of any stack: depth as stored is at most 1,024, and inlined frames come on top. */
#define FRAMES_MAX 4096u

void cairn_json_stack(struct cairn_json *json, const char *key, struct cairn_trace *trace, uint32_t stack,
                      size_t most)
{
    const struct cairn_frame *frames[FRAMES_MAX];
    const size_t room = most < FRAMES_MAX ? most : FRAMES_MAX;
    const size_t all = cairn_trace_stack_frames(trace, stack, frames, room);
    cairn_json_array(json, key);
    for (size_t i = 0; i < all && i < room; i++) {
        json_frame(json, trace, frames[i]);
    }
    cairn_json_end(json);
}

void cairn_csv_site(struct cairn_csv *csv, const struct cairn_site *site, double percent)
{
    cairn_csv_integer(csv, site->site_id);
    cairn_csv_text(csv, site->function);
    cairn_csv_text(csv, site->file);
    cairn_csv_integer(csv, site->line);
    cairn_csv_text(csv, site->module);
    cairn_csv_text(csv, lang_name(site->lang));
    cairn_csv_bool(csv, site->inlined);
    cairn_csv_real(csv, percent);
    cairn_csv_integer(csv, site->thread != 0 ? site->tid : CAIRN_UNKNOWN);
    cairn_csv_text(csv, site->thread_name);
    cairn_csv_integer(csv, site->process != 0 ? (int64_t)site->process : CAIRN_UNKNOWN);
    cairn_csv_text(csv, site->type);
}

void cairn_csv_counts(struct cairn_csv *csv, const struct cairn_counts *counts)
{
    cairn_csv_integer(csv, counts->live_bytes);
    cairn_csv_integer(csv, counts->live_blocks);
    cairn_csv_integer(csv, counts->allocated_bytes);
    cairn_csv_integer(csv, counts->allocations);
    cairn_csv_integer(csv, counts->reallocs);
    cairn_csv_integer(csv, counts->temporary);
    cairn_csv_integer(csv, counts->peak_bytes);
    cairn_csv_integer(csv, counts->error_bytes);
}

void cairn_frame_label(struct cairn_trace *trace, const struct cairn_frame *frame, char *out, size_t out_size)
{
    const struct cairn_function *function = cairn_trace_function(trace, frame->function);
    const struct cairn_module *module = cairn_trace_module(trace, frame->module);
    if (function != NULL) {
        snprintf(out, out_size, "%s", function->name);
    } else if (cut_mark(frame) != NULL) {
        snprintf(out, out_size, "%s", cut_mark(frame));
    } else if (module != NULL && frame->offset != CAIRN_UNKNOWN) {
        snprintf(out, out_size, "%s+0x%" PRIx64, cairn_base_name(module->path), frame->offset);
    } else {
        snprintf(out, out_size, "%s", module != NULL ? cairn_base_name(module->path) : "??");
    }
}

void cairn_csv_stack(struct cairn_csv *csv, struct cairn_trace *trace, uint32_t stack, size_t most)
{
    const struct cairn_frame *frames[FRAMES_MAX];
    const size_t room = most < FRAMES_MAX ? most : FRAMES_MAX;
    const size_t all = cairn_trace_stack_frames(trace, stack, frames, room);
    struct cairn_buffer names = CAIRN_BUFFER_INIT;
    for (size_t i = 0; i < all && i < room; i++) {
        char label[4096];
        cairn_frame_label(trace, frames[i], label, sizeof label);
        for (char *semicolon = label; (semicolon = strchr(semicolon, ';')) != NULL;) {
            *semicolon = ','; /* `;` stands between frames */
        }
        cairn_buffer_text(&names, i > 0 ? ";" : "");
        cairn_buffer_text(&names, label);
    }
    cairn_csv_text(csv, cairn_buffer_cstr(&names));
    cairn_buffer_release(&names);
}
