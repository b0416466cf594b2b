#include "agent/operators.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/heap_event.h"
#include "agent/machine.h"
#include "agent/real.h"

#define PAGE_BYTES 4096u

/* All forms of them, by their names in the Itanium C++ ABI. Beyond the first argument they take a size, an alignment or a
 * reference to std::nothrow: at most two words, which are handed on whatever they are. */
#define NEW_OPERATORS(X)                                                                                     \
    X(_Znwm)                                                                                                 \
    X(_Znam)                                                                                                 \
    X(_ZnwmRKSt9nothrow_t)                                                                                   \
    X(_ZnamRKSt9nothrow_t)                                                                                   \
    X(_ZnwmSt11align_val_t)                                                                                  \
    X(_ZnamSt11align_val_t)                                                                                  \
    X(_ZnwmSt11align_val_tRKSt9nothrow_t)                                                                    \
    X(_ZnamSt11align_val_tRKSt9nothrow_t)
#define DELETE_OPERATORS(X)                                                                                  \
    X(_ZdlPv)                                                                                                \
    X(_ZdaPv)                                                                                                \
    X(_ZdlPvm)                                                                                               \
    X(_ZdaPvm)                                                                                               \
    X(_ZdlPvRKSt9nothrow_t)                                                                                  \
    X(_ZdaPvRKSt9nothrow_t)                                                                                  \
    X(_ZdlPvSt11align_val_t)                                                                                 \
    X(_ZdaPvSt11align_val_t)                                                                                 \
    X(_ZdlPvmSt11align_val_t)                                                                                \
    X(_ZdaPvmSt11align_val_t)                                                                                \
    X(_ZdlPvSt11align_val_tRKSt9nothrow_t)                                                                   \
    X(_ZdaPvSt11align_val_tRKSt9nothrow_t)

typedef void *new_function(size_t, uintptr_t, uintptr_t);
typedef void delete_function(void *, uintptr_t, uintptr_t);

enum operator_number {
#define NUMBER(name) NUMBER##name,
    NEW_OPERATORS(NUMBER) DELETE_OPERATORS(NUMBER)
#undef NUMBER
        OPERATORS
};

/* The allocator's, NULL where it has none of that form. */
static void *real_operators[OPERATORS];
static bool taken_over;

#define NEW_HOOK(name)                                                                                       \
    static void *hook##name(size_t size, uintptr_t second, uintptr_t third)                                  \
    {                                                                                                        \
        const struct cairn_registers at = CAIRN_CALLER();                                                    \
        void *block = ((new_function *)real_operators[NUMBER##name])(size, second, third);                   \
        if (block) {                                                                                         \
            cairn_heap_new(block, size, CAIRN_DOMAIN_MALLOC, &at);                                           \
        }                                                                                                    \
        return block;                                                                                        \
    }
NEW_OPERATORS(NEW_HOOK)
#undef NEW_HOOK

#define DELETE_HOOK(name)                                                                                    \
    static void hook##name(void *block, uintptr_t second, uintptr_t third)                                   \
    {                                                                                                        \
        if (block) {                                                                                         \
            cairn_heap_gone(block, CAIRN_DOMAIN_MALLOC, 0, CAIRN_FRAME());                                   \
        }                                                                                                    \
        ((delete_function *)real_operators[NUMBER##name])(block, second, third);                             \
        /* No jump: where the allocator goes on to the public free, that must seem called from here. */      \
        __asm__ volatile("");                                                                                \
    }
DELETE_OPERATORS(DELETE_HOOK)
#undef DELETE_HOOK

static const struct {
    const char *name;
    void *hook;
} operators[OPERATORS] = {
#define ENTRY(name) {#name, (void *)hook##name},
    NEW_OPERATORS(ENTRY) DELETE_OPERATORS(ENTRY)
#undef ENTRY
};

/* What of a module's dynamic section is needed. */
struct linkage {
    uintptr_t bias;
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * relocations[2];
    size_t counts[2];
    uintptr_t read_only_low, read_only_high; /* pages the loader protected after relocation */
};

static bool read_linkage(const struct dl_phdr_info *info, struct linkage *linkage)
{
    const ElfW(Dyn) *dynamic = NULL;
    *linkage = (struct linkage){.bias = info->dlpi_addr};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + segment->p_vaddr);
        } else if (segment->p_type == PT_GNU_RELRO) {
            linkage->read_only_low = info->dlpi_addr + segment->p_vaddr;
            linkage->read_only_high = linkage->read_only_low + segment->p_memsz;
        }
    }
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        const uintptr_t address = dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            linkage->symbols = (const ElfW(Sym) *)address;
            break;
        case DT_STRTAB:
            linkage->names = (const char *)address;
            break;
        case DT_JMPREL:
            linkage->relocations[0] = (const ElfW(Rela) *)address;
            break;
        case DT_PLTRELSZ:
            linkage->counts[0] = dynamic->d_un.d_val / sizeof(ElfW(Rela));
            break;
        case DT_RELA:
            linkage->relocations[1] = (const ElfW(Rela) *)address;
            break;
        case DT_RELASZ:
            linkage->counts[1] = dynamic->d_un.d_val / sizeof(ElfW(Rela));
            break;
        default:
            break;
        }
    }
    /* The loader has made these addresses absolute, but for objects that it only knows of (the vdso). */
    return linkage->symbols && linkage->names && (uintptr_t)linkage->symbols > info->dlpi_addr;
}

static void write_slot(const struct linkage *linkage, uintptr_t slot, void *hook)
{
    const bool read_only = slot >= linkage->read_only_low && slot < linkage->read_only_high;
    const uintptr_t page = slot & ~(uintptr_t)(PAGE_BYTES - 1);
    if (read_only &&
        cairn_syscall_failed(cairn_syscall3(SYS_mprotect, (long)page, PAGE_BYTES, PROT_READ | PROT_WRITE))) {
        return;
    }
    /* Other threads may be calling through it. */
    atomic_store_explicit((_Atomic(void *) *)slot, hook, memory_order_release);
    if (read_only) {
        cairn_syscall3(SYS_mprotect, (long)page, PAGE_BYTES, PROT_READ);
    }
}

static int operator_of(const char *name)
{
    if (name[0] != '_' || name[1] != 'Z' || (name[2] != 'n' && name[2] != 'd')) {
        return -1;
    }
    for (int i = 0; i < OPERATORS; i++) {
        if (real_operators[i] && strcmp(operators[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool is_function_slot(uint64_t type)
{
    return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64;
}

/* Slots that are bound to the allocator's operator, or not bound yet; one that was bound to another definition stays. */
static void bind_module(const struct linkage *linkage)
{
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; linkage->relocations[table] && i < linkage->counts[table]; i++) {
            const ElfW(Rela) *relocation = &linkage->relocations[table][i];
            if (!is_function_slot(ELF64_R_TYPE(relocation->r_info)) || relocation->r_addend != 0) {
                continue;
            }
            const ElfW(Sym) *symbol = &linkage->symbols[ELF64_R_SYM(relocation->r_info)];
            const int number = operator_of(linkage->names + symbol->st_name);
            if (number < 0) {
                continue;
            }
            const uintptr_t slot = linkage->bias + relocation->r_offset;
            const bool may_be_lazy = ELF64_R_TYPE(relocation->r_info) == R_X86_64_JUMP_SLOT;
            if (*(void **)slot == real_operators[number] ||
                (may_be_lazy && *(void **)slot != operators[number].hook)) {
                write_slot(linkage, slot, operators[number].hook);
            }
        }
    }
}

static int visit_module(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    struct linkage linkage;
    const uintptr_t inside = (uintptr_t)info->dlpi_phdr;
    /* The allocator's own calls are none of the program's. */
    if (!cairn_real_is_allocator(inside) && read_linkage(info, &linkage)) {
        bind_module(&linkage);
    }
    return 0;
}

void cairn_operators_take_over(void)
{
    for (int i = 0; cairn_real.allocator.bytes > 0 && i < OPERATORS; i++) {
        void *found = dlsym(RTLD_DEFAULT, operators[i].name);
        if (found && cairn_real_is_allocator((uintptr_t)found)) {
            real_operators[i] = found;
            taken_over = true;
        }
    }
    cairn_operators_bind();
}

void cairn_operators_bind(void)
{
    if (taken_over) {
        dl_iterate_phdr(visit_module, NULL);
    }
}
