/* Sentences on standard error. */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/sanitise.h"

static void say(const char *lead, const char *sentence)
{
    char clean[2048];
    cairn_sanitise(clean, sizeof clean, sentence, strlen(sentence));
    fprintf(stderr, "%s%s\n", lead, clean);
}

int cairn_complain(const struct cairn_error *error)
{
    say("cairn: ", error->message);
    return CAIRN_EXIT_FAILED;
}

int cairn_complain_format(const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    say("cairn: ", sentence);
    return CAIRN_EXIT_FAILED;
}

void cairn_note_format(const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    say("cairn: note: ", sentence);
}
