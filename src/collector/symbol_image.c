#include "collector/symbol_image.h"

#include <gelf.h>
#include <libdeflate.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#define ALIGNMENT_BYTES 16u
/* Deflate cannot do better: who claims more has a damaged file. */
#define RATIO_MAX 1032u

/* What libdw looks into for functions, inlined calls, files and lines. */
static const char *const wanted_names[] = {
    ".debug_info",     ".debug_types",    ".debug_abbrev",  ".debug_line",
    ".debug_line_str", ".debug_str",      ".debug_aranges", ".debug_str_offsets",
    ".debug_addr",     ".debug_rnglists", ".debug_ranges",
};
#define WANTED_COUNT (sizeof wanted_names / sizeof *wanted_names)
/* Behind the null section the wanted ones, then their names. */
#define SECTIONS_MAX (WANTED_COUNT + 2)

/* One section of the image, and where it comes from. */
struct part {
    const char *name;
    Elf_Data *data; /* as it is in the file */
    bool packed;
    size_t unpacked_bytes, name_offset, offset;
};

struct parts {
    struct part list[WANTED_COUNT];
    size_t count;
    bool any_packed;
};

static size_t aligned(size_t offset)
{
    return (offset + ALIGNMENT_BYTES - 1) & ~(size_t)(ALIGNMENT_BYTES - 1);
}

static bool is_wanted(const char *name)
{
    for (size_t i = 0; i < WANTED_COUNT; i++) {
        if (strcmp(name, wanted_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A link to a file with what several share is followed from the place of the file that has it; the older way to compress
 * has names of its own. */
static bool is_for_libdw(const char *name)
{
    return strcmp(name, ".gnu_debugaltlink") == 0 || strncmp(name, ".zdebug_", 8) == 0;
}

/* False where the section cannot be taken over. */
static bool add_part(struct parts *parts, Elf_Scn *section, const GElf_Shdr *header, const char *name)
{
    Elf_Data *data = elf_rawdata(section, NULL);
    if (!data || !data->d_buf || parts->count == WANTED_COUNT) {
        return false;
    }
    struct part part = {.name = name, .data = data, .unpacked_bytes = data->d_size};
    if (header->sh_flags & SHF_COMPRESSED) {
        GElf_Chdr packed;
        if (!gelf_getchdr(section, &packed) || packed.ch_type != ELFCOMPRESS_ZLIB ||
            packed.ch_size / RATIO_MAX > data->d_size) {
            return false;
        }
        part.packed = parts->any_packed = true;
        part.unpacked_bytes = packed.ch_size;
    }
    parts->list[parts->count++] = part;
    return true;
}

/* The last one can stay unpacked without a hole between the others. */
static void put_info_last(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (strcmp(parts->list[i].name, ".debug_info") == 0) {
            const struct part info = parts->list[i];
            parts->list[i] = parts->list[parts->count - 1];
            parts->list[parts->count - 1] = info;
            return;
        }
    }
}

static bool find_parts(struct parts *parts, Elf *from)
{
    size_t names;
    Elf_Scn *section = NULL;
    *parts = (struct parts){.count = 0};
    if (elf_getshdrstrndx(from, &names) != 0) {
        return false;
    }
    while ((section = elf_nextscn(from, section)) != NULL) {
        GElf_Shdr header;
        const char *name = gelf_getshdr(section, &header) ? elf_strptr(from, names, header.sh_name) : NULL;
        if (!name || is_for_libdw(name)) {
            return false;
        }
        if (header.sh_type != SHT_NOBITS && is_wanted(name) && !add_part(parts, section, &header, name)) {
            return false;
        }
    }
    put_info_last(parts);
    return parts->any_packed;
}

/* The image's headers are written as this machine's programs have them. */
static bool is_of_this_kind(Elf *from)
{
    GElf_Ehdr header;
    return gelf_getehdr(from, &header) && header.e_ident[EI_CLASS] == ELFCLASS64 &&
           header.e_ident[EI_DATA] == ELFDATA2LSB;
}

/* The header, the sections' headers, their contents, their names. Returns the whole size. */
static size_t lay_out(struct parts *parts, size_t *names_offset)
{
    size_t at = aligned(sizeof(Elf64_Ehdr) + SECTIONS_MAX * sizeof(Elf64_Shdr)), name_at = 1;
    for (size_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->list[i];
        part->offset = at;
        part->name_offset = name_at;
        at = aligned(at + part->unpacked_bytes);
        name_at += strlen(part->name) + 1;
    }
    *names_offset = at;
    return at + name_at;
}

static void write_headers(const struct parts *parts, Elf *from, size_t names_offset,
                          const struct cairn_symbol_image *image)
{
    Elf64_Ehdr *header = image->bytes;
    Elf64_Shdr *sections = (Elf64_Shdr *)(header + 1);
    char *names = (char *)image->bytes + names_offset;
    GElf_Ehdr original;
    *header = *gelf_getehdr(from, &original);
    header->e_phoff = 0;
    header->e_phnum = 0;
    header->e_shoff = sizeof *header;
    header->e_shnum = (Elf64_Half)(parts->count + 2);
    header->e_shstrndx = (Elf64_Half)(parts->count + 1);
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->list[i];
        sections[i + 1] = (Elf64_Shdr){.sh_name = (Elf64_Word)part->name_offset,
                                       .sh_type = SHT_PROGBITS,
                                       .sh_offset = part->offset,
                                       .sh_size = part->unpacked_bytes,
                                       .sh_addralign = 1};
        memcpy(names + part->name_offset, part->name, strlen(part->name) + 1);
    }
    sections[parts->count + 1] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
                                              .sh_offset = names_offset,
                                              .sh_size = image->size_bytes - names_offset,
                                              .sh_addralign = 1};
}

static enum libdeflate_result unpack(struct libdeflate_decompressor *inflater, const void *packed,
                                     size_t packed_bytes, void *out, size_t out_bytes)
{
    return libdeflate_zlib_decompress(inflater, (const char *)packed + sizeof(Elf64_Chdr),
                                      packed_bytes - sizeof(Elf64_Chdr), out, out_bytes, NULL);
}

/* The first `head_bytes` of the section, which zlib can stop behind. */
static bool unpack_head(const struct part *part, void *out, size_t head_bytes,
                        struct cairn_symbol_image *image)
{
    image->info_bytes = head_bytes;
    image->info.packed = part->data->d_buf;
    image->info.packed_bytes = part->data->d_size;
    image->info.offset = part->offset;
    image->info.unpacked_bytes = part->unpacked_bytes;
    const size_t in_bytes = part->data->d_size - sizeof(Elf64_Chdr);
    z_stream stream = {.next_in = (z_const Bytef *)part->data->d_buf + sizeof(Elf64_Chdr),
                       .avail_in = in_bytes < UINT_MAX ? (uInt)in_bytes : UINT_MAX,
                       .next_out = out,
                       .avail_out = (uInt)head_bytes};
    if (inflateInit(&stream) != Z_OK) {
        return false;
    }
    (void)inflate(&stream, Z_SYNC_FLUSH);
    inflateEnd(&stream);
    return stream.avail_out == 0;
}

static bool is_long_info(const struct part *part, size_t head_bytes)
{
    return head_bytes > 0 && strcmp(part->name, ".debug_info") == 0 && part->unpacked_bytes / 2 > head_bytes;
}

static bool write_contents(const struct parts *parts, size_t head_bytes, struct cairn_symbol_image *image)
{
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    bool good = inflater != NULL;
    image->info_bytes = SIZE_MAX;
    for (size_t i = 0; good && i < parts->count; i++) {
        const struct part *part = &parts->list[i];
        const char *data = part->data->d_buf;
        char *out = (char *)image->bytes + part->offset;
        if (part->packed && is_long_info(part, head_bytes)) {
            good = unpack_head(part, out, head_bytes, image);
        } else if (part->packed) {
            good =
                unpack(inflater, data, part->data->d_size, out, part->unpacked_bytes) == LIBDEFLATE_SUCCESS;
        } else {
            memcpy(out, data, part->unpacked_bytes);
        }
    }
    libdeflate_free_decompressor(inflater);
    return good;
}

bool cairn_symbol_image_open(struct cairn_symbol_image *image, Elf *from, size_t head_bytes)
{
    struct parts parts;
    size_t names_offset;
    *image = (struct cairn_symbol_image){.elf = NULL};
    if (!is_of_this_kind(from) || !find_parts(&parts, from)) {
        return false;
    }
    image->size_bytes = lay_out(&parts, &names_offset);
    image->bytes = mmap(NULL, image->size_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (image->bytes == MAP_FAILED) {
        *image = (struct cairn_symbol_image){.elf = NULL};
        return false;
    }
    /* All of it is about to be written: thousands of faults become a few, where the system allows that. */
    (void)madvise(image->bytes, image->size_bytes, MADV_HUGEPAGE);
    write_headers(&parts, from, names_offset, image);
    if (write_contents(&parts, head_bytes, image)) {
        image->elf = elf_memory(image->bytes, image->size_bytes);
    }
    if (!image->elf) {
        cairn_symbol_image_close(image);
        return false;
    }
    return true;
}

bool cairn_symbol_image_finish(struct cairn_symbol_image *image)
{
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    const bool good = inflater && unpack(inflater, image->info.packed, image->info.packed_bytes,
                                         (char *)image->bytes + image->info.offset,
                                         image->info.unpacked_bytes) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(inflater);
    image->info_bytes = SIZE_MAX;
    return good;
}

void cairn_symbol_image_close(struct cairn_symbol_image *image)
{
    elf_end(image->elf);
    if (image->bytes) {
        munmap(image->bytes, image->size_bytes);
    }
    *image = (struct cairn_symbol_image){.elf = NULL};
}
