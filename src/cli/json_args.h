/* The arguments of a recorded program as JSON: the trace keeps them as the text of a JSON array. */
#ifndef CAIRN_CLI_JSON_ARGS_H
#define CAIRN_CLI_JSON_ARGS_H

#include "cli/json.h"

/* An array of strings; NULL is null. What is no array of strings (the trace may come from a stranger) is shown as one
 * string. */
void cairn_json_args(struct cairn_json *json, const char *key, const char *args);

#endif
