#include "cli/symbols_note.h"

#include <string.h>

#include "cli/answer.h"

static bool is_file(const struct cairn_module *module)
{
    return module->path[0] == '/';
}

/* The recorder's own library, which no user builds anew. */
static bool is_own(const struct cairn_module *module)
{
    return strcmp(cairn_base_name(module->path), "libcairn.so") == 0;
}

static bool begins(const char *text, const char *lead)
{
    return strncmp(text, lead, strlen(lead)) == 0;
}

bool cairn_module_lacks_symbols(const struct cairn_module *module)
{
    return module->symbols != NULL && is_file(module) && !begins(module->symbols, "debug") && !is_own(module);
}

bool cairn_module_note(const struct cairn_module *module, struct cairn_buffer *sentence)
{
    if (!cairn_module_lacks_symbols(module)) {
        return false;
    }
    const char *name = cairn_base_name(module->path);
    const char *lacking = begins(module->symbols, "none")     ? "names"
                          : begins(module->symbols, "dynsym") ? "lines, and few names"
                                                              : "line numbers";
    const char *why = strstr(module->symbols, ": ");
    if (why != NULL && strchr(why, ';') != NULL) {
        cairn_buffer_format(sentence, "%s has no %s%s", name, lacking, why);
        return true;
    }
    const bool of_system = begins(module->path, "/usr/") || begins(module->path, "/lib");
    if (begins(name, "libc.so") || begins(name, "ld-linux")) {
        cairn_buffer_format(sentence, "%s has no %s: install libc6-dbg and record again", name, lacking);
    } else if (of_system) {
        cairn_buffer_format(
            sentence,
            "%s has no %s: install its debug symbols (find-dbgsym-packages %s names the package) and "
            "record again",
            name, lacking, module->path);
    } else {
        cairn_buffer_format(sentence, "%s has no %s: build it with -g, unstripped, and record again", name,
                            lacking);
    }
    return true;
}
