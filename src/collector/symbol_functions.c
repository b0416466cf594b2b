/* Which function of a compile unit holds an address. A unit's functions are listed once, when the first address in it is
 * asked for: a unit of an interpreter that was optimised as a whole has thousands, and hundreds of addresses in it. */
#include <dwarf.h>
#include <stdlib.h>

#include "collector/symbol_file.h"
#include "collector/table.h"

#define NESTING_MAX 64 /* of namespaces and classes that is followed */

struct function_range {
    uint64_t low, high;
    Dwarf_Off die;
};

/* Sorted by `low`, and by `die` where that is the same. */
struct cairn_unit_functions {
    Dwarf_Off unit;
    struct function_range *ranges;
    size_t count, capacity;
    bool failed;
};

static void list_function(struct cairn_unit_functions *functions, Dwarf_Die *die)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    while (!functions->failed && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
        struct function_range *ranges =
            cairn_grown(functions->ranges, &functions->capacity, functions->count, sizeof *ranges);
        if (!ranges) {
            functions->failed = true;
        } else {
            functions->ranges = ranges;
            ranges[functions->count] =
                (struct function_range){.low = low, .high = high, .die = dwarf_dieoffset(die)};
            functions->count += low < high;
        }
    }
}

static void list_functions(struct cairn_unit_functions *functions, Dwarf_Die *parent, int depth)
{
    Dwarf_Die die;
    if (depth > NESTING_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_subprogram:
            list_function(functions, &die);
            break;
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
            list_functions(functions, &die, depth + 1);
            break;
        default:
            break;
        }
    } while (!functions->failed && dwarf_siblingof(&die, &die) == 0);
}

static int compare_ranges(const void *left, const void *right)
{
    const struct function_range *a = left, *b = right;
    if (a->low != b->low) {
        return a->low < b->low ? -1 : 1;
    }
    return (a->die > b->die) - (a->die < b->die);
}

/* The list of that unit, made now when it is the first question; NULL when memory ran out. */
static const struct cairn_unit_functions *functions_of(struct cairn_symbol_file *file, Dwarf_Die *unit)
{
    const Dwarf_Off offset = dwarf_dieoffset(unit);
    size_t low = 0, high = file->unit_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (file->units[middle].unit < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < file->unit_count && file->units[low].unit == offset) {
        return &file->units[low];
    }
    struct cairn_unit_functions *units =
        cairn_grown(file->units, &file->unit_capacity, file->unit_count, sizeof *units);
    if (!units) {
        return NULL;
    }
    file->units = units;
    struct cairn_unit_functions made = {.unit = offset};
    list_functions(&made, unit, 0);
    if (made.failed) {
        free(made.ranges);
        return NULL;
    }
    if (made.count > 1) {
        qsort(made.ranges, made.count, sizeof *made.ranges, compare_ranges);
    }
    for (size_t i = file->unit_count++; i > low; i--) {
        units[i] = units[i - 1];
    }
    units[low] = made;
    return &units[low];
}

bool cairn_symbol_function_at(struct cairn_symbol_file *file, Dwarf_Die *unit, uint64_t address,
                              Dwarf_Die *function)
{
    const struct cairn_unit_functions *functions = functions_of(file, unit);
    size_t low = 0, high = functions ? functions->count : 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (functions->ranges[middle].low <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || address >= functions->ranges[low - 1].high) {
        return false;
    }
    /* Functions that were folded into one: the first of them. */
    for (low--; low > 0 && functions->ranges[low - 1].low == functions->ranges[low].low; low--) {
    }
    return dwarf_offdie(file->dwarf, functions->ranges[low].die, function) != NULL;
}

void cairn_symbol_functions_release(struct cairn_symbol_file *file)
{
    for (size_t i = 0; i < file->unit_count; i++) {
        free(file->units[i].ranges);
    }
    free(file->units);
    file->units = NULL;
    file->unit_count = file->unit_capacity = 0;
}
