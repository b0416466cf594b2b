/* operator new and delete of an allocator that brings its own (jemalloc, tcmalloc, mimalloc): they do not pass through
 * malloc, as the C++ library's do. Exporting operators of ours is no way: libraries of a C program that are loaded out of
 * sight (RTLD_LOCAL, as Python does) would meet them before their own C++ library's. Instead, and only with such an
 * allocator, the slots by which modules call its operators are pointed to ours. */
#ifndef CAIRN_AGENT_OPERATORS_H
#define CAIRN_AGENT_OPERATORS_H

/* Once, when the allocator is known (real.h): finds its operators, and binds. */
void cairn_operators_take_over(void);
/* Again, when a module was loaded. Does nothing where nothing was taken over. */
void cairn_operators_bind(void);
/* The allocator's operator of that name, NULL where it was not taken over. */
void *cairn_operators_real(const char *name);

#endif
