/* Functions, inlined functions and lines at an address, from DWARF by libdw.
 *
 * libdw's own dwarf_getscopes() walks a whole compile unit for every address, which takes milliseconds in an
 * amalgamation; here only the function that holds the address is entered (symbol_functions.c). */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/dwarf_room.h"
#include "collector/symbol_file.h"
#include "collector/table.h"

/* Nesting of inlined calls that is followed; deeper ones end the answer. */
#define NESTING_MAX 64
#define CHAIN_MAX   64
/* More than the header of a unit takes. */
#define HEADER_MAX_BYTES 64

/* The way to an address inside one function: the function, then what was inlined, outermost first. */
struct inline_chain {
    Dwarf_Die dies[CHAIN_MAX];
    size_t count;
};

/* --- Compile units --- */

static int compare_ranges(const void *left, const void *right)
{
    const struct cairn_unit_range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

/* False when memory ran out. */
static bool add_ranges(struct cairn_symbol_file *file, Dwarf_Die *unit)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    while ((at = dwarf_ranges(unit, at, &base, &low, &high)) > 0) {
        struct cairn_unit_range *ranges =
            cairn_grown(file->ranges, &file->range_capacity, file->range_count, sizeof *ranges);
        if (!ranges) {
            return false;
        }
        file->ranges = ranges;
        ranges[file->range_count] =
            (struct cairn_unit_range){.low = low, .high = high, .unit = dwarf_dieoffset(unit)};
        file->range_count += low < high;
    }
    return true;
}

/* Clang leaves .debug_aranges out: ask every unit for its ranges, once. */
static void load_ranges(struct cairn_symbol_file *file)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    file->ranges_loaded = true;
    while (dwarf_get_units(file->dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        if (!add_ranges(file, &die)) {
            return;
        }
    }
    if (file->range_count > 1) {
        qsort(file->ranges, file->range_count, sizeof *file->ranges, compare_ranges);
    }
}

/* Goes on to the next unit in the head; false at its end. */
static bool add_head_unit(struct cairn_symbol_file *file)
{
    Dwarf_Off next;
    size_t header_bytes;
    Dwarf_Die die;
    if (file->head_offset + HEADER_MAX_BYTES > file->image.info_bytes ||
        dwarf_next_unit(file->dwarf, file->head_offset, &next, &header_bytes, NULL, NULL, NULL, NULL, NULL,
                        NULL) != 0 ||
        next > file->image.info_bytes) {
        return false;
    }
    const Dwarf_Off offset = file->head_offset + header_bytes;
    file->head_offset = next;
    return dwarf_offdie(file->dwarf, offset, &die) && add_ranges(file, &die);
}

/* Unit by unit: .debug_aranges, which would tell at once, is checked against all of them by libdw. */
static bool find_head_unit(struct cairn_symbol_file *file, uint64_t address, Dwarf_Die *unit)
{
    size_t at = 0;
    do {
        for (; at < file->range_count; at++) {
            const struct cairn_unit_range *range = &file->ranges[at];
            if (range->low <= address && address < range->high) {
                return dwarf_offdie(file->dwarf, range->unit, unit) != NULL;
            }
        }
    } while (add_head_unit(file));
    return false;
}

static bool find_unit(struct cairn_symbol_file *file, uint64_t address, Dwarf_Die *unit)
{
    if (cairn_symbol_file_has_more(file)) {
        if (find_head_unit(file, address, unit)) {
            return true;
        }
        if (!cairn_symbol_file_finish(file)) {
            return false;
        }
    }
    if (dwarf_addrdie(file->dwarf, address, unit)) {
        return true;
    }
    if (!file->ranges_loaded) {
        load_ranges(file);
    }
    size_t low = 0, high = file->range_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (file->ranges[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < file->ranges[low - 1].high &&
           dwarf_offdie(file->dwarf, file->ranges[low - 1].unit, unit) != NULL;
}

/* --- Functions --- */

/* Appends what was inlined at the address below `parent`, outermost first. */
static void find_inlined(Dwarf_Die *parent, uint64_t address, int depth, struct inline_chain *chain)
{
    Dwarf_Die die;
    if (depth > NESTING_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        const int tag = dwarf_tag(&die);
        if (tag != DW_TAG_lexical_block && tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) {
            continue;
        }
        if (dwarf_haspc(&die, address) != 1) {
            continue;
        }
        if (tag != DW_TAG_lexical_block && chain->count < CHAIN_MAX) {
            chain->dies[chain->count++] = die;
        }
        find_inlined(&die, address, depth + 1, chain);
        return;
    } while (dwarf_siblingof(&die, &die) == 0);
}

/* --- Texts --- */

static const char *keep(char *area, size_t area_size, size_t *used, const char *text)
{
    const size_t length = strlen(text) + 1;
    if (length > area_size - *used) {
        return NULL;
    }
    char *copy = memcpy(area + *used, text, length);
    *used += length;
    return copy;
}

void cairn_symbol_set_name(struct cairn_symbol *row, const char *linkage,
                           struct cairn_symbol_scratch *scratch)
{
    char *out = scratch->names + scratch->names_used;
    const size_t room = sizeof scratch->names - scratch->names_used;
    if (room < 64) {
        row->function = linkage;
        return;
    }
    cairn_demangle(linkage, out, room);
    scratch->names_used += strlen(out) + 1;
    row->function = out;
    row->linkage_name = strcmp(out, linkage) != 0 ? linkage : NULL;
}

static const char *string_attribute(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute value;
    return dwarf_formstring(dwarf_attr_integrate(die, attribute, &value));
}

static void set_function(struct cairn_symbol *row, Dwarf_Die *die, struct cairn_symbol_scratch *scratch)
{
    const char *linkage = string_attribute(die, DW_AT_linkage_name);
    if (!linkage) {
        linkage = string_attribute(die, DW_AT_MIPS_linkage_name);
    }
    const char *name = dwarf_diename(die);
    if (linkage) {
        cairn_symbol_set_name(row, linkage, scratch);
    } else {
        row->function = name;
    }
}

/* Joins, and folds "." and "name/.." parts, so that one file has one name. */
static const char *absolute_path(const char *folder, const char *path, struct cairn_symbol_scratch *scratch)
{
    char joined[4096];
    if (path[0] == '/' || !folder) {
        snprintf(joined, sizeof joined, "%s", path);
    } else {
        snprintf(joined, sizeof joined, "%s/%s", folder, path);
    }
    if (joined[0] != '/') {
        return keep(scratch->files, sizeof scratch->files, &scratch->files_used, joined);
    }
    char clean[4096] = "";
    size_t used = 0;
    char *rest = joined;
    for (char *part = strsep(&rest, "/"); part; part = strsep(&rest, "/")) {
        if (part[0] == '\0' || strcmp(part, ".") == 0) {
            continue;
        }
        if (strcmp(part, "..") == 0) {
            while (used > 0 && clean[--used] != '/') {
            }
            clean[used] = '\0';
            continue;
        }
        const int added = snprintf(clean + used, sizeof clean - used, "/%s", part);
        used += (size_t)added;
    }
    return keep(scratch->files, sizeof scratch->files, &scratch->files_used, clean);
}

/* --- Lines --- */

static const char *unit_folder(Dwarf_Die *unit)
{
    Dwarf_Attribute value;
    return dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &value));
}

static void set_own_line(struct cairn_symbol *row, Dwarf_Die *unit, uint64_t address,
                         struct cairn_symbol_scratch *scratch)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    const char *path = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    int number = 0;
    if (!path) {
        return;
    }
    (void)dwarf_lineno(line, &number);
    row->file = absolute_path(unit_folder(unit), path, scratch);
    row->line = number;
}

/* The line of the call that was inlined as `inlined`: it belongs to the function around it. */
static void set_call_line(struct cairn_symbol *row, Dwarf_Die *unit, Dwarf_Die *inlined,
                          struct cairn_symbol_scratch *scratch)
{
    Dwarf_Attribute value;
    Dwarf_Word number;
    Dwarf_Files *files;
    size_t count;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &value), &number) == 0) {
        row->line = (int64_t)number;
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &value), &number) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && number < count) {
        const char *path = dwarf_filesrc(files, (size_t)number, NULL, NULL);
        row->file = path ? absolute_path(unit_folder(unit), path, scratch) : NULL;
    }
}

static size_t resolve(struct cairn_symbol_file *file, uint64_t address, struct cairn_symbol_scratch *scratch,
                      struct cairn_symbol *rows, size_t capacity)
{
    Dwarf_Die unit;
    struct inline_chain chain = {.count = 0};
    if (capacity == 0 || !cairn_symbol_file_dwarf(file) || !find_unit(file, address, &unit)) {
        return 0;
    }
    if (!cairn_symbol_function_at(file, &unit, address, &chain.dies[0])) {
        return 0;
    }
    chain.count = 1;
    find_inlined(&chain.dies[0], address, 0, &chain);

    size_t count = 0;
    for (size_t i = chain.count; i-- > 0 && count < capacity; count++) {
        struct cairn_symbol *row = &rows[count];
        *row = (struct cairn_symbol){.inlined = dwarf_tag(&chain.dies[i]) == DW_TAG_inlined_subroutine};
        set_function(row, &chain.dies[i], scratch);
        if (i + 1 == chain.count) {
            set_own_line(row, &unit, address, scratch);
        } else {
            set_call_line(row, &unit, &chain.dies[i + 1], scratch);
        }
    }
    return count;
}

static bool all_have_names(const struct cairn_symbol *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].function) {
            return false;
        }
    }
    return true;
}

static size_t resolve_with_more(struct cairn_symbol_file *file, uint64_t address,
                                struct cairn_symbol_scratch *scratch, struct cairn_symbol *rows,
                                size_t capacity)
{
    const size_t count = resolve(file, address, scratch, rows, capacity);
    /* A unit may take names from another one (link-time optimisation), behind the head. */
    if (all_have_names(rows, count) || !cairn_symbol_file_has_more(file)) {
        return count;
    }
    scratch->names_used = scratch->files_used = 0;
    return cairn_symbol_file_finish(file) ? resolve(file, address, scratch, rows, capacity) : 0;
}

size_t cairn_symbol_dwarf_resolve(struct cairn_symbol_file *file, uint64_t address,
                                  struct cairn_symbol_scratch *scratch, struct cairn_symbol *rows,
                                  size_t capacity)
{
    jmp_buf lack;
    if (!file->has_dwarf) {
        return 0;
    }
    if (!cairn_dwarf_room() || setjmp(lack) != 0) {
        cairn_dwarf_room_lack(NULL);
        cairn_symbol_file_give_up(file);
        scratch->names_used = scratch->files_used = 0;
        return 0;
    }
    cairn_dwarf_room_lack(&lack);
    const size_t count = resolve_with_more(file, address, scratch, rows, capacity);
    cairn_dwarf_room_lack(NULL);
    return count;
}
