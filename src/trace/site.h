/* The site rule: which frame of a stack an allocation is charged to.
 *
 * The innermost frame that is not an allocator, a wrapper or the run-time's (CLI.md, "Selecting"). The list is the
 * data file site_rules.txt, compiled in; users add expressions (--skip) or switch it off (--no-skip). The collector
 * applies the built-in rule once (account.site), readers apply others. */
#ifndef CAIRN_TRACE_SITE_H
#define CAIRN_TRACE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "trace/rows.h"

struct cairn_site_rule;

/* `extra` are POSIX extended regular expressions on function names, `extra_count` of them; `builtin` false leaves the
 * compiled-in list out. A bad expression is CAIRN_E_USAGE and named. */
CAIRN_MUST_CHECK enum cairn_status cairn_site_rule_new(bool builtin, const char *const *extra,
                                                       size_t extra_count, struct cairn_site_rule **rule,
                                                       struct cairn_error *error);
void cairn_site_rule_free(struct cairn_site_rule *rule);
/* A number made from the options above: rules that decide alike have the same, so results can be cached by it. */
uint64_t cairn_site_rule_id(const struct cairn_site_rule *rule);

/* Whether a frame of this function is passed over. `function` may be NULL (unknown names are never skipped, but in
 * modules that are allocators: libc's malloc, libstdc++'s operator new, ld.so). `module_path` may be NULL. The
 * verdict depends on its arguments only, so callers cache it by function. */
bool cairn_site_rule_skips(const struct cairn_site_rule *rule, const char *function, const char *module_path,
                           enum cairn_lang lang);

/* One frame as the decision sees it. */
struct cairn_site_candidate {
    bool skipped; /* cairn_site_rule_skips */
    enum cairn_lang lang;
    bool interpreter; /* native frame of the Python interpreter itself (its executable or libpython) */
};

/* Index of the frame charged, innermost first, among `count` frames; when all are skipped, the outermost of the
 * innermost run, that is index 0. `prefer_python`: --lang python. */
size_t cairn_site_rule_choose(const struct cairn_site_candidate *frames, size_t count, bool prefer_python);

#endif
