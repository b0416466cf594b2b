#include <stdlib.h>

#include "trace/graph_shelf_private.h"
#include "trace/writer_private.h"

/* BLOBs that are written in a step, a row counting as so much itself. */
#define STEP_BYTES (256u << 10)
#define ROW_BYTES  1024u

enum statement {
    PUT_GRAPH = CAIRN_WRITER_GRAPH_STATEMENTS,
    PUT_TYPE,
    PUT_ROOT,
    PUT_ACCOUNT,
    PUT_OBJECTS,
    PUT_LINKS,
    PUT_PART,
    PUT_STRINGS,
    PUT_KEYS,
    STATEMENT_END
};
_Static_assert(STATEMENT_END <= CAIRN_WRITER_STATEMENTS, "more statements than the writer keeps");

void cairn_writer_graph(struct cairn_writer *writer, const struct cairn_graph_info *row)
{
    struct cairn_put out = cairn_put_begin(
        writer, PUT_GRAPH,
        "INSERT OR REPLACE INTO graph (graph, process, snapshot, t_ns, pause_ns, name, objects, edges, "
        "roots, "
        "types, strings, cycles, accounts, shallow_bytes, definite_objects, definite_bytes, "
        "indirect_objects, indirect_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    cairn_put_integer(&out, row->graph);
    cairn_put_integer(&out, row->process);
    cairn_put_reference(&out, row->snapshot);
    cairn_put_integer(&out, row->t_ns);
    cairn_put_integer(&out, row->pause_ns);
    cairn_put_text(&out, row->name);
    cairn_put_integer(&out, row->objects);
    cairn_put_integer(&out, row->edges);
    cairn_put_integer(&out, row->roots);
    cairn_put_integer(&out, row->types);
    cairn_put_integer(&out, row->strings);
    cairn_put_integer(&out, row->cycles);
    cairn_put_integer(&out, row->accounts);
    cairn_put_integer(&out, row->shallow_bytes);
    cairn_put_integer(&out, row->definite_objects);
    cairn_put_integer(&out, row->definite_bytes);
    cairn_put_integer(&out, row->indirect_objects);
    cairn_put_integer(&out, row->indirect_bytes);
    cairn_put_end(&out);
}

void cairn_writer_graph_type(struct cairn_writer *writer, uint32_t graph, const struct cairn_graph_type *row)
{
    struct cairn_put out = cairn_put_begin(
        writer, PUT_TYPE,
        "INSERT OR REPLACE INTO graph_type (graph, type, name, lang, count, shallow_bytes, retained_bytes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, row->type);
    cairn_put_text(&out, row->name);
    cairn_put_integer(&out, row->lang);
    cairn_put_integer(&out, row->count);
    cairn_put_integer(&out, row->shallow_bytes);
    cairn_put_integer(&out, row->retained_bytes);
    cairn_put_end(&out);
}

void cairn_writer_graph_root(struct cairn_writer *writer, uint32_t graph,
                             const struct cairn_graph_root_row *row)
{
    struct cairn_put out = cairn_put_begin(
        writer, PUT_ROOT,
        "INSERT OR REPLACE INTO graph_root (graph, root, object, kind, name) VALUES (?, ?, ?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, row->root);
    cairn_put_integer(&out, row->object);
    cairn_put_text(&out, row->kind);
    cairn_put_text(&out, row->name);
    cairn_put_end(&out);
}

void cairn_writer_graph_account(struct cairn_writer *writer, uint32_t graph,
                                const struct cairn_graph_account *row)
{
    struct cairn_put out = cairn_put_begin(
        writer, PUT_ACCOUNT,
        "INSERT OR REPLACE INTO graph_account (graph, account, type, class, objects, blocks, bytes, "
        "oldest_event) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, row->account);
    cairn_put_integer(&out, row->type);
    cairn_put_integer(&out, row->class);
    cairn_put_integer(&out, row->objects);
    cairn_put_integer(&out, row->blocks);
    cairn_put_integer(&out, row->bytes);
    cairn_put_optional(&out, row->oldest_serial);
    cairn_put_end(&out);
}

static void put_objects(struct cairn_writer *writer, uint32_t graph, const struct cairn_shelved *row)
{
    struct cairn_put out = cairn_put_begin(writer, PUT_OBJECTS,
                                           "INSERT OR REPLACE INTO graph_object (graph, chunk, "
                                           "first_address, data) VALUES (?, ?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, row->number);
    cairn_put_integer(&out, (int64_t)row->first_address);
    cairn_put_blob(&out, row->data, row->length);
    cairn_put_end(&out);
}

static void put_links(struct cairn_writer *writer, uint32_t graph, const struct cairn_shelved *row)
{
    struct cairn_put out =
        cairn_put_begin(writer, PUT_LINKS,
                        "INSERT OR REPLACE INTO graph_links (graph, kind, chunk, data) VALUES (?, ?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, row->links);
    cairn_put_integer(&out, row->number);
    cairn_put_blob(&out, row->data, row->length);
    cairn_put_end(&out);
}

static void put_part(struct cairn_writer *writer, uint32_t graph, const struct cairn_shelved *row)
{
    struct cairn_put out = cairn_put_begin(
        writer, PUT_PART,
        "INSERT OR REPLACE INTO graph_part (graph, kind, list, part, data) VALUES (?, ?, ?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, row->links);
    cairn_put_integer(&out, row->number);
    cairn_put_integer(&out, row->part);
    cairn_put_blob(&out, row->data, row->length);
    cairn_put_end(&out);
}

/* Strings and identities: chunks and nothing else. */
static void put_chunk(struct cairn_writer *writer, unsigned slot, const char *sql, uint32_t graph,
                      const struct cairn_shelved *row)
{
    struct cairn_put out = cairn_put_begin(writer, slot, sql);
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, row->number);
    cairn_put_blob(&out, row->data, row->length);
    cairn_put_end(&out);
}

static void put_shelved(struct cairn_writer *writer, uint32_t graph, const struct cairn_shelved *row)
{
    switch (row->kind) {
    case CAIRN_SHELVED_OBJECTS:
        put_objects(writer, graph, row);
        break;
    case CAIRN_SHELVED_LINKS:
        put_links(writer, graph, row);
        break;
    case CAIRN_SHELVED_PART:
        put_part(writer, graph, row);
        break;
    case CAIRN_SHELVED_STRINGS:
        put_chunk(writer, PUT_STRINGS,
                  "INSERT OR REPLACE INTO graph_string (graph, chunk, data) VALUES (?, ?, ?)", graph, row);
        break;
    case CAIRN_SHELVED_KEYS:
        put_chunk(writer, PUT_KEYS,
                  "INSERT OR REPLACE INTO graph_identity (graph, chunk, data) VALUES (?, ?, ?)", graph, row);
        break;
    }
}

bool cairn_writer_graph_shelved(struct cairn_writer *writer, struct cairn_graph_shelf *shelf)
{
    for (size_t bytes = 0; shelf->first && bytes < STEP_BYTES;) {
        struct cairn_shelved *row = shelf->first;
        put_shelved(writer, shelf->graph, row);
        bytes += ROW_BYTES + row->length;
        shelf->first = row->next;
        free(row);
    }
    return shelf->first != NULL;
}
