#include "cli/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX      256u
#define LINE_MAX_BYTES 4096

static bool config_path(char *path, size_t size)
{
    const char *folder = getenv("XDG_CONFIG_HOME");
    if (folder != NULL && folder[0] == '/') {
        return (size_t)snprintf(path, size, "%s/cairn/config", folder) < size;
    }
    const char *home = getenv("HOME");
    return home != NULL && (size_t)snprintf(path, size, "%s/.config/cairn/config", home) < size;
}

/* "  key = value  " → both parts without blanks around; false for what is no such line. */
static bool split(char *line, char **key, char **value)
{
    char *equals = strchr(line, '=');
    if (equals == NULL || line[strspn(line, " \t")] == '#') {
        return false;
    }
    *key = line + strspn(line, " \t");
    char *end = equals;
    while (end > *key && isspace((unsigned char)end[-1])) {
        end--;
    }
    *end = '\0';
    *value = equals + 1 + strspn(equals + 1, " \t");
    end = *value + strlen(*value);
    while (end > *value && isspace((unsigned char)end[-1])) {
        end--;
    }
    *end = '\0';
    return **value != '\0';
}

static enum cairn_status read_lines(struct cairn_config *config, FILE *file, struct cairn_error *error)
{
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, file) != NULL && config->skip.count < LINES_MAX) {
        char *key, *value;
        if (!split(line, &key, &value) || strcmp(key, "skip") != 0) {
            continue;
        }
        if (config->skip.items == NULL) {
            config->skip.items = cairn_arena_alloc(&config->arena, LINES_MAX * sizeof *config->skip.items);
        }
        const char *copy = cairn_arena_copy(&config->arena, value, strlen(value));
        if (config->skip.items == NULL || copy == NULL) {
            return cairn_fail(error, CAIRN_E_NOMEM, "the configuration: out of memory");
        }
        config->skip.items[config->skip.count++] = copy;
    }
    return CAIRN_OK;
}

enum cairn_status cairn_config_load(struct cairn_config *config, struct cairn_error *error)
{
    *config = (struct cairn_config){.skip = {.items = NULL}};
    char path[4096];
    if (!config_path(path, sizeof path)) {
        return CAIRN_OK;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? CAIRN_OK
                                                                      : cairn_fail_errno(error, "%s", path);
    }
    const enum cairn_status status = read_lines(config, file, error);
    fclose(file);
    return status;
}

void cairn_config_release(struct cairn_config *config)
{
    cairn_arena_release(&config->arena);
}
