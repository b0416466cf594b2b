/* cairn-manual man|bash|zsh FILE: part of the build. */
#include <stdio.h>
#include <string.h>

#include "cli/manual.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*write)(FILE *out);
    } documents[] = {{.word = "man", .write = cairn_write_man_page},
                     {.word = "bash", .write = cairn_write_bash_completion},
                     {.word = "zsh", .write = cairn_write_zsh_completion}};
    for (size_t i = 0; argc == 3 && i < sizeof documents / sizeof documents[0]; i++) {
        if (strcmp(argv[1], documents[i].word) != 0) {
            continue;
        }
        FILE *out = fopen(argv[2], "w");
        if (out == NULL) {
            perror(argv[2]);
            return 1;
        }
        documents[i].write(out);
        const int failed = ferror(out);
        return fclose(out) != 0 || failed ? 1 : 0;
    }
    fputs("usage: cairn-manual man|bash|zsh FILE\n", stderr);
    return 2;
}
