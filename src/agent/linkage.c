#include "agent/linkage.h"

#include <elf.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "agent/machine.h"
#include "agent/memory.h"

#define PAGE_BYTES 4096u

static uintptr_t page_of(uintptr_t address)
{
    return address & ~(uintptr_t)(PAGE_BYTES - 1);
}

static void read_dynamic(const ElfW(Dyn) * dynamic, struct cairn_linkage *linkage)
{
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
}

bool cairn_linkage_read(const struct dl_phdr_info *info, struct cairn_linkage *linkage)
{
    const ElfW(Dyn) *dynamic = NULL;
    *linkage = (struct cairn_linkage){.bias = info->dlpi_addr, .low = UINTPTR_MAX};
    if (!cairn_memory_is_readable((const uintptr_t *)(const void *)info->dlpi_phdr)) {
        return false; /* it hides its headers */
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const uintptr_t begin = info->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;
        if (segment->p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)begin;
        } else if (segment->p_type == PT_GNU_RELRO) {
            /* As the loader does it: whole pages only. */
            linkage->read_only_low = page_of(begin);
            linkage->read_only_high = page_of(end);
        } else if (segment->p_type == PT_LOAD) {
            linkage->low = begin < linkage->low ? begin : linkage->low;
            linkage->high = end > linkage->high ? end : linkage->high;
        }
    }
    read_dynamic(dynamic, linkage);
    /* The loader has made these addresses absolute, but for objects that it only knows of (the vdso). */
    return linkage->symbols && linkage->names && (uintptr_t)linkage->symbols > info->dlpi_addr;
}

bool cairn_linkage_slot(const struct cairn_linkage *linkage, int table, size_t number,
                        struct cairn_slot *slot)
{
    const ElfW(Rela) *relocation = &linkage->relocations[table][number];
    const uint32_t type = ELF64_R_TYPE(relocation->r_info);
    if ((type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && type != R_X86_64_64) ||
        relocation->r_addend != 0) {
        return false;
    }
    *slot = (struct cairn_slot){.name = linkage->names +
                                        linkage->symbols[ELF64_R_SYM(relocation->r_info)].st_name,
                                .type = type,
                                .place = linkage->bias + relocation->r_offset};
    return true;
}

bool cairn_linkage_is_lazy(const struct cairn_linkage *linkage, const struct cairn_slot *slot)
{
    return slot->type == R_X86_64_JUMP_SLOT &&
           (uintptr_t)cairn_slot_value(slot) - linkage->low < linkage->high - linkage->low;
}

void cairn_linkage_write(const struct cairn_linkage *linkage, const struct cairn_slot *slot, void *function)
{
    const bool read_only = slot->place >= linkage->read_only_low && slot->place < linkage->read_only_high;
    const uintptr_t page = page_of(slot->place);
    if (read_only &&
        cairn_syscall_failed(cairn_syscall3(SYS_mprotect, (long)page, PAGE_BYTES, PROT_READ | PROT_WRITE))) {
        return;
    }
    atomic_store_explicit((_Atomic(void *) *)slot->place, function, memory_order_release);
    if (read_only) {
        cairn_syscall3(SYS_mprotect, (long)page, PAGE_BYTES, PROT_READ);
    }
}
