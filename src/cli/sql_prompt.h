/* Lines from a person, with editing and a history that outlives the run. */
#ifndef CAIRN_CLI_SQL_PROMPT_H
#define CAIRN_CLI_SQL_PROMPT_H

/* Reads the history of earlier runs. */
void cairn_sql_prompt_open(void);
/* One line without its newline, owned by the caller (free()); NULL at the end of input. */
char *cairn_sql_prompt_read(const char *prompt);
/* Remembers a statement. */
void cairn_sql_prompt_remember(const char *text);
/* Keeps the history for the next run, in $XDG_STATE_HOME/cairn/sql_history. */
void cairn_sql_prompt_close(void);

#endif
