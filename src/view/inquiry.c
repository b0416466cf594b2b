#include "view/inquiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct cairn_view_moment cairn_inquiry_a(const struct cairn_inquiry *question)
{
    if (question->a_set)
        return question->a;
    return (struct cairn_view_moment){.moment = {.label = "start"}, .resolved = true};
}

struct cairn_view_moment cairn_inquiry_b(const struct cairn_inquiry *question)
{
    return question->b_set ? question->b : question->at;
}

void cairn_wrapper_expression(const char *name, struct cairn_buffer *expression)
{
    cairn_buffer_byte(expression, '^');
    for (; *name != '\0'; name++) {
        if (strchr("\\^$.|?*+()[]{}", *name) != NULL)
            cairn_buffer_byte(expression, '\\');
        cairn_buffer_byte(expression, *name);
    }
    cairn_buffer_byte(expression, '$');
}

size_t cairn_inquiry_wrapper(const struct cairn_inquiry *question, const char *name)
{
    size_t i = 0;
    while (i < question->wrapper_count && strcmp(question->wrappers[i], name) != 0)
        i++;
    return i;
}

void cairn_append_quoted(struct cairn_buffer *command, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@%+:,=";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        cairn_buffer_text(command, word);
        return;
    }
    cairn_buffer_byte(command, '\'');
    for (; *word != '\0'; word++)
        cairn_buffer_text(command, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
    cairn_buffer_byte(command, '\'');
}

void cairn_moment_word(const struct cairn_view_moment *moment, char *out, size_t out_size)
{
    const char *label = moment->moment.label;
    const bool named = strcmp(label, "start") == 0 || strcmp(label, "end") == 0 ||
                       strcmp(label, "peak") == 0 || label[0] == '@' ||
                       (label[0] == 's' && label[1] >= '0' && label[1] <= '9');
    if (named)
        snprintf(out, out_size, "%s", label);
    else
        snprintf(out, out_size, "%" PRId64 "ns", moment->moment.t_ns);
}

bool cairn_inquiry_has_options(const struct cairn_inquiry *question)
{
    return question->memory == CAIRN_MEMORY_HEAP;
}

void cairn_inquiry_options(const struct cairn_inquiry *question, bool time, struct cairn_buffer *command)
{
    if (time) {
        char word[80];
        cairn_moment_word(&question->at, word, sizeof(word));
        cairn_buffer_text(command, " --at ");
        cairn_append_quoted(command, word);
    }
    if (question->by != CAIRN_BY_FUNCTION)
        cairn_buffer_format(command, " --by %s", cairn_by_name(question->by));
    if (question->metric != CAIRN_METRIC_LIVE)
        cairn_buffer_format(command, " --metric %s", cairn_metric_name(question->metric));
    if (question->cumulative)
        cairn_buffer_text(command, " --cumulative");
    if (question->lang != CAIRN_LANG_ALL)
        cairn_buffer_format(command, " --lang %s",
                            question->lang == CAIRN_LANG_ONLY_PYTHON ? "python" : "native");
    if (question->process != 0)
        cairn_buffer_format(command, " --process %u", (unsigned)question->process);
    if (question->filter[0] != '\0') {
        cairn_buffer_text(command, " --filter ");
        cairn_append_quoted(command, question->filter);
    }
    for (size_t i = 0; i < question->wrapper_count; i++) {
        struct cairn_buffer expression = CAIRN_BUFFER_INIT;
        cairn_wrapper_expression(question->wrappers[i], &expression);
        cairn_buffer_text(command, " --skip ");
        cairn_append_quoted(command, cairn_buffer_cstr(&expression));
        cairn_buffer_release(&expression);
    }
}
