/* Where the trace goes. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "collector/recorder.h"

static void expand(struct cairn_buffer *path, const char *pattern, pid_t pid, const char *name)
{
    char host[256] = "host";
    gethostname(host, sizeof host - 1);
    for (const char *at = pattern; *at; at++) {
        if (at[0] != '%' || at[1] == '\0') {
            cairn_buffer_byte(path, *at);
            continue;
        }
        at++;
        switch (*at) {
        case 'p':
            cairn_buffer_format(path, "%d", (int)pid);
            break;
        case 'h':
            cairn_buffer_text(path, host);
            break;
        case 'n':
            cairn_buffer_text(path, name);
            break;
        case '%':
            cairn_buffer_byte(path, '%');
            break;
        default:
            cairn_buffer_byte(path, '%');
            cairn_buffer_byte(path, *at);
            break;
        }
    }
}

static enum cairn_status make_parents(const char *path, struct cairn_error *error)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
            return cairn_fail_errno(error, "cannot make the folder %s", folder);
        }
        *slash = '/';
    }
    return CAIRN_OK;
}

enum cairn_status cairn_output_path(const struct cairn_record_options *options, pid_t pid, char *path,
                                    size_t size, struct cairn_error *error)
{
    char name[256];
    cairn_output_name(options->argv, name, sizeof name);
    struct cairn_buffer expanded = CAIRN_BUFFER_INIT;
    if (options->output) {
        expand(&expanded, options->output, pid, name);
    } else {
        cairn_buffer_format(&expanded, "%s.%d.cairn", name, (int)pid);
    }
    enum cairn_status status = CAIRN_OK;
    if (expanded.failed) {
        status = cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    } else if (expanded.length == 0 || expanded.length >= size || expanded.length >= PATH_MAX) {
        status = cairn_fail(error, CAIRN_E_USAGE, "the trace's path is %s",
                            expanded.length ? "too long" : "empty");
    } else {
        memcpy(path, expanded.data, expanded.length + 1);
        status = make_parents(path, error);
    }
    cairn_buffer_release(&expanded);
    return status;
}
