/* Memory of the agent's own: whole pages straight from the kernel, never the target's heap and never recorded. */
#ifndef CAIRN_AGENT_MEMORY_H
#define CAIRN_AGENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed pages, or NULL. They are this process's own: a forked child gets a copy. */
void *cairn_memory_map(size_t bytes);
/* The same, but a forked child finds them zeroed (MADV_WIPEONFORK), however it was forked. NULL where the kernel cannot. */
void *cairn_memory_map_wiped(size_t bytes);
/* Zeroes it again, and gives its pages back. */
void cairn_memory_wipe(void *memory, size_t bytes);
/* Shared memory of `fd`, left out of core dumps; over what is mapped at `where`, or anywhere (NULL). NULL when it cannot
 * be mapped. */
void *cairn_memory_map_shared(int fd, size_t bytes, void *where);
/* What is mapped there becomes zeroed memory of this process's own. */
void cairn_memory_replace(void *memory, size_t bytes);
/* Tolerates NULL. */
void cairn_memory_unmap(void *memory, size_t bytes);

/* In a still image: gives up everything that the first two made, this process's records with it. */
void cairn_memory_give_up(void);

/* Whether a word can be read there. Asks the kernel, in a way that every program's sandbox allows but seccomp's strict mode: from
 * cairn_memory_ask_no_more() on it is taken for granted. */
bool cairn_memory_is_readable(const uintptr_t *word);
void cairn_memory_ask_no_more(void);

/* The same of a list of texts as exec takes it, up to its NULL: of the list, and of where each text begins. NULL is an empty one. */
bool cairn_memory_texts_are_readable(char *const *list);

#endif
