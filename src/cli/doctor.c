#include "cli/doctor.h"

#include <stddef.h>
#include <stdio.h>

#include "cli/answer.h"
#include "cli/commands.h"

struct doctor_arguments {
    struct cairn_output_arguments output;
};

static const char *state_name(enum cairn_finding_state state)
{
    static const char *const names[] = {
        [CAIRN_FINDING_FINE] = "fine", [CAIRN_FINDING_NOTE] = "note", [CAIRN_FINDING_STOPS] = "stops"};
    return names[state];
}

static void json_row(struct cairn_json *json, const struct cairn_check *check,
                     const struct cairn_finding *finding)
{
    cairn_json_object(json, NULL);
    cairn_json_text(json, "check", check->name);
    cairn_json_text(json, "state", state_name(finding->state));
    cairn_json_text(json, "found", finding->found);
    cairn_json_text(json, "mend", finding->mend[0] != '\0' ? finding->mend : NULL);
    cairn_json_end(json);
}

static void csv_row(struct cairn_csv *csv, const struct cairn_check *check,
                    const struct cairn_finding *finding)
{
    cairn_csv_text(csv, check->name);
    cairn_csv_text(csv, state_name(finding->state));
    cairn_csv_text(csv, finding->found);
    cairn_csv_text(csv, finding->mend);
    cairn_csv_end_line(csv);
}

static void text_row(struct cairn_text_table *table, const struct cairn_check *check,
                     const struct cairn_finding *finding)
{
    static const enum cairn_style styles[] = {[CAIRN_FINDING_FINE] = CAIRN_STYLE_SHRANK,
                                              [CAIRN_FINDING_NOTE] = CAIRN_STYLE_STRONG,
                                              [CAIRN_FINDING_STOPS] = CAIRN_STYLE_LEAK};
    cairn_text_table_row(table);
    cairn_text_table_cell(table, styles[finding->state], state_name(finding->state));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, check->name);
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, finding->found);
    if (finding->mend[0] != '\0') {
        char line[300];
        snprintf(line, sizeof line, "%s %s", cairn_glyph(table->terminal, "→", "->"), finding->mend);
        cairn_text_table_sentence(table, CAIRN_STYLE_STRONG, line);
    }
}

static void begin(struct cairn_answer *answer)
{
    if (answer->format == CAIRN_FORMAT_JSON) {
        cairn_answer_json_head(answer, "doctor", NULL);
        cairn_json_array(&answer->json, "rows");
    } else if (answer->format == CAIRN_FORMAT_CSV) {
        cairn_csv_names(&answer->csv, "check,state,found,mend");
        cairn_csv_end_line(&answer->csv);
    }
}

static void end(struct cairn_answer *answer, struct cairn_text_table *table, size_t stops)
{
    if (answer->format == CAIRN_FORMAT_JSON) {
        cairn_json_end(&answer->json);
        cairn_json_bool(&answer->json, "can_record", stops == 0);
    } else if (answer->format == CAIRN_FORMAT_TEXT) {
        cairn_text_table_print(table, &answer->stream);
        cairn_stream_text(&answer->stream, "\n");
        cairn_styled(&answer->stream, &answer->terminal, CAIRN_STYLE_STRONG,
                     stops == 0 ? "This machine can record." : "This machine cannot record yet.");
        cairn_stream_text(&answer->stream, "\n");
    }
}

static int run(const struct cairn_invocation *invocation)
{
    static const struct cairn_text_column columns[] = {
        {.title = "", .align = CAIRN_ALIGN_LEFT},
        {.title = "", .align = CAIRN_ALIGN_LEFT},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 20},
    };
    const struct doctor_arguments *arguments = invocation->arguments;
    struct cairn_answer answer;
    struct cairn_text_table table;
    size_t stops = 0;
    cairn_answer_open(&answer, &arguments->output);
    cairn_text_table_init(&table, &answer.terminal, columns, sizeof columns / sizeof columns[0]);
    begin(&answer);
    for (const struct cairn_check *check = cairn_checks; check->name != NULL; check++) {
        struct cairn_finding finding = {.state = CAIRN_FINDING_FINE};
        check->look(&finding);
        stops += finding.state == CAIRN_FINDING_STOPS ? 1 : 0;
        if (answer.format == CAIRN_FORMAT_JSON) {
            json_row(&answer.json, check, &finding);
        } else if (answer.format == CAIRN_FORMAT_CSV) {
            csv_row(&answer.csv, check, &finding);
        } else {
            text_row(&table, check, &finding);
        }
    }
    end(&answer, &table, stops);
    cairn_text_table_release(&table);
    const int written = cairn_answer_finish(&answer);
    if (stops > 0) {
        return cairn_complain_format(
            "doctor: %zu thing%s would stop a recording: see what is marked \"stops\"", stops,
            stops == 1 ? "" : "s");
    }
    return written;
}

static const struct cairn_option_group groups[] = {
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct doctor_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_doctor = {
    .name = "doctor",
    .summary = "what on this machine would stop a recording, each with its mend",
    .positional = "",
    .description = "Ends with a trial recording. The exit status is 2 when something would stop a recording.",
    .groups = groups,
    .arguments_size = sizeof(struct doctor_arguments),
    .run = run,
};
