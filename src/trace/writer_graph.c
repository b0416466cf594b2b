#include "trace/writer_private.h"

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

/* The BLOB that was just encoded, or the writer's failure. */
static void put_encoded(struct cairn_put *out, bool encoded)
{
    if (!encoded) {
        cairn_writer_keep_failure(out->writer, SQLITE_NOMEM);
        out->statement = NULL;
        return;
    }
    cairn_put_blob(out, out->writer->graph_blob.data, out->writer->graph_blob.length);
    cairn_put_end(out);
}

void cairn_writer_graph_objects(struct cairn_writer *writer, uint32_t graph, uint32_t chunk,
                                const struct cairn_object *objects, size_t count)
{
    struct cairn_put out = cairn_put_begin(writer, PUT_OBJECTS,
                                           "INSERT OR REPLACE INTO graph_object (graph, chunk, "
                                           "first_address, data) VALUES (?, ?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, chunk);
    cairn_put_integer(&out, (int64_t)objects[0].address);
    put_encoded(&out, cairn_graph_encode_objects(&writer->graph_codec, objects, count, &writer->graph_blob));
}

static void put_parts(struct cairn_writer *writer, uint32_t graph, enum cairn_graph_links kind, uint32_t list,
                      const struct cairn_link *links, size_t count)
{
    uint32_t part = 0;
    for (size_t from = CAIRN_GRAPH_INLINE_LINKS; from < count; from += CAIRN_GRAPH_PART_LINKS) {
        const size_t left = count - from;
        struct cairn_put out = cairn_put_begin(
            writer, PUT_PART,
            "INSERT OR REPLACE INTO graph_part (graph, kind, list, part, data) VALUES (?, ?, ?, ?, ?)");
        cairn_put_integer(&out, graph);
        cairn_put_integer(&out, kind);
        cairn_put_integer(&out, list);
        cairn_put_integer(&out, part++);
        put_encoded(&out,
                    cairn_graph_encode_part(
                        &writer->graph_codec, cairn_links_have_labels(kind), list, links + from,
                        left < CAIRN_GRAPH_PART_LINKS ? left : CAIRN_GRAPH_PART_LINKS, &writer->graph_blob));
    }
}

void cairn_writer_graph_links(struct cairn_writer *writer, uint32_t graph, enum cairn_graph_links kind,
                              uint32_t chunk, const uint32_t *first, size_t lists,
                              const struct cairn_link *links)
{
    struct cairn_put out =
        cairn_put_begin(writer, PUT_LINKS,
                        "INSERT OR REPLACE INTO graph_links (graph, kind, chunk, data) VALUES (?, ?, ?, ?)");
    const uint32_t first_list = chunk * CAIRN_GRAPH_CHUNK_ROWS;
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, kind);
    cairn_put_integer(&out, chunk);
    put_encoded(&out, cairn_graph_encode_links(&writer->graph_codec, cairn_links_have_labels(kind),
                                               first_list, lists, first, links, &writer->graph_blob));
    for (size_t i = 0; i < lists; i++) {
        put_parts(writer, graph, kind, first_list + (uint32_t)i, links + first[i], first[i + 1] - first[i]);
    }
}

void cairn_writer_graph_strings(struct cairn_writer *writer, uint32_t graph, uint32_t chunk,
                                const char *const *strings, size_t count)
{
    struct cairn_put out = cairn_put_begin(
        writer, PUT_STRINGS, "INSERT OR REPLACE INTO graph_string (graph, chunk, data) VALUES (?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, chunk);
    put_encoded(&out, cairn_graph_encode_strings(&writer->graph_codec, strings, count, &writer->graph_blob));
}

void cairn_writer_graph_keys(struct cairn_writer *writer, uint32_t graph, uint32_t chunk,
                             const struct cairn_graph_key *keys, size_t count)
{
    struct cairn_put out = cairn_put_begin(
        writer, PUT_KEYS, "INSERT OR REPLACE INTO graph_identity (graph, chunk, data) VALUES (?, ?, ?)");
    cairn_put_integer(&out, graph);
    cairn_put_integer(&out, chunk);
    put_encoded(&out, cairn_graph_encode_keys(&writer->graph_codec, keys, count, &writer->graph_blob));
}
