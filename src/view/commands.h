/* The commands of the command line, for help, completion and docs/keys.md. */
#ifndef CAIRN_VIEW_COMMANDS_H
#define CAIRN_VIEW_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

struct cairn_command_facts {
    const char *name, *argument, *help; /* argument "": it takes none */
};

/* The i-th command, in the order of their names; false behind the last one. */
bool cairn_command_at(size_t index, struct cairn_command_facts *facts);

#endif
