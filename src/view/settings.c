#include "view/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "view/style.h"

char *cairn_user_path(const char *variable, const char *fallback, const char *name)
{
    char *path = NULL;
    const char *base = getenv(variable), *home = getenv("HOME");
    int length = -1;
    if (base != NULL && base[0] == '/')
        length = asprintf(&path, "%s/cairn/%s", base, name);
    else if (home != NULL && home[0] == '/')
        length = asprintf(&path, "%s/%s/cairn/%s", home, fallback, name);
    return length < 0 ? NULL : path;
}

static bool set_flag(bool *flag, const char *value)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(value, words[i]) == 0) {
            *flag = i % 2 == 1;
            return true;
        }
    return false;
}

bool cairn_settings_set(struct cairn_settings *settings, const char *key, const char *value)
{
    if (strcmp(key, "ascii") == 0)
        return set_flag(&settings->ascii, value);
    if (strcmp(key, "mouse") == 0)
        return set_flag(&settings->mouse, value);
    if (strcmp(key, "source") == 0)
        return set_flag(&settings->source, value);
    if (strcmp(key, "skip") == 0) {
        char *copy = settings->skip_count < CAIRN_SKIPS_MAX ? strdup(value) : NULL;
        if (copy != NULL)
            settings->skips[settings->skip_count++] = copy;
        return copy != NULL;
    }
    if (strcmp(key, "theme") != 0)
        return true;
    if (cairn_theme_find(value) == NULL)
        return false;
    snprintf(settings->theme, sizeof(settings->theme), "%s", value);
    return true;
}

void cairn_settings_release(struct cairn_settings *settings)
{
    for (size_t i = 0; i < settings->skip_count; i++)
        free(settings->skips[i]);
    settings->skip_count = 0;
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        text[--length] = '\0';
    return text;
}

void cairn_settings_load(struct cairn_settings *settings)
{
    char *path = cairn_user_path("XDG_CONFIG_HOME", ".config", "config");
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    char line[512];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *equals = strchr(line, '=');
        if (line[strspn(line, " \t")] == '#' || equals == NULL)
            continue;
        *equals = '\0';
        /* A value that is no good leaves the built-in one: the viewer still opens. */
        cairn_settings_set(settings, trim(line), trim(equals + 1));
    }
    if (file != NULL)
        fclose(file);
    free(path);
}
