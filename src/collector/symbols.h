/* From (module, address) to function, file, line and inlined frames, with elfutils; demangled with libiberty.
 *
 * Works on files, not on the process: the module's path, checked by build-id, then its separate debug file
 * (/usr/lib/debug/.build-id, .gnu_debuglink). Used by one thread; slow (milliseconds a module, microseconds an address),
 * so it runs beside the merge and never in it. */
#ifndef CAIRN_COLLECTOR_SYMBOLS_H
#define CAIRN_COLLECTOR_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cairn_symbols;
struct cairn_symbol_module;

CAIRN_MUST_CHECK enum cairn_status cairn_symbols_new(struct cairn_symbols **symbols,
                                                     struct cairn_error *error);
/* Of debug information that is packed, only the first `head_bytes` are unpacked until something behind them is asked for: half of
 * the time where nothing is, a quarter more where something is. For modules that are opened from now on. */
void cairn_symbols_expect_few(struct cairn_symbols *symbols, size_t head_bytes);
void cairn_symbols_free(struct cairn_symbols *symbols);

/* The module at `path`, opened on first use and kept (bounded: least recently used ones are closed and opened again).
 * `build_id` is what the running program had (hexadecimal, NULL: unknown): a file that differs is not used. A module
 * without a file answers "no name", pseudo paths ("[vdso]", "linux-vdso.so.1") too. NULL only when memory ran out. */
struct cairn_symbol_module *cairn_symbols_module(struct cairn_symbols *symbols, const char *path,
                                                 const char *build_id);

/* 'debug', 'symtab', 'dynsym', or 'none: why; mend' for table module.symbols. Borrowed until symbols_free. */
const char *cairn_symbol_module_state(const struct cairn_symbol_module *module);

/* One function at a place; texts are borrowed until the next resolve; NULL when unknown. */
struct cairn_symbol {
    const char *function;     /* demangled (C++, Rust, D) */
    const char *linkage_name; /* as in the file, where it differs; else NULL */
    const char *file;         /* absolute where the debug information has the folder */
    int64_t line;             /* 0: unknown */
    bool inlined;             /* inlined into the next one */
};

/* Functions at `offset` (the address as in the file, as addr2line takes it), innermost inlined one first, into `rows`
 * (room for `capacity`); returns how many, at least 1 unless capacity is 0 (function NULL when nothing is known).
 * `offset` lies inside the call instruction (return address − 1). */
size_t cairn_symbol_module_resolve(struct cairn_symbol_module *module, uint64_t offset,
                                   struct cairn_symbol *rows, size_t capacity);

/* Demangles into `out`; the name itself when it is no mangled one. Returns `out`. */
char *cairn_demangle(const char *name, char *out, size_t out_size);

/* Lines of a source file, counted from 1, both ends included. */
struct cairn_line_range {
    int64_t first, last;
};

/* The lines of a source file on this machine that are in `ranges` (in order, apart from each other), for excerpts: calls `visit` for
 * each, its text not terminated. Regular files up to 8 MiB only; false when it cannot be read. */
bool cairn_source_lines(const char *path, const struct cairn_line_range *ranges, size_t range_count,
                        void (*visit)(void *state, int64_t line, const char *text, size_t length),
                        void *state);

#endif
