#include <string.h>

#include "trace/schema.h"

/* Version 2 makes the text of a stack when it is asked for, not those of all stacks for each statement, and has no column
 * `at` in stack_text: that is a word of DuckDB's, which lists no table of such a file. */
static const struct {
    uint32_t until; /* the last version that has it */
    const char *name, *sql;
} older[] = {
    {.until = 1,
     .name = "stack_text",
     .sql = "CREATE VIEW stack_text AS              -- innermost first, ' < ' between frames\n"
            "  WITH RECURSIVE up(stack, at, n, text) AS (\n"
            "    SELECT s.stack, s.parent, 1, ft.function FROM stack s JOIN frame_text ft USING (frame)\n"
            "    UNION ALL\n"
            "    SELECT up.stack, s.parent, n + 1, up.text || ' < ' || ft.function\n"
            "    FROM up JOIN stack s ON s.stack = up.at JOIN frame_text ft ON ft.frame = s.frame WHERE n < "
            "64)\n"
            "  SELECT stack, text FROM up WHERE at = 0 OR n = 64"},
};

const char *cairn_schema_older(uint32_t version, const char *name)
{
    for (size_t i = 0; i < sizeof(older) / sizeof(older[0]); i++) {
        if (version <= older[i].until && strcmp(older[i].name, name) == 0) {
            return older[i].sql;
        }
    }
    return NULL;
}
