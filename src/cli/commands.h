/* The tables of the commands, one a file: a new command is a file, a line here and a line in commands.c. */
#ifndef CAIRN_CLI_COMMANDS_H
#define CAIRN_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct cairn_command cairn_command_record;
extern const struct cairn_command cairn_command_view;
extern const struct cairn_command cairn_command_info;
extern const struct cairn_command cairn_command_top;
extern const struct cairn_command cairn_command_tree;
extern const struct cairn_command cairn_command_diff;
extern const struct cairn_command cairn_command_leaks;
extern const struct cairn_command cairn_command_growth;
extern const struct cairn_command cairn_command_rss;
extern const struct cairn_command cairn_command_timeline;
extern const struct cairn_command cairn_command_attach;
extern const struct cairn_command cairn_command_stop;
extern const struct cairn_command cairn_command_snapshot;
extern const struct cairn_command cairn_command_snapshots;
extern const struct cairn_command cairn_command_sizes;
extern const struct cairn_command cairn_command_check;
extern const struct cairn_command cairn_command_export;
extern const struct cairn_command cairn_command_graph;
extern const struct cairn_command cairn_command_sql;
extern const struct cairn_command cairn_command_import;
extern const struct cairn_command cairn_command_slim;
extern const struct cairn_command cairn_command_redact;
extern const struct cairn_command cairn_command_doctor;
extern const struct cairn_command cairn_command_demo;
extern const struct cairn_command cairn_command_help;

#endif
