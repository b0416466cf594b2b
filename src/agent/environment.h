/* The environment of this process and of those it starts: the two variables that make a program find its collector,
 * LD_PRELOAD and CAIRN_SESSION. Where children are recorded they are put back into an environment that lost them; where
 * they are not, they are taken out. Whatever else LD_PRELOAD names is kept. */
#ifndef CAIRN_AGENT_ENVIRONMENT_H
#define CAIRN_AGENT_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As getenv(), but ready before the C library is: then it reads the block the kernel made. Borrowed. */
const char *cairn_environment_get(const char *name);

/* Once, early: which file this library is. */
void cairn_environment_prepare(void);

/* How many bytes cairn_environment_change() needs for what `environment` has to become (NULL is an empty one); 0: it can be
 * passed on as it is. */
size_t cairn_environment_change_bytes(char *const *environment, bool follow);
/* Builds the changed one in `memory`, aligned for pointers; strings that stay are borrowed. */
char *const *cairn_environment_change(char *const *environment, bool follow, void *memory);

/* Whether it names this library among what is preloaded. */
bool cairn_environment_has_library(char *const *environment);
/* Why a program that this process starts with that environment could not be recorded, whatever program: an enum cairn_unrecorded,
 * or 0. */
uint32_t cairn_environment_unfit(char *const *environment);
/* Whether the loader will print what a program needs instead of running it, as ldd makes it do: with this library among that. */
bool cairn_environment_only_lists(char *const *environment);
/* Whether another recorder than this process's has set it up for a program of its own. */
bool cairn_environment_is_others(char *const *environment);

/* Takes both variables out of this process's own environment, in place. */
void cairn_environment_forget(void);

#endif
