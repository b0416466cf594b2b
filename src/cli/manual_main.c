/* cairn-manual man FOLDER | bash FILE | zsh FILE: part of the build. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/manual.h"

static void write_bash(const struct cairn_command *command, FILE *out)
{
    (void)command;
    cairn_write_bash_completion(out);
}

static void write_zsh(const struct cairn_command *command, FILE *out)
{
    (void)command;
    cairn_write_zsh_completion(out);
}

static void write_man(const struct cairn_command *command, FILE *out)
{
    if (command != NULL) {
        cairn_write_command_page(command, out);
    } else {
        cairn_write_man_page(out);
    }
}

static int write_file(const char *path, const struct cairn_command *command,
                      void (*write)(const struct cairn_command *command, FILE *out))
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    write(command, out);
    const int failed = ferror(out);
    return fclose(out) != 0 || failed ? 1 : 0;
}

/* cairn.1, and a page for each command beside it. */
static int write_pages(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/cairn.1", folder);
    int failed = write_file(path, NULL, write_man);
    for (const struct cairn_command *const *command = cairn_commands; *command != NULL; command++) {
        snprintf(path, sizeof path, "%s/cairn-%s.1", folder, (*command)->name);
        failed |= write_file(path, *command, write_man);
    }
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "man") == 0) {
        return write_pages(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "bash") == 0) {
        return write_file(argv[2], NULL, write_bash);
    }
    if (argc == 3 && strcmp(argv[1], "zsh") == 0) {
        return write_file(argv[2], NULL, write_zsh);
    }
    fputs("usage: cairn-manual man FOLDER | bash FILE | zsh FILE\n", stderr);
    return 2;
}
