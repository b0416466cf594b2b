/* $XDG_CONFIG_HOME/cairn/config as the command line reads it: lines "key = value", # comments. Keys of the viewer are
 * passed over here. */
#ifndef CAIRN_CLI_CONFIG_H
#define CAIRN_CLI_CONFIG_H

#include "cli/command.h"

struct cairn_config {
    struct cairn_texts skip; /* `skip = REGEX` lines */
    struct cairn_arena arena;
};

/* A missing file is an empty one. Release in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_config_load(struct cairn_config *config, struct cairn_error *error);
void cairn_config_release(struct cairn_config *config);

#endif
