#include "base/human.h"
#include "cli/graph.h"
#include "query/object_sites.h"

static void print_json(struct cairn_answer *answer, const struct cairn_graph_request *request,
                       const struct cairn_object_sites *sites)
{
    struct cairn_json *json = &answer->json;
    cairn_graph_json_head(answer, request, "sites");
    cairn_json_object(json, "total");
    cairn_json_integer(json, "objects", sites->objects);
    cairn_json_integer(json, "blocks", sites->blocks);
    cairn_json_integer(json, "bytes", sites->bytes);
    cairn_json_integer(json, "leaked_bytes", sites->leaked_bytes);
    cairn_json_end(json);
    cairn_json_integer(json, "rows_total", (int64_t)sites->rows_total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < sites->row_count; i++) {
        const struct cairn_object_site *row = &sites->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_site(json, &row->site, request->selection->by, row->percent);
        cairn_json_integer(json, "objects", row->objects);
        cairn_json_integer(json, "blocks", row->blocks);
        cairn_json_integer(json, "bytes", row->bytes);
        cairn_json_integer(json, "leaked_bytes", row->leaked_bytes);
        cairn_json_stack(json, "stack", request->trace, row->stack, request->frames);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_graph_request *request,
                      const struct cairn_object_sites *sites)
{
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, CAIRN_CSV_SITE ",objects,blocks,bytes,leaked_bytes,stack");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < sites->row_count; i++) {
        const struct cairn_object_site *row = &sites->rows[i];
        cairn_csv_site(csv, &row->site, row->percent);
        cairn_csv_integer(csv, row->objects);
        cairn_csv_integer(csv, row->blocks);
        cairn_csv_integer(csv, row->bytes);
        cairn_csv_integer(csv, row->leaked_bytes);
        cairn_csv_stack(csv, request->trace, row->stack, request->frames);
        cairn_csv_end_line(csv);
    }
}

static void print_text(struct cairn_answer *answer, const struct cairn_graph_request *request,
                       const struct cairn_object_sites *sites)
{
    static const struct cairn_text_column columns[] = {
        {.title = "BYTES"},
        {.title = "%"},
        {.title = "OBJECTS"},
        {.title = "LEAKED", .leaves = 1},
        {.title = "ALLOCATED BY", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8, .leaves = 2},
    };
    struct cairn_text_table table;
    char text[CAIRN_HUMAN_MAX];
    cairn_graph_text_head(answer, request);
    if (sites->row_count == 0) {
        cairn_text_prose(answer, CAIRN_STYLE_PLAIN, "none");
        return;
    }
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < sites->row_count; i++) {
        const struct cairn_object_site *row = &sites->rows[i];
        cairn_text_table_row(&table);
        cairn_text_table_cell(&table, CAIRN_STYLE_STRONG, cairn_human_bytes(text, row->bytes));
        cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "%.1f", row->percent);
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_count(text, row->objects));
        cairn_text_table_cell(&table, CAIRN_STYLE_LEAK,
                              row->leaked_bytes > 0 ? cairn_human_bytes(text, row->leaked_bytes) : "");
        cairn_text_table_site(&table, request->trace, &row->site, request->selection->by, row->stack);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    cairn_text_more(answer, request->offset + sites->row_count, sites->rows_total);
}

int cairn_graph_verb_sites(const struct cairn_graph_request *request)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_graph_request *,
                                    const struct cairn_object_sites *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    uint32_t type = CAIRN_ALL_TYPES;
    struct cairn_object_sites sites;
    struct cairn_error error;
    enum cairn_status status = request->word_count > 0
                                   ? cairn_type_parse(request->graph, request->words[0], &type, &error)
                                   : CAIRN_OK;
    if (status == CAIRN_OK) {
        status = cairn_object_sites(request->graph, request->selection, type, &sites, &error);
    }
    if (status != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct cairn_answer answer;
    cairn_answer_open(&answer, request->output);
    printers[answer.format](&answer, request, &sites);
    cairn_object_sites_release(&sites);
    return cairn_answer_finish(&answer);
}
