#include "cli/process.h"

#include <stdint.h>
#include <stdlib.h>

bool cairn_process_argument(const struct cairn_invocation *invocation, pid_t *pid)
{
    const char *word = invocation->positional[0];
    char *end;
    const long number = strtol(word, &end, 10);
    if (end == word || *end != '\0' || number <= 0 || number > INT32_MAX) {
        cairn_complain_format("%s: '%s' is no process: say its number", invocation->command->name, word);
        return false;
    }
    *pid = (pid_t)number;
    return true;
}
