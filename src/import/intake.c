#include "import/intake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/writer.h"

static enum cairn_status no_memory(const struct cairn_intake *intake, struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", intake->from);
}

static enum cairn_status start_ledger(struct cairn_intake *intake, struct cairn_error *error)
{
    intake->ledger = cairn_ledger_new(&intake->pipeline, cairn_code_places(intake->code));
    if (intake->ledger == NULL) {
        return no_memory(intake, error);
    }
    intake->process = cairn_ledger_process_new(intake->ledger, CAIRN_INTAKE_PROCESS, NULL);
    if (intake->process == NULL) {
        return no_memory(intake, error);
    }
    intake->thread.number = CAIRN_INTAKE_THREAD;
    cairn_ledger_first_thread(intake->ledger, intake->process, CAIRN_INTAKE_THREAD, 0);
    return cairn_chunker_start(&intake->pipeline, 0, &intake->chunker, error);
}

static enum cairn_status start_store(struct cairn_intake *intake, const char *path, struct cairn_error *error)
{
    struct cairn_writer *writer;
    enum cairn_status status = cairn_writer_create(path, false, &writer, error);
    if (status == CAIRN_OK) {
        status = cairn_store_start(&intake->pipeline, writer, 0, NULL, &intake->store, error);
        if (status != CAIRN_OK) {
            cairn_writer_discard(writer);
        }
    }
    return status;
}

enum cairn_status cairn_intake_open(struct cairn_intake *intake, const char *from, const char *path,
                                    const char *origin, bool events, struct cairn_error *error)
{
    *intake = (struct cairn_intake){.from = from};
    cairn_trace_id_make(intake->trace_id);
    snprintf(intake->writer, sizeof intake->writer, "cairn " CAIRN_VERSION " from %s", origin);
    intake->row = (struct cairn_recording){.trace_id = intake->trace_id,
                                           .writer = intake->writer,
                                           .program = intake->program,
                                           .exit_status = CAIRN_UNKNOWN,
                                           .signal = CAIRN_UNKNOWN,
                                           .rss_peak_bytes = CAIRN_UNKNOWN,
                                           .stopped_why = "imported"};
    intake->process_row = (struct cairn_process){.process = CAIRN_INTAKE_PROCESS,
                                                 .program = intake->program,
                                                 .origin = origin,
                                                 .ended_ns = CAIRN_UNKNOWN,
                                                 .exit_status = CAIRN_UNKNOWN,
                                                 .signal = CAIRN_UNKNOWN};
    enum cairn_status status = cairn_code_new(&intake->code, error);
    if (status == CAIRN_OK && !cairn_pipeline_init(&intake->pipeline)) {
        status = no_memory(intake, error);
    }
    if (status == CAIRN_OK) {
        status = start_store(intake, path, error);
    }
    if (status == CAIRN_OK && events) {
        status = start_ledger(intake, error);
    }
    return status == CAIRN_OK ? CAIRN_OK : cairn_intake_close(intake, status, error);
}

struct cairn_batch *cairn_intake_rows(struct cairn_intake *intake)
{
    if (intake->rows == NULL) {
        intake->rows = cairn_batch_new();
    }
    intake->failed |= intake->rows == NULL;
    return intake->rows;
}

void cairn_intake_note(struct cairn_intake *intake, const char *format, ...)
{
    struct cairn_batch *rows = cairn_intake_rows(intake);
    if (rows != NULL) {
        char text[512];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        cairn_batch_note(rows, 0, 0, text);
    }
}

static void push(struct cairn_intake *intake, struct cairn_message *message)
{
    if (message != NULL) {
        cairn_queue_push(&intake->pipeline.messages, message);
    } else {
        intake->failed = true;
    }
}

void cairn_intake_send(struct cairn_intake *intake)
{
    struct cairn_batch *rows = cairn_intake_rows(intake);
    if (rows == NULL) {
        return;
    }
    cairn_code_flush(intake->code, rows);
    intake->rows = NULL;
    if (intake->chunker == NULL) {
        cairn_queue_push(&intake->pipeline.batches, rows);
        return;
    }
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_ROWS, 0);
    if (message == NULL) {
        cairn_batch_free(rows);
    } else {
        message->of.rows = rows;
    }
    push(intake, message);
}

void cairn_intake_begin(struct cairn_intake *intake)
{
    struct cairn_batch *rows = cairn_intake_rows(intake);
    if (rows == NULL) {
        return;
    }
    if (intake->chunker == NULL) {
        cairn_batch_process(rows, &intake->process_row);
    } else {
        struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_PROCESS, 0);
        if (message != NULL) {
            message->of.process = intake->process_row;
        }
        push(intake, message);
    }
    cairn_batch_thread(rows, &(struct cairn_thread){.thread = CAIRN_INTAKE_THREAD,
                                                    .process = CAIRN_INTAKE_PROCESS,
                                                    .ended_ns = CAIRN_UNKNOWN});
    cairn_intake_send(intake);
}

void cairn_intake_commit(struct cairn_intake *intake, int64_t t_ns, bool last)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_COMMIT, t_ns);
    if (message == NULL) {
        intake->failed = true;
        return;
    }
    const struct cairn_ledger_counts *counts = cairn_ledger_counts(intake->ledger);
    intake->row.duration_ns = t_ns;
    intake->row.unknown_free_events = (int64_t)counts->unknown_frees;
    intake->row.complete = last;
    message->of.commit.row = intake->row;
    message->of.commit.everything = last;
    cairn_intake_send(intake);
    cairn_ledger_post(intake->ledger, cairn_message_new(CAIRN_MESSAGE_TIME, t_ns));
    cairn_ledger_post(intake->ledger, message);
}

enum cairn_status cairn_intake_check(struct cairn_intake *intake, struct cairn_error *error)
{
    if (cairn_store_failed(intake->store, error)) {
        return error->status;
    }
    const bool failed =
        intake->failed || (intake->ledger != NULL && (cairn_ledger_failed(intake->ledger) ||
                                                      cairn_ledger_counts(intake->ledger)->unstored));
    return failed ? no_memory(intake, error) : CAIRN_OK;
}

/* The chunker's thread, whose queue nobody writes to any more. */
static void finish_chunker(struct cairn_intake *intake)
{
    struct cairn_message *message = NULL;
    while (message == NULL) { /* it must get through; memory comes free as the queues drain */
        message = cairn_message_new(CAIRN_MESSAGE_FINISH, 0);
    }
    cairn_queue_push(&intake->pipeline.messages, message);
    cairn_chunker_join(intake->chunker);
    intake->chunker = NULL;
}

enum cairn_status cairn_intake_close(struct cairn_intake *intake, enum cairn_status status,
                                     struct cairn_error *error)
{
    if (status == CAIRN_OK) {
        status = cairn_intake_check(intake, error);
    }
    if (intake->chunker != NULL) {
        finish_chunker(intake);
    }
    if (intake->store != NULL && status == CAIRN_OK) {
        status = cairn_store_finish(intake->store, error);
    } else if (intake->store != NULL) {
        cairn_store_discard(intake->store);
    }
    if (intake->ledger != NULL) {
        cairn_ledger_free(intake->ledger);
    }
    cairn_batch_free(intake->rows);
    cairn_code_free(intake->code);
    if (intake->pipeline.memory != NULL) {
        cairn_pipeline_release(&intake->pipeline);
    }
    return status;
}

size_t cairn_intake_bytes(const struct cairn_intake *intake)
{
    return cairn_code_bytes(intake->code) +
           (intake->ledger != NULL ? cairn_ledger_live_bytes_held(intake->ledger) : 0);
}
