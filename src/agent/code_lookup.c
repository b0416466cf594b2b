#include "agent/code_lookup.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "agent/memory.h"

/* Where program headers must lie to be read through a module's first page. */
#define FIRST_PAGE_BYTES 4096u

#ifdef DLFO_STRUCT_HAS_EH_DBASE
typedef int find_object_function(void *address, struct dl_find_object *found);
static _Atomic(find_object_function *) find_object;
#endif

void cairn_code_lookup_setup(void)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    find_object_function *found = NULL;
    *(void **)&found = dlsym(RTLD_DEFAULT, "_dl_find_object");
    if (!found) {
        dlerror(); /* the target must not find our error */
    }
    atomic_store_explicit(&find_object, found, memory_order_release);
#endif
}

/* Notes readable segments and the unwind table of a module; `false` where none of them holds `address`. */
static bool read_program_headers(const ElfW(Phdr) * headers, size_t count, uintptr_t bias, uintptr_t address,
                                 struct cairn_code_module *module)
{
    bool holds = false;
    module->eh_frame_hdr = 0;
    module->segment_count = 0;
    for (size_t i = 0; i < count; i++) {
        const uintptr_t low = bias + headers[i].p_vaddr;
        if (headers[i].p_type == PT_GNU_EH_FRAME) {
            module->eh_frame_hdr = low;
        }
        if (headers[i].p_type != PT_LOAD) {
            continue;
        }
        holds |= address - low < headers[i].p_memsz;
        if ((headers[i].p_flags & PF_R) && module->segment_count < CAIRN_CODE_SEGMENTS) {
            module->segments[module->segment_count++] = (struct cairn_code_segment){
                .low = low,
                .high = low + headers[i].p_filesz,
                .executable = headers[i].p_flags & PF_X,
            };
        }
    }
    return holds;
}

struct search {
    uintptr_t address;
    struct cairn_code_module *module;
};

_Atomic bool cairn_code_hides;

/* A program may have made a module's first page unreadable, or taken it away. */
static bool is_hidden(uintptr_t headers)
{
    if (cairn_memory_is_readable((const uintptr_t *)headers)) {
        return false;
    }
    atomic_store_explicit(&cairn_code_hides, true, memory_order_relaxed);
    return true;
}

static int visit_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    const struct search *search = data;
    return !is_hidden((uintptr_t)info->dlpi_phdr) &&
           read_program_headers(info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr, search->address,
                                search->module);
}

#ifdef DLFO_STRUCT_HAS_EH_DBASE
/* The program headers stand behind the ELF header in the first page, unless a tool moved them (patchelf does). */
static bool read_first_page(uintptr_t map_start, uintptr_t address, struct cairn_code_module *module)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)map_start;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phentsize != sizeof(ElfW(Phdr)) ||
        header->e_phoff > FIRST_PAGE_BYTES ||
        header->e_phnum > (FIRST_PAGE_BYTES - header->e_phoff) / sizeof(ElfW(Phdr))) {
        return false;
    }
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(map_start + header->e_phoff);
    for (size_t i = 0; i < header->e_phnum; i++) {
        if (headers[i].p_type == PT_LOAD) {
            const uintptr_t bias = map_start - (headers[i].p_vaddr & ~(uintptr_t)(FIRST_PAGE_BYTES - 1));
            return read_program_headers(headers, header->e_phnum, bias, address, module);
        }
    }
    return false;
}
#endif

bool cairn_code_find(uintptr_t address, struct cairn_code_module *module)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    find_object_function *find = atomic_load_explicit(&find_object, memory_order_acquire);
    if (find != NULL) {
        struct dl_find_object found;
        if (find((void *)address, &found) != 0) {
            return false;
        }
        if (is_hidden((uintptr_t)found.dlfo_map_start)) {
            return false;
        }
        if (read_first_page((uintptr_t)found.dlfo_map_start, address, module)) {
            return true;
        }
    }
#endif
    struct search search = {.address = address, .module = module};
    return dl_iterate_phdr(visit_module, &search) != 0;
}

const struct cairn_code_segment *cairn_code_segment_of(const struct cairn_code_module *module,
                                                       uintptr_t address, uintptr_t bytes)
{
    for (uint32_t i = 0; i < module->segment_count; i++) {
        const struct cairn_code_segment *segment = &module->segments[i];
        if (address >= segment->low && address < segment->high && segment->high - address >= bytes) {
            return segment;
        }
    }
    return NULL;
}
