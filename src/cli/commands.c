#include "cli/command.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

const struct cairn_command *cairn_command_find(const char *name)
{
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        if (strcmp((*command)->name, name) == 0) {
            return *command;
        }
    }
    return NULL;
}

int cairn_command_run(const struct cairn_command *command, int argc, char *const *argv)
{
    struct cairn_invocation invocation;
    struct cairn_error error;
    int status;
    if (cairn_invocation_parse(command, argc, argv, &invocation, &error) != CAIRN_OK) {
        status = cairn_complain(&error);
    } else if (invocation.help) {
        status = command->name[0] != '\0' ? cairn_help_command(command) : cairn_help_overview();
    } else {
        status = command->run(&invocation);
    }
    cairn_invocation_release(&invocation);
    return status;
}

/* One a line. */
/* clang-format off */
const struct cairn_command *const cairn_commands[] = {
    &cairn_command_record,
    &cairn_command_attach,
    &cairn_command_stop,
    &cairn_command_snapshot,
    &cairn_command_view,
    &cairn_command_info,
    &cairn_command_top,
    &cairn_command_tree,
    &cairn_command_diff,
    &cairn_command_leaks,
    &cairn_command_growth,
    &cairn_command_rss,
    &cairn_command_timeline,
    &cairn_command_snapshots,
    &cairn_command_sizes,
    &cairn_command_check,
    &cairn_command_export,
    &cairn_command_graph,
    &cairn_command_sql,
    &cairn_command_import,
    &cairn_command_slim,
    &cairn_command_redact,
    &cairn_command_doctor,
    &cairn_command_demo,
    &cairn_command_help,
    NULL,
};
/* clang-format on */
