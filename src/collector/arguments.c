#include "collector/arguments.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "collector/target.h"

#define MAX_BYTES     (128u << 10) /* the rest of a longer command line is left out */
#define MAX_ARGUMENTS 4096u

char *cairn_arguments_as_json(char *const *argv)
{
    struct cairn_buffer json = CAIRN_BUFFER_INIT;
    cairn_buffer_byte(&json, '[');
    for (size_t i = 0; argv[i]; i++) {
        cairn_buffer_text(&json, i ? ", \"" : "\"");
        for (const char *at = argv[i]; *at; at++) {
            if (*at == '"' || *at == '\\') {
                cairn_buffer_byte(&json, '\\');
                cairn_buffer_byte(&json, *at);
            } else if ((unsigned char)*at < 0x20) {
                cairn_buffer_format(&json, "\\u%04x", (unsigned char)*at);
            } else {
                cairn_buffer_byte(&json, *at);
            }
        }
        cairn_buffer_byte(&json, '"');
    }
    cairn_buffer_byte(&json, ']');
    if (json.failed) {
        cairn_buffer_release(&json);
        return NULL;
    }
    return json.data;
}

char **cairn_arguments_list(pid_t pid)
{
    char path[64];
    cairn_proc_path(path, sizeof path, pid, "cmdline");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = malloc(MAX_BYTES + 1);
    char **argv = calloc(MAX_ARGUMENTS + 1, sizeof *argv);
    ssize_t length = 0;
    for (ssize_t got = 1;
         fd >= 0 && text && got > 0 && length<(ssize_t)MAX_BYTES; length += got> 0 ? got : 0) {
        got = read(fd, text + length, MAX_BYTES - (size_t)length);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (length <= 0 || !argv) {
        free(text);
        free(argv);
        return NULL;
    }
    text[length] = '\0';
    size_t count = 0;
    for (char *at = text; at < text + length && count < MAX_ARGUMENTS; at += strlen(at) + 1) {
        argv[count++] = at;
    }
    return argv;
}

void cairn_arguments_free(char **argv)
{
    if (argv) {
        free(argv[0]); /* all texts are one block */
        free(argv);
    }
}

char *cairn_arguments_of_process(pid_t pid)
{
    char **argv = cairn_arguments_list(pid);
    char *json = argv ? cairn_arguments_as_json(argv) : NULL;
    cairn_arguments_free(argv);
    return json;
}
