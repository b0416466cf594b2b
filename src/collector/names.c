#include "collector/names.h"

#include <stdlib.h>
#include <string.h>

static uint64_t text_hash(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (; *text; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
    }
    return hash;
}

void cairn_names_release(struct cairn_names *names)
{
    cairn_arena_release(&names->texts);
    cairn_table_release(&names->function_table);
    cairn_table_release(&names->file_table);
    free(names->functions);
    free(names->files);
    *names = (struct cairn_names){.functions = NULL};
}

uint32_t cairn_names_function(struct cairn_names *names, const char *name, const char *linkage_name, int lang,
                              bool *added)
{
    *added = false;
    if (!name || !cairn_table_reserve(&names->function_table)) {
        return 0;
    }
    const char *linkage = linkage_name ? linkage_name : "";
    const uint64_t hash = cairn_table_hash(text_hash(name), text_hash(linkage) + (uint64_t)lang);
    size_t cell;
    for (uint32_t at = cairn_table_first(&names->function_table, hash, &cell); at;
         at = cairn_table_next(&names->function_table, hash, &cell)) {
        const struct cairn_known_function *known = &names->functions[at - 1];
        if (known->lang == lang && strcmp(known->name, name) == 0 &&
            strcmp(known->linkage_name, linkage) == 0) {
            return at;
        }
    }
    struct cairn_known_function *functions =
        cairn_grown(names->functions, &names->function_capacity, names->function_count, sizeof *functions);
    const char *own_name = cairn_arena_copy(&names->texts, name, strlen(name));
    const char *own_linkage = cairn_arena_copy(&names->texts, linkage, strlen(linkage));
    if (functions) {
        names->functions = functions;
    }
    if (!functions || !own_name || !own_linkage) {
        return 0;
    }
    functions[names->function_count++] =
        (struct cairn_known_function){.name = own_name, .linkage_name = own_linkage, .lang = lang};
    cairn_table_add(&names->function_table, hash, cell, (uint32_t)names->function_count);
    *added = true;
    return (uint32_t)names->function_count;
}

uint32_t cairn_names_file(struct cairn_names *names, const char *path, bool *added)
{
    *added = false;
    if (!path || !cairn_table_reserve(&names->file_table)) {
        return 0;
    }
    const uint64_t hash = cairn_table_hash(text_hash(path), 0);
    size_t cell;
    for (uint32_t at = cairn_table_first(&names->file_table, hash, &cell); at;
         at = cairn_table_next(&names->file_table, hash, &cell)) {
        if (strcmp(names->files[at - 1], path) == 0) {
            return at;
        }
    }
    const char **files = cairn_grown(names->files, &names->file_capacity, names->file_count, sizeof *files);
    const char *own = cairn_arena_copy(&names->texts, path, strlen(path));
    if (files) {
        names->files = files;
    }
    if (!files || !own) {
        return 0;
    }
    files[names->file_count++] = own;
    cairn_table_add(&names->file_table, hash, cell, (uint32_t)names->file_count);
    *added = true;
    return (uint32_t)names->file_count;
}
