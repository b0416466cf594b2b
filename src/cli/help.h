/* What --help and `cairn help` print, made from the commands' tables. */
#ifndef CAIRN_CLI_HELP_H
#define CAIRN_CLI_HELP_H

#include "cli/answer.h"
#include "cli/command.h"

/* Parts of the manual that belong to no single command; also printed by `cairn help TOPIC`. */
struct cairn_topic {
    const char *name;
    const char *title;
    const char *text; /* paragraphs and "  word   meaning" lines; a blank line between paragraphs */
};
extern const struct cairn_topic cairn_topics[]; /* ends with a nameless one */

/* Everything about one command, on standard output; the exit status. */
int cairn_help_command(const struct cairn_command *command);
/* The commands, a line each. */
int cairn_help_overview(void);
/* "-o, --output FILE" into `out`. */
void cairn_option_label(const struct cairn_option *option, char *out, size_t out_size);

#endif
