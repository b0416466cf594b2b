#include "agent/modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "agent/event.h"
#include "agent/machine.h"
#include "agent/maps.h"
#include "agent/memory.h"
#include "agent/operators.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/python/interpreter.h"
#include "agent/real.h"
#include "agent/signals.h"
#include "agent/stack.h"

#define PAGE_BYTES       4096u
#define PATH_BYTES_MAX   4096u
#define BUILD_ID_MAX     64u
#define MODULE_WORDS     6u /* of the record, before its text */
#define MODULE_WORDS_MAX (MODULE_WORDS + (BUILD_ID_MAX + PATH_BYTES_MAX) / 8)
_Static_assert(MODULE_WORDS_MAX <= CAIRN_RECORD_MAX_WORDS, "one record holds it");

/* A module as the loader shows it now. Pointers are the loader's, valid while the module stays loaded. */
struct loaded {
    uintptr_t start, end, bias;
    uintptr_t identity; /* tells it from another one that was loaded at the same place later */
    const char *name;
    const ElfW(Phdr) * segments;
    size_t segment_count;
};

/* What was told, by start address: open addressing; only `identity` of a place changes once it is taken (0: gone). When the
 * table is full, a module is told each time it appears in a new node, which only costs bytes. */
#define PLACES 8192u
static struct place {
    _Atomic uintptr_t start, end, identity;
} told[PLACES];

static bool contains(const struct loaded *module, uintptr_t address)
{
    return address - module->start < module->end - module->start;
}

static void measure(struct loaded *module)
{
    module->start = UINTPTR_MAX;
    module->end = 0;
    for (size_t i = 0; i < module->segment_count; i++) {
        if (module->segments[i].p_type != PT_LOAD) {
            continue;
        }
        const uintptr_t low = (module->bias + module->segments[i].p_vaddr) & ~(uintptr_t)(PAGE_BYTES - 1);
        const uintptr_t high = module->bias + module->segments[i].p_vaddr + module->segments[i].p_memsz;
        module->start = low < module->start ? low : module->start;
        module->end = high > module->end ? high : module->end;
    }
    module->end = (module->end + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
}

static struct loaded describe(const struct dl_phdr_info *info)
{
    struct loaded module = {.bias = info->dlpi_addr,
                            .identity = (uintptr_t)info->dlpi_phdr ^ (uintptr_t)info->dlpi_name,
                            .name = info->dlpi_name,
                            .segments = info->dlpi_phdr,
                            .segment_count = info->dlpi_phnum};
    measure(&module);
    return module;
}

struct search {
    uintptr_t address;
    struct loaded *found;
};

static int visit_for_address(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    const struct search *search = data;
    const struct loaded module = describe(info);
    if (!contains(&module, search->address)) {
        return 0;
    }
    *search->found = module;
    return 1;
}

static bool find_loaded(uintptr_t address, struct loaded *module);

/* Where there are holes between its segments, the loader knows each for itself; the first begins where the module does. */
static uintptr_t first_page(const struct loaded *module)
{
    struct loaded first;
    return module->bias != 0 && find_loaded(module->bias, &first) && first.identity == module->identity
               ? module->bias
               : module->start;
}

/* The program headers stand behind the ELF header in the first page, unless a tool moved them. */
static bool read_headers(struct loaded *module)
{
    const uintptr_t start = first_page(module);
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)start;
    if (!cairn_memory_is_readable((const uintptr_t *)start) || /* a program may hide it */
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phentsize != sizeof(ElfW(Phdr)) ||
        header->e_phoff > PAGE_BYTES ||
        header->e_phnum > (PAGE_BYTES - header->e_phoff) / sizeof(ElfW(Phdr))) {
        return false;
    }
    module->segments = (const ElfW(Phdr) *)(start + header->e_phoff);
    module->segment_count = header->e_phnum;
    return true;
}

/* Which module holds `address`. Without the loader's lock where glibc is new enough (2.35). */
static bool find_loaded(uintptr_t address, struct loaded *module)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE
    if (cairn_real._dl_find_object) {
        struct dl_find_object found;
        if (cairn_real._dl_find_object((void *)address, &found) != 0) {
            return false;
        }
        module->start = (uintptr_t)found.dlfo_map_start;
        module->end = (uintptr_t)found.dlfo_map_end;
        module->bias = found.dlfo_link_map->l_addr;
        module->identity = (uintptr_t)found.dlfo_link_map ^ (uintptr_t)found.dlfo_link_map->l_name;
        module->name = found.dlfo_link_map->l_name;
        module->segment_count = 0;
        return true;
    }
#endif
    struct search search = {.address = address, .found = module};
    return dl_iterate_phdr(visit_for_address, &search) != 0;
}

static size_t read_build_id(const struct loaded *module, uint8_t *id)
{
    for (size_t i = 0; i < module->segment_count; i++) {
        const ElfW(Phdr) *segment = &module->segments[i];
        if (segment->p_type != PT_NOTE) {
            continue;
        }
        const uintptr_t align = segment->p_align == 8 ? 8 : 4;
        uintptr_t at = module->bias + segment->p_vaddr;
        const uintptr_t end = at + segment->p_memsz;
        if (at < module->start || end > module->end) {
            continue;
        }
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
            const uintptr_t name = at + sizeof *note;
            const uintptr_t text = name + ((note->n_namesz + align - 1) & ~(align - 1));
            const uintptr_t next = text + ((note->n_descsz + align - 1) & ~(align - 1));
            if (text < at || next < text || text + note->n_descsz > end) {
                break;
            }
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
                memcmp((const void *)name, "GNU", 4) == 0 && note->n_descsz <= BUILD_ID_MAX) {
                memcpy(id, (const void *)text, note->n_descsz);
                return note->n_descsz;
            }
            at = next;
        }
    }
    return 0;
}

/* Of the program itself, for which the loader has no path. Where the kernel started the loader, and no program that asks for one
 * (AT_BASE is 0), it is an argument of the loader's. */
static size_t write_program_path(const struct loaded *module, char *path)
{
    if (getauxval(AT_BASE) == 0) {
        return cairn_maps_file_at(module->start, path, PATH_BYTES_MAX);
    }
    const long length = cairn_syscall3(SYS_readlink, (long)"/proc/self/exe", (long)path, PATH_BYTES_MAX);
    return length > 0 ? (size_t)length : 0;
}

/* The file's absolute path, not terminated; the loader has a relative one where dlopen was given one. */
static size_t write_path(const struct loaded *module, char *path)
{
    if (!module->name || !module->name[0]) {
        return write_program_path(module, path);
    }
    size_t length = 0;
    path[0] = '\0';
    if (module->name[0] != '/' && strchr(module->name, '/')) {
        const long folder = cairn_syscall3(SYS_getcwd, (long)path, PATH_BYTES_MAX, 0);
        if (folder > 1 && path[0] == '/') {
            length = (size_t)folder;
            path[length - 1] = '/';
        }
    }
    size_t rest = strlen(module->name);
    rest = rest < PATH_BYTES_MAX - length ? rest : PATH_BYTES_MAX - length;
    memcpy(path + length, module->name, rest);
    return length + rest;
}

/* Straight into the ring, in room for the longest: where an event finds a new module the stack may be a small one. */
static void write_module(const struct loaded *module, struct cairn_ring_writer *writer)
{
    uint64_t *record = cairn_ring_writer_reserve(writer, MODULE_WORDS_MAX);
    if (!record) {
        return;
    }
    uint8_t *text = (uint8_t *)(record + MODULE_WORDS);
    const size_t id_bytes = read_build_id(module, text);
    const size_t bytes = id_bytes + write_path(module, (char *)text + id_bytes);
    memset(text + bytes, 0, (8 - bytes % 8) % 8);
    record[0] = cairn_record_word0(CAIRN_RECORD_MODULE, writer->last_stamp);
    record[1] = bytes | (uint64_t)CAIRN_TEXT_MODULE << 32;
    record[2] = module->start;
    record[3] = module->end;
    record[4] = module->bias;
    record[5] = id_bytes;
    cairn_ring_writer_commit(writer, MODULE_WORDS + (uint32_t)(bytes + 7) / 8);
}

static void write_gone(uintptr_t start, struct cairn_ring_writer *writer)
{
    uint64_t *record = cairn_ring_writer_reserve(writer, 2);
    if (record) {
        record[0] = cairn_record_word0(CAIRN_RECORD_MODULE_GONE, writer->last_stamp);
        record[1] = start;
        cairn_ring_writer_commit(writer, 2);
    }
}

/* The place of a module that starts there: its own, an empty one, or NULL when the table is full. */
static struct place *find_place(uintptr_t start)
{
    const uintptr_t hash = (start / PAGE_BYTES) * 0x9e3779b97f4a7c15ull >> 40;
    for (uint32_t i = 0; i < PLACES; i++) {
        struct place *place = &told[(hash + i) % PLACES];
        const uintptr_t taken = atomic_load_explicit(&place->start, memory_order_relaxed);
        if (taken == start || taken == 0) {
            return place;
        }
    }
    return NULL;
}

static bool is_told(const struct loaded *module)
{
    struct place *place = find_place(module->start);
    /* Acquire pairs with the release in remember(): the rest of the place is there. */
    return place && atomic_load_explicit(&place->identity, memory_order_acquire) == module->identity &&
           atomic_load_explicit(&place->end, memory_order_relaxed) == module->end;
}

/* With the process's lock held. */
static void remember(const struct loaded *module)
{
    struct place *place = find_place(module->start);
    if (place) {
        atomic_store_explicit(&place->identity, 0, memory_order_release);
        atomic_store_explicit(&place->start, module->start, memory_order_relaxed);
        atomic_store_explicit(&place->end, module->end, memory_order_relaxed);
        atomic_store_explicit(&place->identity, module->identity, memory_order_release);
    }
}

/* From here on this ring's records come after what other rings have told of modules so far. */
static void freshen_stamp(struct cairn_ring_writer *writer)
{
    cairn_ring_writer_advance(writer, cairn_ring_writer_now(writer));
}

static int visit_to_tell(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    const struct loaded whole = describe(info);
    /* As find_loaded() will see it. */
    struct loaded seen = whole;
    find_loaded(whole.start, &seen);
    remember(&seen);
    write_module(&whole, data);
    return 0;
}

void cairn_modules_tell_all(struct cairn_ring_writer *writer)
{
    freshen_stamp(writer);
    dl_iterate_phdr(visit_to_tell, writer);
}

void cairn_modules_notice(uintptr_t address, struct cairn_ring_writer *writer)
{
    struct loaded module;
    if (writer->clock_kind == CAIRN_CLOCK_STOPPED) {
        return; /* what follows makes system calls */
    }
    freshen_stamp(writer);
    if (!find_loaded(address, &module) || is_told(&module)) {
        return;
    }
    struct cairn_process *process = cairn_process_here();
    const struct cairn_signals signals = cairn_signals_block();
    cairn_process_lock(process);
    if (!is_told(&module)) {
        struct loaded whole = module;
        if (whole.segment_count > 0 || read_headers(&whole)) {
            measure(&whole);
        }
        freshen_stamp(writer);
        write_module(&whole, writer);
        remember(&module);
        cairn_operators_bind();
        cairn_patch_expect();
        if (!cairn_python_is_here()) {
            atomic_fetch_or_explicit(&cairn_event_paused, CAIRN_EVENT_LOOK, memory_order_relaxed);
        }
    }
    cairn_process_unlock(process);
    cairn_signals_restore(signals);
    freshen_stamp(writer);
}

void cairn_modules_after_close(struct cairn_ring_writer *writer)
{
    struct cairn_process *process = cairn_process_here();
    bool any_gone = false;
    const struct cairn_signals signals = cairn_signals_block();
    cairn_process_lock(process);
    freshen_stamp(writer);
    for (uint32_t i = 0; i < PLACES; i++) {
        struct place *place = &told[i];
        const uintptr_t identity = atomic_load_explicit(&place->identity, memory_order_relaxed);
        struct loaded now;
        if (identity == 0) {
            continue;
        }
        const uintptr_t start = atomic_load_explicit(&place->start, memory_order_relaxed);
        if (!find_loaded(start, &now) || now.identity != identity) {
            atomic_store_explicit(&place->identity, 0, memory_order_release);
            write_gone(start, writer);
            any_gone = true;
        }
    }
    cairn_process_unlock(process);
    cairn_signals_restore(signals);
    if (any_gone) {
        cairn_stacks_flush_rules();
    }
}
