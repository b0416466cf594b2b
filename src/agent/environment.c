#include "agent/environment.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/machine.h"
#include "agent/own.h"
#include "agent/session.h"
#include "wire/record.h"
#include "wire/sanitizer.h"
#include "wire/session.h"

#define PRELOAD_VARIABLE "LD_PRELOAD"
#define LIBRARY_MAX      4096u

/* Of the loader: where the kernel put argc, argv, and the environment behind it. */
extern void *__libc_stack_end; /* NOLINT(readability-identifier-naming) */

static char library[LIBRARY_MAX];

static char **current(void)
{
    if (environ) {
        return environ;
    }
    long *block = __libc_stack_end;
    return block ? (char **)(block + 1 + block[0] + 1) : NULL;
}

/* The value where `entry` is "name=value", else NULL. */
static const char *value_of(const char *entry, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

static const char *find(char *const *environment, const char *name)
{
    for (; environment && *environment; environment++) {
        const char *value = value_of(*environment, name);
        if (value) {
            return value;
        }
    }
    return NULL;
}

const char *cairn_environment_get(const char *name)
{
    return find(current(), name);
}

void cairn_environment_prepare(void)
{
    Dl_info info;
    cairn_own_begin();
    if (dladdr(library, &info) && info.dli_fname && strlen(info.dli_fname) < sizeof library) {
        memcpy(library, info.dli_fname, strlen(info.dli_fname) + 1);
    }
    cairn_own_end();
}

/* The next of the names in a list like LD_PRELOAD's; its length, 0 at the end. */
static size_t next_name(const char **list)
{
    *list += strspn(*list, ": ");
    return strcspn(*list, ": ");
}

static bool is_library(const char *name, size_t length)
{
    return length == strlen(library) && memcmp(name, library, length) == 0;
}

static bool names_library(const char *list)
{
    size_t length;
    for (; (length = next_name(&list)) > 0; list += length) {
        if (is_library(list, length)) {
            return true;
        }
    }
    return false;
}

bool cairn_environment_has_library(char *const *environment)
{
    const char *preload = find(environment, PRELOAD_VARIABLE);
    return preload && names_library(preload);
}

/* By a call that the loader makes in every program: a seccomp filter under which programs can be started lets it through. */
static bool is_out_of_reach(const char *path, int mode)
{
    const long result = cairn_syscall3(SYS_access, (long)path, mode, 0);
    return result == -ENOENT || result == -EACCES || result == -ENOTDIR;
}

bool cairn_environment_only_lists(char *const *environment)
{
    return find(environment, "LD_TRACE_LOADED_OBJECTS") != NULL;
}

bool cairn_environment_is_others(char *const *environment)
{
    const char *session = find(environment, CAIRN_SESSION_VARIABLE);
    return session && session[0] && strcmp(session, cairn_session_path()) != 0 &&
           find(environment, PRELOAD_VARIABLE) && !is_out_of_reach(session, W_OK);
}

uint32_t cairn_environment_unfit(char *const *environment)
{
    const char *list = find(environment, PRELOAD_VARIABLE);
    size_t length;
    for (; list && (length = next_name(&list)) > 0; list += length) {
        if (cairn_is_sanitizer_library(list, length)) {
            return CAIRN_UNRECORDED_SANITIZER;
        }
    }
    if (find(environment, "VALGRIND_LAUNCHER")) {
        return CAIRN_UNRECORDED_VALGRIND;
    }
    /* Where this library is, is not known yet when the constructor of another one, which ran first, starts a program. */
    return (library[0] && is_out_of_reach(library, R_OK)) || is_out_of_reach(cairn_session_path(), W_OK)
               ? CAIRN_UNRECORDED_OUT_OF_REACH
               : 0;
}

/* Appends `text` of `length` bytes; returns the new end. */
static char *append(char *end, const char *text, size_t length)
{
    memcpy(end, text, length);
    return end + length;
}

/* LD_PRELOAD as it has to be, into `out` (room for library, `former` and 16 more); NULL: none at all. */
static char *write_preload(const char *former, bool follow, char *out)
{
    char *end = append(out, PRELOAD_VARIABLE "=", sizeof PRELOAD_VARIABLE);
    const char *const begin = end;
    if (follow) {
        end = append(end, library, strlen(library));
    }
    size_t length;
    for (; former && (length = next_name(&former)) > 0; former += length) {
        if (!is_library(former, length)) {
            if (end != begin) {
                *end++ = ':';
            }
            end = append(end, former, length);
        }
    }
    *end = '\0';
    return end == begin ? NULL : out;
}

size_t cairn_environment_change_bytes(char *const *environment, bool follow)
{
    const char *preload = find(environment, PRELOAD_VARIABLE);
    const char *session = find(environment, CAIRN_SESSION_VARIABLE);
    const bool has_library = preload && names_library(preload);
    const bool has_session = session && strcmp(session, cairn_session_path()) == 0;
    if (follow ? has_library && has_session : !has_library && !session) {
        return 0;
    }
    size_t entries = 0;
    while (environment && environment[entries]) {
        entries++;
    }
    return (entries + 3) * sizeof(char *) + strlen(library) + (preload ? strlen(preload) : 0) + 16 +
           sizeof CAIRN_SESSION_VARIABLE + strlen(cairn_session_path()) + 2;
}

char *const *cairn_environment_change(char *const *environment, bool follow, void *memory)
{
    size_t entries = 0, count = 0;
    while (environment && environment[entries]) {
        entries++;
    }
    const char *former = find(environment, PRELOAD_VARIABLE);
    char **changed = memory;
    char *text = (char *)(changed + entries + 3);
    for (size_t i = 0; i < entries; i++) {
        if (!value_of(environment[i], PRELOAD_VARIABLE) &&
            !value_of(environment[i], CAIRN_SESSION_VARIABLE)) {
            changed[count++] = environment[i];
        }
    }
    char *preload = write_preload(former, follow, text);
    if (preload) {
        changed[count++] = preload;
        text += strlen(text) + 1;
    }
    if (follow) {
        changed[count++] = text;
        text = append(text, CAIRN_SESSION_VARIABLE "=", sizeof CAIRN_SESSION_VARIABLE);
        memcpy(text, cairn_session_path(), strlen(cairn_session_path()) + 1);
    }
    changed[count] = NULL;
    return changed;
}

void cairn_environment_forget(void)
{
    char **environment = current();
    size_t count = 0;
    for (size_t i = 0; environment && environment[i]; i++) {
        const char *preload = value_of(environment[i], PRELOAD_VARIABLE);
        if (value_of(environment[i], CAIRN_SESSION_VARIABLE)) {
            continue;
        }
        /* What is left of the list is no longer than it was: it fits in place. */
        if (preload && !write_preload(preload, false, environment[i])) {
            continue;
        }
        environment[count++] = environment[i];
    }
    if (environment) {
        environment[count] = NULL;
    }
}
