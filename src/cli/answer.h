/* One answer on standard output, as text, JSON or CSV, and the parts that answers have in common: the envelope, sites,
 * frames, counts, moments. */
#ifndef CAIRN_CLI_ANSWER_H
#define CAIRN_CLI_ANSWER_H

#include "cairn/trace.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/csv.h"
#include "cli/json.h"
#include "cli/stream.h"
#include "cli/text_table.h"
#include "query/moment.h"
#include "query/selection.h"
#include "query/site_label.h"

enum cairn_format { CAIRN_FORMAT_TEXT = 0, CAIRN_FORMAT_JSON, CAIRN_FORMAT_CSV };

struct cairn_output_arguments {
    int format; /* enum cairn_format */
    int colour; /* enum cairn_colour_choice */
};

extern const struct cairn_option cairn_output_options[]; /* --format --color */
extern const char *const cairn_colour_words[];           /* in the order of enum cairn_colour_choice */

struct cairn_answer {
    enum cairn_format format;
    struct cairn_stream stream;
    struct cairn_console terminal;
    struct cairn_json json;
    struct cairn_csv csv;
};

/* From here on a reader that goes away ends the output, not the program. */
void cairn_answer_open(struct cairn_answer *answer, const struct cairn_output_arguments *arguments);
/* Ends the output and releases everything; the exit status. */
int cairn_answer_finish(struct cairn_answer *answer);

/* Opens the JSON object of an answer: schema "cairn.COMMAND/1" and the envelope. `trace` may be NULL: all null. */
void cairn_answer_json_head(struct cairn_answer *answer, const char *command, struct cairn_trace *trace);

void cairn_json_moment(struct cairn_json *json, const char *key, const struct cairn_moment *moment);
void cairn_json_span(struct cairn_json *json, const char *key, const struct cairn_span *span);
/* Members of the object that is open: what every row with a site carries. `percent` NAN: null. */
void cairn_json_site(struct cairn_json *json, const struct cairn_site *site, enum cairn_by by,
                     double percent);
void cairn_json_counts(struct cairn_json *json, const struct cairn_counts *counts, bool sampled);
/* "error_bytes", where the recording is sampled. */
void cairn_json_error(struct cairn_json *json, const struct cairn_recording *recording, int64_t error_bytes);
/* An array of frames, innermost first, at most `most` of them. */
void cairn_json_stack(struct cairn_json *json, const char *key, struct cairn_trace *trace, uint32_t stack,
                      size_t most);

#define CAIRN_CSV_SITE                                                                                       \
    "site_id,function,file,line,module,lang,inlined,percent,thread,thread_name,process,type"
#define CAIRN_CSV_COUNTS                                                                                     \
    "live_bytes,live_blocks,allocated_bytes,allocations,reallocs,temporary,peak_bytes,error_bytes"
void cairn_csv_site(struct cairn_csv *csv, const struct cairn_site *site, double percent);
void cairn_csv_counts(struct cairn_csv *csv, const struct cairn_counts *counts);
/* One field: names innermost first, `;` between them. */
void cairn_csv_stack(struct cairn_csv *csv, struct cairn_trace *trace, uint32_t stack, size_t most);

/* A frame's name for people, raw: the function, module+0x1234, or what stands where the stack was cut. */
void cairn_frame_label(struct cairn_trace *trace, const struct cairn_frame *frame, char *out,
                       size_t out_size);
/* "lex.c:88", "lex.c", or "" (raw). */
void cairn_place_label(const char *file, int64_t line, char *out, size_t out_size);
/* Two cells: the name of a site, and its place where the name does not say it already. A function's line is that of
 * `stack`, the heaviest one (0: not known). */
void cairn_text_table_site(struct cairn_text_table *table, struct cairn_trace *trace,
                           const struct cairn_site *site, enum cairn_by by, uint32_t stack);
/* Lines below a row, one a frame, from the caller of the site (NULL: from the innermost frame) outward: at most `most`. */
void cairn_text_table_stack(struct cairn_text_table *table, struct cairn_trace *trace, uint32_t stack,
                            const struct cairn_site *site, size_t most);

/* The first line of a text answer: which program, which moment, how exact. `what` stands in the moment's place when it is
 * not NULL. */
void cairn_text_head(struct cairn_answer *answer, struct cairn_trace *trace, const struct cairn_moment *at,
                     const char *what);
/* A sentence, made clean, wrapped to the terminal. */
void cairn_text_prose(struct cairn_answer *answer, enum cairn_style style, const char *text);
void cairn_text_prose_format(struct cairn_answer *answer, enum cairn_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with blanks before every line. */
void cairn_text_prose_indented(struct cairn_answer *answer, enum cairn_style style, size_t indent,
                               const char *text);
/* "12 more rows (--limit)" when some were left out. */
void cairn_text_more(struct cairn_answer *answer, size_t shown, size_t total);
/* "exact", "ends early", "at least", …: a few words on how far the numbers can be trusted, and those of the moment `at` (NULL: of
 * the whole). */
const char *cairn_exactness(struct cairn_trace *trace, const struct cairn_moment *at, char *out,
                            size_t out_size);

#endif
