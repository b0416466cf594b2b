/* The tables of the formats. Internal to export: a new one is a file, a line here and a line in export.c. */
#ifndef CAIRN_EXPORT_FORMATS_H
#define CAIRN_EXPORT_FORMATS_H

#include "export/export.h"

extern const struct cairn_exporter cairn_exporter_folded;
extern const struct cairn_exporter cairn_exporter_pprof;
extern const struct cairn_exporter cairn_exporter_massif;
extern const struct cairn_exporter cairn_exporter_csv;
extern const struct cairn_exporter cairn_exporter_json;
extern const struct cairn_exporter cairn_exporter_dot;
extern const struct cairn_exporter cairn_exporter_html;

#endif
