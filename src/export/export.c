#include "export/export.h"

#include "export/formats.h"

const struct cairn_exporter *const cairn_exporters[] = {
    &cairn_exporter_folded, &cairn_exporter_pprof, &cairn_exporter_massif, &cairn_exporter_csv,
    &cairn_exporter_json,   &cairn_exporter_dot,   &cairn_exporter_html,   NULL,
};
