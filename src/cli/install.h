/* Where the parts that are installed beside the program are: in the build tree next to it, or below the same prefix. */
#ifndef CAIRN_CLI_INSTALL_H
#define CAIRN_CLI_INSTALL_H

#include <stddef.h>

#include "base/status.h"

/* The bundled leaky program of `cairn demo`. */
CAIRN_MUST_CHECK enum cairn_status cairn_find_demo(char *path, size_t path_size, struct cairn_error *error);

#endif
