/* A subcommand is one const table in a file of its own: its name, what it is for, its positional arguments, its options.
 * Parsing, --help, the man page and the shells' completions are all made from these tables (commands.c lists them). */
#ifndef CAIRN_CLI_COMMAND_H
#define CAIRN_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* Exit statuses of every command but `record`, which passes the program's own on. */
enum cairn_exit { CAIRN_EXIT_DONE = 0, CAIRN_EXIT_FOUND = 1, CAIRN_EXIT_FAILED = 2 };

/* What a shell offers for an argument. */
enum cairn_completion {
    CAIRN_COMPLETE_NOTHING = 0,
    CAIRN_COMPLETE_WORDS, /* the option's own words */
    CAIRN_COMPLETE_TRACE,
    CAIRN_COMPLETE_FILE,
    CAIRN_COMPLETE_FOLDER,
    CAIRN_COMPLETE_PROGRAM, /* and its arguments */
    CAIRN_COMPLETE_MOMENT,
    CAIRN_COMPLETE_COMMAND,
};

/* How an option's value is read, and the C type it is stored as. */
enum cairn_option_type {
    CAIRN_OPTION_SET = 0,  /* bool, becomes true */
    CAIRN_OPTION_CLEAR,    /* bool, becomes false */
    CAIRN_OPTION_TEXT,     /* const char * (borrowed from argv) */
    CAIRN_OPTION_TEXTS,    /* struct cairn_texts; may be given again and again */
    CAIRN_OPTION_COUNT,    /* int64_t, a whole number from 0 on */
    CAIRN_OPTION_BYTES,    /* int64_t: "200M" */
    CAIRN_OPTION_DURATION, /* int64_t nanoseconds: "1.5s" */
    CAIRN_OPTION_WORD,     /* int: the index among `words` */
};

struct cairn_texts {
    const char **items;
    size_t count;
};

struct cairn_option {
    const char *name; /* without dashes; NULL ends a table */
    char letter;      /* 0: no short form */
    enum cairn_option_type type;
    size_t offset;        /* where the value goes in the group's part of the arguments */
    const char *argument; /* "TIME"; NULL when there is none */
    const char *help;
    enum cairn_completion completion;
    const char *const *words; /* NULL-terminated */
    const char *bare_word;    /* the argument is optional, after `=` only; this is meant without it */
};

/* Options that several commands share are groups of their own; `base` is where their part of the arguments begins. */
struct cairn_option_group {
    const char *title; /* NULL ends the list of groups */
    const struct cairn_option *options;
    size_t base;
};

struct cairn_command;

/* One command line, parsed. */
struct cairn_invocation {
    const struct cairn_command *command;
    void *arguments; /* the command's own struct, defaults and options applied */
    char *const *positional;
    size_t positional_count;
    bool help; /* --help was given: nothing else counts */
    struct cairn_arena arena;
};

struct cairn_command {
    const char *name; /* "" for the bare `cairn` */
    const char *summary;
    const char *positional; /* as the usage line shows it */
    size_t positional_min, positional_max;
    enum cairn_completion completion; /* of positional arguments */
    const char *const *verbs;         /* words among them that shells offer, too; NULL-terminated, or NULL */
    bool program_follows;             /* the first positional argument ends the options */
    const char *description;          /* paragraphs, a blank line between them */
    const char *const *examples;      /* pairs: command line, what it does; ends with NULL */
    const struct cairn_option_group *groups;
    size_t arguments_size;
    const void *defaults;                                  /* arguments_size bytes, or NULL for zeroes */
    int (*run)(const struct cairn_invocation *invocation); /* returns the exit status */
};

/* Every command, in the order of the help text; the list ends with NULL. The bare one is not in it. */
extern const struct cairn_command *const cairn_commands[];
extern const struct cairn_command cairn_command_bare;

/* NULL when there is none of that name. */
const struct cairn_command *cairn_command_find(const char *name);

/* Parses and runs: `argv` are the words after the command's name. The exit status. */
int cairn_command_run(const struct cairn_command *command, int argc, char *const *argv);

/* Parses the words after the command's name. `--name value`, `--name=value`, `-n value`, `-nvalue`, letters together, `--`
 * ends the options. CAIRN_E_USAGE with a sentence that suggests the option that was meant. Release in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_invocation_parse(const struct cairn_command *command, int argc,
                                                          char *const *argv,
                                                          struct cairn_invocation *invocation,
                                                          struct cairn_error *error);
void cairn_invocation_release(struct cairn_invocation *invocation);

/* Prints "cairn: …" on stderr, made safe for a terminal. Returns CAIRN_EXIT_FAILED. */
int cairn_complain(const struct cairn_error *error);
/* The same for a sentence made on the spot. */
int cairn_complain_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "cairn: note: …" on stderr: not an error. */
void cairn_note_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
