/* What a recording is called: the program, or the script or module that an interpreter runs. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "collector/loader.h"
#include "collector/recorder.h"

#define NAME_BYTES 200 /* a file's name has room for more than that, and for a PID */

/* An interpreter's own options, as far as they matter for finding the script behind them. */
struct interpreter {
    const char *name;       /* of the program; digits and dots may follow */
    const char *with_value; /* letters whose value is the next word (or the rest of this one) */
    const char *no_script;  /* letters after which there is no script: what runs stands on the command line */
    char module;            /* the letter that runs a module of that name; 0: none */
    const char *long_values; /* long options that take the next word, each between blanks */
};

static const struct interpreter interpreters[] = {
    {.name = "python",
     .with_value = "WXQ",
     .no_script = "ci",
     .module = 'm',
     .long_values = " --check-hash-based-pycs "},
    {.name = "pypy", .with_value = "WX", .no_script = "ci", .module = 'm', .long_values = ""},
    {.name = "perl", .with_value = "IMm", .no_script = "eE", .long_values = ""},
    {.name = "ruby", .with_value = "ICEr", .no_script = "e", .long_values = " --encoding "},
    {.name = "node", .with_value = "r", .no_script = "ep", .long_values = " --require --import --loader "},
    {.name = "php", .with_value = "cdz", .no_script = "rBRFE", .long_values = ""},
    {.name = "lua", .with_value = "l", .no_script = "e", .long_values = ""},
    {.name = "bash", .with_value = "oO", .no_script = "cs", .long_values = " --rcfile --init-file "},
    {.name = "dash", .with_value = "o", .no_script = "cs", .long_values = ""},
    {.name = "sh", .with_value = "oO", .no_script = "cs", .long_values = ""},
    {.name = "zsh", .with_value = "o", .no_script = "cs", .long_values = ""},
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static const struct interpreter *find_interpreter(const char *program)
{
    for (size_t i = 0; i < sizeof interpreters / sizeof interpreters[0]; i++) {
        const size_t length = strlen(interpreters[i].name);
        if (strncmp(program, interpreters[i].name, length) == 0 &&
            program[length + strspn(program + length, "0123456789.")] == '\0') {
            return &interpreters[i];
        }
    }
    return NULL;
}

static bool has_letter(const char *letters, char letter)
{
    return letter != '\0' && strchr(letters, letter) != NULL;
}

/* What one word of letters ("-um") says about the words behind it. */
enum verdict { VERDICT_GO_ON, VERDICT_TAKES_NEXT, VERDICT_NO_SCRIPT, VERDICT_MODULE };

static enum verdict read_letters(const struct interpreter *interpreter, const char *word,
                                 const char **attached)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        *attached = letter[1] != '\0' ? letter + 1 : NULL;
        if (*letter == interpreter->module) {
            return VERDICT_MODULE;
        }
        if (has_letter(interpreter->no_script, *letter)) {
            return VERDICT_NO_SCRIPT;
        }
        if (has_letter(interpreter->with_value, *letter)) {
            return *attached != NULL ? VERDICT_GO_ON : VERDICT_TAKES_NEXT;
        }
    }
    return VERDICT_GO_ON;
}

static bool takes_next(const struct interpreter *interpreter, const char *word)
{
    char between[64];
    snprintf(between, sizeof between, " %s ", word);
    return strstr(interpreter->long_values, between) != NULL;
}

/* The script or module, or NULL when the interpreter itself is what runs. */
static const char *find_script(const struct interpreter *interpreter, char *const *argv)
{
    for (size_t i = 1; argv[i] != NULL; i++) {
        const char *word = argv[i], *attached = NULL;
        if (strcmp(word, "--") == 0) {
            return argv[i + 1];
        }
        if (word[0] != '-' || word[1] == '\0') {
            return word[0] != '-' ? word : NULL;
        }
        if (word[1] == '-') {
            i += takes_next(interpreter, word) && argv[i + 1] != NULL ? 1 : 0;
            continue;
        }
        switch (read_letters(interpreter, word, &attached)) {
        case VERDICT_MODULE:
            return attached != NULL ? attached : argv[i + 1];
        case VERDICT_NO_SCRIPT:
            return NULL;
        case VERDICT_TAKES_NEXT:
            if (argv[i + 1] == NULL) {
                return NULL;
            }
            i++;
            break;
        case VERDICT_GO_ON:
            break;
        }
    }
    return NULL;
}

void cairn_output_name(char *const *argv, char *name, size_t size)
{
    char *const *loaded = cairn_is_loader(argv[0]) ? cairn_loader_program(argv) : NULL;
    argv = loaded ? loaded : argv;
    const char *program = base_name(argv[0]);
    const struct interpreter *interpreter = find_interpreter(program);
    const char *script = interpreter ? find_script(interpreter, argv) : NULL;
    snprintf(name, size, "%.*s", NAME_BYTES, script && script[0] ? base_name(script) : program);
    for (char *at = name; *at; at++) {
        *at = *at == '/' ? '_' : *at;
    }
}
