#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbol_file.h"

/* A function without a size reaches to the next one, but not further than this. */
#define UNSIZED_MAX_BYTES (1u << 20)

static int compare_symbols(const void *left, const void *right)
{
    const struct cairn_elf_symbol *a = left, *b = right;
    if (a->address != b->address) {
        return a->address < b->address ? -1 : 1;
    }
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static Elf_Scn *find_section(Elf *elf, uint32_t type, GElf_Shdr *header)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        if (gelf_getshdr(section, header) && header->sh_type == type) {
            return section;
        }
    }
    return NULL;
}

static bool is_function(const GElf_Sym *symbol)
{
    const int type = GELF_ST_TYPE(symbol->st_info);
    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_value != 0;
}

static bool is_object(const GElf_Sym *symbol)
{
    return GELF_ST_TYPE(symbol->st_info) == STT_OBJECT && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_value != 0 && symbol->st_size != 0;
}

static uint8_t rank_of(const GElf_Sym *symbol, const char *name)
{
    const int bind = GELF_ST_BIND(symbol->st_info);
    const uint8_t rank = bind == STB_GLOBAL ? 0 : bind == STB_WEAK ? 1 : 2;
    /* Of aliases (malloc, __libc_malloc) people know the one without underscores. */
    return (uint8_t)(rank * 2 + (name[0] == '_' && name[1] == '_'));
}

static void load(struct cairn_symbol_table *table, Elf *elf, bool (*wanted)(const GElf_Sym *symbol),
                 bool *dynamic)
{
    GElf_Shdr header;
    *table = (struct cairn_symbol_table){.symbols = NULL};
    Elf_Scn *section = find_section(elf, SHT_SYMTAB, &header);
    *dynamic = section == NULL;
    if (!section) {
        section = find_section(elf, SHT_DYNSYM, &header);
    }
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    if (!data || header.sh_entsize == 0) {
        return;
    }
    const size_t total = data->d_size / header.sh_entsize;
    struct cairn_elf_symbol *symbols = calloc(total ? total : 1, sizeof *symbols);
    if (!symbols) {
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol) || !wanted(&symbol)) {
            continue;
        }
        const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
        if (name && name[0]) {
            symbols[count++] = (struct cairn_elf_symbol){.address = symbol.st_value,
                                                         .size = symbol.st_size,
                                                         .name = name,
                                                         .rank = rank_of(&symbol, name)};
        }
    }
    qsort(symbols, count, sizeof *symbols, compare_symbols);
    table->symbols = symbols;
    table->count = count;
}

void cairn_symbol_table_load(struct cairn_symbol_table *table, Elf *elf, bool *dynamic)
{
    load(table, elf, is_function, dynamic);
}

void cairn_symbol_table_load_objects(struct cairn_symbol_table *table, Elf *elf)
{
    bool dynamic;
    load(table, elf, is_object, &dynamic);
}

void cairn_symbol_table_release(struct cairn_symbol_table *table)
{
    free(table->symbols);
    *table = (struct cairn_symbol_table){.symbols = NULL};
}

const struct cairn_elf_symbol *cairn_symbol_table_at(const struct cairn_symbol_table *table, uint64_t address)
{
    size_t low = 0, high = table->count; /* symbols[low − 1].address <= address < symbols[high].address */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (table->symbols[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    /* The first of several at that address has the best rank. */
    size_t found = low - 1;
    while (found > 0 && table->symbols[found - 1].address == table->symbols[found].address) {
        found--;
    }
    const struct cairn_elf_symbol *symbol = &table->symbols[found];
    const uint64_t limit = symbol->size ? symbol->size : UNSIZED_MAX_BYTES;
    return address - symbol->address < limit ? symbol : NULL;
}

const char *cairn_symbol_table_find(const struct cairn_symbol_table *table, uint64_t address)
{
    const struct cairn_elf_symbol *symbol = cairn_symbol_table_at(table, address);
    return symbol ? symbol->name : NULL;
}
