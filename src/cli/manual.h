/* Documents made from the commands' tables: the man page and the shells' completions. Each writes to `out` and leaves
 * errors to its error flag. */
#ifndef CAIRN_CLI_MANUAL_H
#define CAIRN_CLI_MANUAL_H

#include <stdio.h>

#include "cli/command.h"

/* cairn(1), with all commands, and the page of one of them: cairn-NAME(1). */
void cairn_write_man_page(FILE *out);
void cairn_write_command_page(const struct cairn_command *command, FILE *out);
void cairn_write_bash_completion(FILE *out);
void cairn_write_zsh_completion(FILE *out);

#endif
