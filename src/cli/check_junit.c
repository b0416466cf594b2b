#include <inttypes.h>
#include <stdio.h>

#include "base/markup.h"
#include "cli/check.h"

#define NS_PER_SECOND 1e9

static void add_blame(struct cairn_buffer *xml, const struct cairn_request *request,
                      const struct cairn_check_row *row)
{
    for (size_t i = 0; i < row->blame_count; i++) {
        char label[1024], value[CAIRN_CHECK_VALUE_SIZE];
        const struct cairn_measured_site *site = &row->blame[i];
        cairn_site_phrase(request->trace, &site->site, request->selection.by, 0, label, sizeof label);
        cairn_buffer_format(xml, "\n%s (%.1f %%) ", cairn_check_value(row->measure, site->value, value),
                            site->percent);
        cairn_markup_text(xml, label);
    }
}

static void add_case(struct cairn_buffer *xml, const struct cairn_request *request,
                     const struct cairn_check_row *row)
{
    char name[CAIRN_CHECK_LIMIT_SIZE], sentence[CAIRN_CHECK_SENTENCE_SIZE];
    cairn_buffer_format(xml, "    <testcase classname=\"cairn.check\" name=\"%s\"",
                        cairn_check_limit_name(row, name));
    if (row->passed) {
        cairn_buffer_text(xml, "/>\n");
        return;
    }
    cairn_buffer_text(xml, ">\n      <failure type=\"limit\" message=\"");
    cairn_markup_text(xml, cairn_check_sentence(row, request->recording->sample_bytes > 0, sentence));
    cairn_buffer_text(xml, "\">");
    cairn_markup_text(xml, sentence);
    add_blame(xml, request, row);
    cairn_buffer_text(xml, "</failure>\n    </testcase>\n");
}

void cairn_check_print_junit(struct cairn_answer *answer, const struct cairn_request *request,
                             const struct cairn_check *check)
{
    struct cairn_buffer xml = CAIRN_BUFFER_INIT;
    size_t failed = 0;
    for (size_t i = 0; i < check->row_count; i++) {
        failed += !check->rows[i].passed;
    }
    cairn_buffer_format(&xml,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%zu\" "
                        "failures=\"%zu\">\n  <testsuite name=\"cairn check ",
                        check->row_count, failed);
    cairn_markup_text(&xml, cairn_base_name(cairn_trace_path(request->trace)));
    cairn_buffer_format(&xml, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n",
                        check->row_count, failed, (double)request->recording->duration_ns / NS_PER_SECOND);
    for (size_t i = 0; i < check->row_count; i++) {
        add_case(&xml, request, &check->rows[i]);
    }
    cairn_buffer_text(&xml, "  </testsuite>\n</testsuites>\n");
    if (xml.failed) {
        answer->stream.pending.failed = true;
    }
    cairn_stream_write(&answer->stream, cairn_buffer_cstr(&xml), xml.failed ? 0 : xml.length);
    cairn_buffer_release(&xml);
}
