#include "query/filter.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "query/key_map.h"
#include "query/no_memory.h"
#include "query/stack_judge.h"

struct cairn_filter {
    regex_t *expressions; /* keep ones first */
    size_t keep_count, count;
    uint64_t id;
};

/* What a frame says about its stack; verdicts of several frames are or-ed. */
enum frame_verdict { FRAME_KEEPS = 1u, FRAME_DROPS = 2u };

static enum cairn_status compile(struct cairn_filter *filter, const char *text, struct cairn_error *error)
{
    const int code = regcomp(&filter->expressions[filter->count], text, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        char why[128], clean[128];
        regerror(code, &filter->expressions[filter->count], why, sizeof(why));
        cairn_sanitise(clean, sizeof(clean), text, strlen(text));
        return cairn_fail(error, CAIRN_E_USAGE, "bad regular expression \"%s\": %s", clean, why);
    }
    filter->count++;
    return CAIRN_OK;
}

enum cairn_status cairn_filter_new(const char *const *keep, size_t keep_count, const char *const *drop,
                                   size_t drop_count, struct cairn_filter **filter, struct cairn_error *error)
{
    struct cairn_filter *made = calloc(1, sizeof(*made));
    enum cairn_status status = CAIRN_OK;
    if (made) {
        made->expressions = calloc(keep_count + drop_count + 1, sizeof(*made->expressions));
    }
    if (!made || !made->expressions) {
        status = cairn_no_memory(error, "the filter");
    }
    for (size_t i = 0; status == CAIRN_OK && i < keep_count; i++) {
        made->id = cairn_key_text(cairn_key_number(made->id, 1), keep[i]);
        status = compile(made, keep[i], error);
        made->keep_count = made->count;
    }
    for (size_t i = 0; status == CAIRN_OK && i < drop_count; i++) {
        made->id = cairn_key_text(cairn_key_number(made->id, 2), drop[i]);
        status = compile(made, drop[i], error);
    }
    if (status != CAIRN_OK) {
        cairn_filter_free(made);
        return status;
    }
    *filter = made;
    return CAIRN_OK;
}

void cairn_filter_free(struct cairn_filter *filter)
{
    if (!filter) {
        return;
    }
    for (size_t i = 0; i < filter->count; i++) {
        regfree(&filter->expressions[i]);
    }
    free(filter->expressions);
    free(filter);
}

uint64_t cairn_filter_id(const struct cairn_filter *filter)
{
    return filter->id;
}

static unsigned judge_text(const struct cairn_filter *filter, const char *text)
{
    unsigned verdict = 0;
    for (size_t i = 0; text && i < filter->count; i++) {
        const unsigned meaning = i < filter->keep_count ? FRAME_KEEPS : FRAME_DROPS;
        if (!(verdict & meaning) && regexec(&filter->expressions[i], text, 0, NULL, 0) == 0) {
            verdict |= meaning;
        }
    }
    return verdict;
}

static uint8_t judge_frame(const void *state, struct cairn_trace *trace, const struct cairn_frame *frame)
{
    const struct cairn_filter *filter = state;
    const struct cairn_frame_texts texts = cairn_frame_texts(trace, frame);
    return (uint8_t)(judge_text(filter, texts.function) | judge_text(filter, texts.file) |
                     judge_text(filter, texts.module));
}

enum cairn_status cairn_filter_accounts(const struct cairn_filter *filter, struct cairn_trace *trace,
                                        uint8_t **kept, struct cairn_error *error)
{
    const struct cairn_account *accounts;
    size_t count;
    uint8_t *verdicts;
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &count, error);
    if (status == CAIRN_OK) {
        status = cairn_judge_accounts(trace, judge_frame, filter, &verdicts, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const bool wanted = filter->keep_count == 0 || verdicts[i] & FRAME_KEEPS;
        verdicts[i] = wanted && !(verdicts[i] & FRAME_DROPS);
    }
    *kept = verdicts;
    return CAIRN_OK;
}
