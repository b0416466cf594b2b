/* Rows and messages of the thread that orders events. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/recorder.h"

#define END_WAITS_NS INT64_C(100000000)

struct cairn_batch *cairn_recorder_rows(struct cairn_recorder *recorder)
{
    if (!recorder->rows) {
        recorder->rows = cairn_batch_new();
    }
    return recorder->rows;
}

void cairn_recorder_note(struct cairn_recorder *recorder, uint32_t process, const char *format, ...)
{
    struct cairn_batch *rows = cairn_recorder_rows(recorder);
    if (rows) {
        char text[512];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        cairn_batch_note(rows, process, cairn_clock_elapsed_ns(&recorder->clock), text);
    }
}

void cairn_recorder_send(struct cairn_recorder *recorder)
{
    if (!recorder->rows) {
        return;
    }
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_ROWS, 0);
    if (message) {
        message->of.rows = recorder->rows;
        recorder->rows = NULL;
        cairn_queue_push(&recorder->pipeline.messages, message);
    }
}

void cairn_recorder_snapshot(struct cairn_recorder *recorder, const char *kind, const char *name,
                             uint32_t process, int64_t t_ns)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_SNAPSHOT, t_ns);
    /* An end may be all that is still to come: it is told by what was live when the last processes ended. */
    const bool of_a_moment = strcmp(kind, "exit") != 0 && strcmp(kind, "end") != 0;
    if (message) {
        message->of.snapshot.kind = kind;
        message->of.snapshot.process = process;
        if (name) {
            snprintf(message->of.snapshot.name, sizeof message->of.snapshot.name, "%s", name);
        }
        if (of_a_moment) {
            cairn_ledger_settle_ends(recorder->ledger, (uint64_t)t_ns / CAIRN_EVENT_TIME_UNIT_NS);
        }
        cairn_recorder_send(recorder);
        cairn_ledger_post(recorder->ledger, message);
    }
}

/* The time that the events so far tell of. A process that ended while others live on is settled after a while also when these
 * do nothing; not at once, as what lives on may be only who waits for it, and the end of the recording is told by its blocks. */
static int64_t settled_ns(struct cairn_recorder *recorder)
{
    const int64_t until_ns = recorder->merged_ns - END_WAITS_NS;
    if (recorder->alive > 0 && until_ns > 0) {
        cairn_ledger_settle_ends(recorder->ledger, (uint64_t)until_ns / CAIRN_EVENT_TIME_UNIT_NS);
    }
    const uint64_t end_us = cairn_ledger_waiting_end_us(recorder->ledger);
    return end_us < (uint64_t)recorder->merged_ns / CAIRN_EVENT_TIME_UNIT_NS
               ? (int64_t)end_us * CAIRN_EVENT_TIME_UNIT_NS
               : recorder->merged_ns;
}

void cairn_recorder_commit(struct cairn_recorder *recorder, int64_t now_ns, bool everything)
{
    const struct cairn_ledger_counts *counts = cairn_ledger_counts(recorder->ledger);
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_COMMIT, now_ns);
    if (!message) {
        return;
    }
    recorder->row.duration_ns = now_ns;
    recorder->row.unknown_free_events = (int64_t)counts->unknown_frees;
    recorder->row.lost_events = (int64_t)(counts->lost_frees + counts->unstored + recorder->skipped_events);
    recorder->row.stalled_ns = recorder->stalled_ns;
    if (recorder->memory) {
        recorder->row.rss_peak_bytes = cairn_memory_peak_bytes(recorder->memory);
    }
    message->of.commit.row = recorder->row;
    message->of.commit.everything = everything;
    const int64_t told_ns = settled_ns(recorder);
    cairn_recorder_send(recorder);
    cairn_ledger_send(recorder->ledger, !everything);
    cairn_ledger_post(recorder->ledger, cairn_message_new(CAIRN_MESSAGE_TIME, told_ns));
    cairn_ledger_post(recorder->ledger, message);
    recorder->commits++;
    recorder->committed_ns = now_ns;
    recorder->committed_position = cairn_ledger_position(recorder->ledger);
}
