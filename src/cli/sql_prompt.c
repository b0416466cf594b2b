#include "cli/sql_prompt.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <editline/readline.h>

#define HISTORY_LINES 1000

/* The file's path; false where there is no home for it. The folders on the way are made. */
static bool history_path(char path[PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int length = -1;
    if (state != NULL && state[0] == '/') {
        length = snprintf(path, PATH_MAX, "%s/cairn/sql_history", state);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, PATH_MAX, "%s/.local/state/cairn/sql_history", home);
    }
    if (length < 0 || length >= PATH_MAX) {
        return false;
    }
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    return true;
}

void cairn_sql_prompt_open(void)
{
    char path[PATH_MAX];
    using_history();
    stifle_history(HISTORY_LINES);
    if (history_path(path)) {
        read_history(path);
    }
}

char *cairn_sql_prompt_read(const char *prompt)
{
    return readline(prompt);
}

void cairn_sql_prompt_remember(const char *text)
{
    add_history(text);
}

void cairn_sql_prompt_close(void)
{
    char path[PATH_MAX];
    if (history_path(path) && write_history(path) == 0) {
        chmod(path, 0600);
    }
}
