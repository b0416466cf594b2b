/* Command lines as the trace keeps them (only with --args): JSON arrays of strings. */
#ifndef CAIRN_COLLECTOR_ARGUMENTS_H
#define CAIRN_COLLECTOR_ARGUMENTS_H

#include <sys/types.h>

/* Owned by the caller; bytes that are no ASCII go as they are. NULL when memory ran out. */
char *cairn_arguments_as_json(char *const *argv);
/* Of a running process, NULL-terminated. NULL when its command line cannot be read; cairn_arguments_free() tolerates that. */
char **cairn_arguments_list(pid_t pid);
void cairn_arguments_free(char **argv);
/* The same of a running process; NULL too when its command line cannot be read. */
char *cairn_arguments_of_process(pid_t pid);

#endif
