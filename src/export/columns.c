#include "export/columns.h"

#define COLUMN(member)                                                                                       \
    {                                                                                                        \
        .name = #member, .offset = offsetof(struct cairn_counts, member)                                     \
    }
static const struct {
    const char *name;
    size_t offset;
} columns[CAIRN_EXPORT_COLUMNS] = {
    COLUMN(live_bytes), COLUMN(live_blocks), COLUMN(allocated_bytes), COLUMN(allocations),
    COLUMN(reallocs),   COLUMN(temporary),   COLUMN(peak_bytes),
};

const char *cairn_export_column_name(size_t column)
{
    return columns[column].name;
}

int64_t cairn_export_column(const struct cairn_counts *counts, size_t column)
{
    return *(const int64_t *)(const void *)((const char *)counts + columns[column].offset);
}
