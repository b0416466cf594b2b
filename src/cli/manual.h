/* Documents made from the commands' tables: the man page and the shells' completions. Each writes to `out` and leaves
 * errors to its error flag. */
#ifndef CAIRN_CLI_MANUAL_H
#define CAIRN_CLI_MANUAL_H

#include <stdio.h>

void cairn_write_man_page(FILE *out);
void cairn_write_bash_completion(FILE *out);
void cairn_write_zsh_completion(FILE *out);

#endif
