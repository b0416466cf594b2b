/* Files that people write: suppressions, the configuration of the commands and that of the viewer. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/config.h"
#include "input.h"
#include "query/leaks.h"
#include "query/suppressions.h"
#include "scratch.h"
#include "view/settings.h"

/* A pattern and a text, apart by the first NUL: what has no star must be found where strstr finds it. */
static void match(const uint8_t *data, size_t size)
{
    char text[256] = {0};
    memcpy(text, data, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
    const char *pattern = text, *subject = text + strlen(text) + (strlen(text) < sizeof(text) - 1);
    const bool found = cairn_suppression_matches(pattern, subject);
    if (!strpbrk(pattern, "*^$") && *pattern) {
        INVARIANT(found == (strstr(subject, pattern) != NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[256], suppressions_path[256];
    struct cairn_error error;
    if (path[0] == '\0') {
        setenv("XDG_CONFIG_HOME", scratch_path(""), 1);
        mkdir(scratch_path("cairn"), 0700);
        memcpy(path, scratch_path("cairn/config"), sizeof(path));
        memcpy(suppressions_path, scratch_path("suppressions"), sizeof(suppressions_path));
    }
    scratch_write(path, data, size);
    scratch_write(suppressions_path, data, size);
    struct cairn_config config;
    (void)!cairn_config_load(&config, &error);
    cairn_config_release(&config);
    struct cairn_settings settings = {.ascii = false};
    cairn_settings_load(&settings);
    cairn_settings_release(&settings);
    struct cairn_suppressions *suppressions;
    if (cairn_suppressions_load(suppressions_path, &suppressions, &error) == CAIRN_OK) {
        cairn_suppressions_free(suppressions);
    }
    match(data, size);
    return 0;
}
