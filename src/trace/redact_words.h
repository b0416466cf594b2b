/* Numbered names in place of real ones: the same one for the same name, whatever row it stands in. Internal to trace. */
#ifndef CAIRN_TRACE_REDACT_WORDS_H
#define CAIRN_TRACE_REDACT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buffer.h"

struct cairn_redact_word;

/* Zero-initialise. */
struct cairn_redact_words {
    struct cairn_redact_word **slots; /* open hashing; owned */
    size_t slot_count, word_count;
    struct cairn_arena arena;
};

void cairn_redact_words_release(struct cairn_redact_words *words);
/* Which number `text` has among the names of this `stem`: 1, 2, 3, … in the order they were met; 0: memory ran out. */
size_t cairn_redact_words_number(struct cairn_redact_words *words, const char *stem, const char *text,
                                 size_t length);
/* The same without giving one; 0: none was given. */
size_t cairn_redact_words_find(const struct cairn_redact_words *words, const char *stem, const char *text,
                               size_t length);
/* Appends in place of a path `folder7/main.c`, `/…/file3.c`, …: `folder` and `file` say which half is replaced. File names
 * of the system's own libraries and interpreters stay; so do extensions that tell a language. False: memory ran out. */
bool cairn_redact_path(struct cairn_redact_words *words, const char *path, size_t length, bool folder,
                       bool file, struct cairn_buffer *out);
/* Whether a file name is one of those that stay. */
bool cairn_redact_is_common(const char *name, size_t length);

#endif
