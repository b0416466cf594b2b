/* The counts as csv and json list them. Internal to export. */
#ifndef CAIRN_EXPORT_COLUMNS_H
#define CAIRN_EXPORT_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "query/selection.h"

#define CAIRN_EXPORT_COLUMNS 7u

const char *cairn_export_column_name(size_t column);
int64_t cairn_export_column(const struct cairn_counts *counts, size_t column);

#endif
