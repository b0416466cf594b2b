#include "agent/python/library.h"

#include <dlfcn.h>
#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "agent/memory.h"

/* DT_GNU_HASH: four words, a bloom filter of 64-bit words, buckets, chains. */
struct hash_head {
    uint32_t buckets, first_symbol, bloom_words, bloom_shift;
};

#define CHAIN_END 1u

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (const uint8_t *at = (const uint8_t *)name; *at; at++) {
        hash = hash * 33 + *at;
    }
    return hash;
}

static void *find_symbol(const struct cairn_library *library, const char *name)
{
    struct hash_head head;
    memcpy(&head, library->hash, sizeof head);
    const size_t bloom_words = (size_t)head.bloom_words * 2;
    const uint32_t *buckets = library->hash + sizeof head / sizeof(uint32_t) + bloom_words;
    const uint32_t *chains = buckets + head.buckets;
    const uint32_t hash = hash_of(name);
    uint32_t index = head.buckets ? buckets[hash % head.buckets] : 0;
    for (; index >= head.first_symbol; index++) {
        const uint32_t link = chains[index - head.first_symbol];
        const ElfW(Sym) *symbol = &library->symbols[index];
        if ((link | CHAIN_END) == (hash | CHAIN_END) && symbol->st_shndx != SHN_UNDEF &&
            strcmp(library->names + symbol->st_name, name) == 0) {
            return (void *)(library->bias + symbol->st_value);
        }
        if (link & CHAIN_END) {
            break;
        }
    }
    return NULL;
}

static bool read_library(const struct dl_phdr_info *info, struct cairn_library *library)
{
    const ElfW(Dyn) *dynamic = NULL;
    *library = (struct cairn_library){.bias = info->dlpi_addr};
    if (!cairn_memory_is_readable((const uintptr_t *)(const void *)info->dlpi_phdr)) {
        return false; /* it hides its headers */
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        }
    }
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        const uintptr_t address = dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB) {
            library->symbols = (const ElfW(Sym) *)address;
        } else if (dynamic->d_tag == DT_STRTAB) {
            library->names = (const char *)address;
        } else if (dynamic->d_tag == DT_GNU_HASH) {
            library->hash = (const uint32_t *)address;
        }
    }
    /* The loader has made these addresses absolute, but for objects that it only knows of (the vdso). */
    return library->symbols && library->names && library->hash &&
           (uintptr_t)library->symbols > info->dlpi_addr;
}

struct search {
    const char *prefix, *symbol;
    struct cairn_library *found;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *state)
{
    struct search *search = state;
    struct cairn_library library;
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *name = slash ? slash + 1 : info->dlpi_name;
    (void)size;
    if (strncmp(name, search->prefix, strlen(search->prefix)) != 0 || !read_library(info, &library) ||
        !find_symbol(&library, search->symbol)) {
        return 0;
    }
    *search->found = library;
    return 1;
}

bool cairn_library_find(struct cairn_library *library, const char *prefix, const char *symbol)
{
    struct search search = {.prefix = prefix, .symbol = symbol, .found = library};
    return dl_iterate_phdr(look_at, &search) != 0;
}

void *cairn_library_symbol(const struct cairn_library *library, const char *name)
{
    void *found = find_symbol(library, name);
    return found && library->in_sight ? dlsym(RTLD_DEFAULT, name) : found;
}

size_t cairn_library_list(const struct cairn_library *library, struct cairn_library_function *list,
                          size_t most)
{
    struct hash_head head;
    memcpy(&head, library->hash, sizeof head);
    const uint32_t *buckets = library->hash + sizeof head / sizeof(uint32_t) + (size_t)head.bloom_words * 2;
    const uint32_t *chains = buckets + head.buckets;
    size_t count = 0;
    for (uint32_t i = 0; i < head.buckets; i++) {
        for (uint32_t index = buckets[i]; index >= head.first_symbol; index++) {
            const ElfW(Sym) *symbol = &library->symbols[index];
            if (symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && count < most) {
                list[count++] =
                    (struct cairn_library_function){.name = library->names + symbol->st_name,
                                                    .address = (void *)(library->bias + symbol->st_value)};
            }
            if (chains[index - head.first_symbol] & CHAIN_END) {
                break;
            }
        }
    }
    return count;
}
