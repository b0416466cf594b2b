/* The parts of `cairn check` that its printers share. */
#ifndef CAIRN_CLI_CHECK_H
#define CAIRN_CLI_CHECK_H

#include "cli/answer.h"
#include "cli/select.h"
#include "query/check.h"

/* "max_peak", "baseline_leaked", …: what a limit is called in JSON and JUnit. Returns `out`. */
#define CAIRN_CHECK_LIMIT_SIZE 32
char *cairn_check_limit_name(const struct cairn_check_row *row, char out[CAIRN_CHECK_LIMIT_SIZE]);
/* A value in a measure's unit, for people. Returns `out`. */
#define CAIRN_CHECK_VALUE_SIZE 64
char *cairn_check_value(enum cairn_measure measure, int64_t value, char out[CAIRN_CHECK_VALUE_SIZE]);
/* "peak: 8.1 MiB, allowed 1 MiB": one failed or passed limit; of a sampled recording it says that it is an estimate. Returns
 * `out`. */
#define CAIRN_CHECK_SENTENCE_SIZE 256
char *cairn_check_sentence(const struct cairn_check_row *row, bool sampled,
                           char out[CAIRN_CHECK_SENTENCE_SIZE]);

/* A test suite with a test case a limit, as CI systems read them. */
void cairn_check_print_junit(struct cairn_answer *answer, const struct cairn_request *request,
                             const struct cairn_check *check);

#endif
