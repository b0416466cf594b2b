#include "trace/redact_words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct cairn_redact_word {
    struct cairn_redact_word *next;
    const char *stem; /* borrowed: a literal */
    const char *text;
    size_t length, number;
};

void cairn_redact_words_release(struct cairn_redact_words *words)
{
    free(words->slots);
    cairn_arena_release(&words->arena);
    *words = (struct cairn_redact_words){.slots = NULL};
}

/* FNV-1a. */
static uint64_t hash(const char *stem, const char *text, size_t length)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (; *stem; stem++) {
        value = (value ^ (unsigned char)*stem) * 0x100000001b3u;
    }
    for (size_t i = 0; i < length; i++) {
        value = (value ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return value;
}

static bool grow(struct cairn_redact_words *words)
{
    const size_t larger = words->slot_count ? words->slot_count * 2 : 1024;
    struct cairn_redact_word **slots = calloc(larger, sizeof(struct cairn_redact_word *));
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < words->slot_count; i++) {
        for (struct cairn_redact_word *word = words->slots[i], *next; word; word = next) {
            struct cairn_redact_word **slot =
                &slots[hash(word->stem, word->text, word->length) & (larger - 1)];
            next = word->next;
            word->next = *slot;
            *slot = word;
        }
    }
    free(words->slots);
    words->slots = slots;
    words->slot_count = larger;
    return true;
}

size_t cairn_redact_words_find(const struct cairn_redact_words *words, const char *stem, const char *text,
                               size_t length)
{
    const struct cairn_redact_word *word =
        words->slot_count ? words->slots[hash(stem, text, length) & (words->slot_count - 1)] : NULL;
    for (; word; word = word->next) {
        if (word->length == length && strcmp(word->stem, stem) == 0 &&
            memcmp(word->text, text, length) == 0) {
            return word->number;
        }
    }
    return 0;
}

size_t cairn_redact_words_number(struct cairn_redact_words *words, const char *stem, const char *text,
                                 size_t length)
{
    const size_t found = cairn_redact_words_find(words, stem, text, length);
    if (found > 0 || (words->word_count >= words->slot_count && !grow(words))) {
        return found;
    }
    struct cairn_redact_word **slot = &words->slots[hash(stem, text, length) & (words->slot_count - 1)];
    struct cairn_redact_word *made = cairn_arena_alloc(&words->arena, sizeof(*made));
    const char *kept = made ? cairn_arena_copy(&words->arena, text, length) : NULL;
    if (!kept) {
        return 0;
    }
    *made = (struct cairn_redact_word){
        .next = *slot, .stem = stem, .text = kept, .length = length, .number = ++words->word_count};
    *slot = made;
    return made->number;
}

static bool is_text(const char *name, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(name, text, length) == 0;
}

/* "python3.11", "libpython3.11.so.1.0". */
static bool is_python(const char *name, size_t length)
{
    static const char library[] = "lib", stem[] = "python", rest[] = "0123456789.so";
    size_t at = length > strlen(library) && memcmp(name, library, strlen(library)) == 0 ? strlen(library) : 0;
    if (length - at < strlen(stem) || memcmp(name + at, stem, strlen(stem)) != 0) {
        return false;
    }
    for (at += strlen(stem); at < length && strchr(rest, name[at]); at++) {
    }
    return at == length;
}

bool cairn_redact_is_common(const char *name, size_t length)
{
    static const char *const common[] = {
        "",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
        "libc.so.6",
        "libm.so.6",
        "libdl.so.2",
        "libpthread.so.0",
        "libstdc++.so.6",
        "libgcc_s.so.1",
        "libcairn.so",
        "[vdso]",
        "linux-vdso.so.1",
        "[heap]",
        "[stack]",
        NULL,
    };
    for (const char *const *at = common; *at; at++) {
        if (is_text(name, length, *at)) {
            return true;
        }
    }
    return is_python(name, length);
}

/* The extension of a file whose language is worth knowing, or "". */
static const char *extension(const char *name, size_t length)
{
    static const char *const known[] = {".c",  ".h",  ".cc",  ".cpp", ".cxx", ".hpp", ".rs",
                                        ".go", ".py", ".pyx", ".so",  ".S",   ".y",   NULL};
    for (const char *const *at = known; *at; at++) {
        const size_t own = strlen(*at);
        if (length > own && memcmp(name + length - own, *at, own) == 0) {
            return *at;
        }
    }
    return "";
}

bool cairn_redact_path(struct cairn_redact_words *words, const char *path, size_t length, bool folder,
                       bool file, struct cairn_buffer *out)
{
    size_t base = length;
    while (base > 0 && path[base - 1] != '/') {
        base--;
    }
    if (base > 0 && folder) {
        const size_t number = cairn_redact_words_number(words, "folder", path, base);
        cairn_buffer_format(out, "folder%zu/", number);
        out->failed |= number == 0;
    } else {
        cairn_buffer_append(out, path, base);
    }
    if (file && !cairn_redact_is_common(path + base, length - base)) {
        const size_t number = cairn_redact_words_number(words, "file", path + base, length - base);
        cairn_buffer_format(out, "file%zu%s", number, extension(path + base, length - base));
        out->failed |= number == 0;
    } else {
        cairn_buffer_append(out, path + base, length - base);
    }
    return !out->failed;
}
