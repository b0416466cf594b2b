/* make_graph_trace FILE BOXES [--list]: a trace with two object graphs of a small imagined program, through builder and writer as the
 * collector does it. For the tests of the command line and for measuring.
 *
 * A module "app" holds a dict CACHE of boxes; each Box has a list of three: a str of its own and None twice. Graph 1 holds the
 * first half of the boxes, graph 2 all but the first tenth: a tenth is gone, half is new. Beside them native blocks that leak:
 * one that points to another (definite, indirect), and two in a ring (both indirect); the module's data holds
 * one that does not. With --list CACHE holds the first box alone, and each box the next one. Object k of kind j is made by event number …, so that everything has a serial. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/build.h"
#include "trace_maker.h"

#define NATIVE_BLOCKS 5u
#define BASE          UINT64_C(0x7f0000000000)

struct world {
    struct trace_maker maker;
    struct cairn_graph_input input;
    uint32_t boxes;
    bool list;
    uint32_t last_box; /* its node */
    uint64_t *births;  /* of box × 3 + part: Box, list, str */
    uint64_t native_births[NATIVE_BLOCKS];
};

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "make_graph_trace: %s\n", what);
        exit(2);
    }
}

static uint32_t string(struct world *world, const char *text)
{
    const uint32_t number = cairn_graph_input_string(&world->input, text, strlen(text));
    check(number != UINT32_MAX, "no memory");
    return number;
}

static uint32_t node(struct world *world, uint64_t address, const char *type, const char *label, int lang,
                     uint64_t bytes, uint64_t birth, uint32_t account)
{
    const struct cairn_graph_node made = {.address = address,
                                          .shallow_bytes = bytes,
                                          .block_bytes = account ? bytes : 0,
                                          .birth = birth,
                                          .account = account,
                                          .type = string(world, type),
                                          .label = string(world, label),
                                          .lang = (uint8_t)lang,
                                          .flags = strcmp(type, "type") == 0 ? CAIRN_GRAPH_SHARED_KIND : 0};
    const uint32_t number = cairn_graph_input_node(&world->input, &made);
    check(number != UINT32_MAX, "no memory");
    return number;
}

static void edge(struct world *world, uint32_t source, uint32_t target, const char *name, uint32_t index,
                 int confidence)
{
    const struct cairn_graph_edge made = {.source = source,
                                          .target = target,
                                          .name = name ? string(world, name) : 0,
                                          .index = index,
                                          .confidence = (uint8_t)confidence};
    check(cairn_graph_input_edge(&world->input, &made), "no memory");
}

static void root(struct world *world, uint32_t object, const char *kind, const char *name)
{
    const struct cairn_graph_root made = {
        .node = object, .kind = string(world, kind), .name = string(world, name)};
    check(cairn_graph_input_root(&world->input, &made), "no memory");
}

static uint64_t alloc(struct world *world, uint32_t account, uint64_t bytes)
{
    const uint64_t next = maker_next(&world->maker);
    const struct cairn_event event = {
        .t_ns = next * 1000, .size = bytes, .account = account, .kind = CAIRN_EVENT_ALLOC};
    return maker_event(&world->maker, &event);
}

/* main() calls make_box() at app.py:40, and leak() in the executable. */
static void names(struct world *world)
{
    struct cairn_writer *writer = world->maker.writer;
    cairn_writer_source_file(writer, &(const struct cairn_source_file){.file = 1, .path = "/srv/app.py"});
    cairn_writer_source_file(writer, &(const struct cairn_source_file){.file = 2, .path = "/srv/leak.c"});
    cairn_writer_module(writer, &(const struct cairn_module){.module = 1, .path = "/usr/bin/app"});
    cairn_writer_function(writer,
                          &(const struct cairn_function){.function = 1, .name = "<module>", .lang = 1});
    cairn_writer_function(writer,
                          &(const struct cairn_function){.function = 2, .name = "make_box", .lang = 1});
    cairn_writer_function(writer, &(const struct cairn_function){.function = 3, .name = "leak", .lang = 0});
    static const struct cairn_frame frames[] = {
        {.frame = 1, .function = 1, .file = 1, .line = 3, .offset = CAIRN_UNKNOWN, .lang = 1},
        {.frame = 2, .function = 2, .file = 1, .line = 40, .offset = CAIRN_UNKNOWN, .lang = 1},
        {.frame = 3, .function = 3, .file = 2, .module = 1, .line = 7, .offset = 0x1234, .lang = 0},
    };
    for (size_t i = 0; i < 3; i++) {
        cairn_writer_frame(writer, &frames[i]);
    }
    cairn_writer_stack(writer, &(const struct cairn_stack_row){.stack = 1, .frame = 1, .depth = 1});
    cairn_writer_stack(writer,
                       &(const struct cairn_stack_row){.stack = 2, .parent = 1, .frame = 2, .depth = 2});
    cairn_writer_stack(writer,
                       &(const struct cairn_stack_row){.stack = 3, .parent = 1, .frame = 3, .depth = 2});
    maker_process(&world->maker, 0);
    maker_account(&world->maker, 1, 1, 2, 2);
    maker_account(&world->maker, 1, 0, 3, 3);
}

static void add_native(struct world *world)
{
    uint32_t blocks[NATIVE_BLOCKS];
    for (uint32_t i = 0; i < NATIVE_BLOCKS; i++) {
        blocks[i] =
            node(world, 0x1000 + i * 0x100, "64 B", "", CAIRN_LANG_NATIVE, 64, world->native_births[i], 2);
    }
    edge(world, blocks[0], blocks[1], "+8", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_EXACT);
    edge(world, blocks[2], blocks[3], "+0", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_EXACT);
    edge(world, blocks[3], blocks[2], "+0", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_INTERIOR);
    root(world, blocks[4], "data", "app!cache+0x10");
}

static void add_box(struct world *world, uint32_t box, uint32_t cache, uint32_t type, uint32_t none)
{
    char key[32];
    const uint64_t address = BASE + (uint64_t)box * 2654435761u % world->boxes * 1024;
    const uint64_t *births = world->births + (size_t)box * 3;
    const uint32_t object = node(world, address, "Box", "", CAIRN_LANG_PYTHON, 56, births[0], 1);
    const uint32_t list = node(world, address + 256, "list", "len 3", CAIRN_LANG_PYTHON, 88, births[1], 1);
    const uint32_t text =
        node(world, address + 512, "str", "", CAIRN_LANG_PYTHON, 50 + box % 7, births[2], 1);
    snprintf(key, sizeof key, "['u:%" PRIu32 "']", box);
    const bool linked = world->list && world->last_box != 0;
    edge(world, linked ? world->last_box : cache, object, linked ? ".next" : key, CAIRN_EDGE_NO_INDEX,
         CAIRN_EDGE_EXACT);
    world->last_box = object;
    edge(world, object, list, ".items", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_EXACT);
    edge(world, object, type, "__class__", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_EXACT);
    edge(world, list, text, NULL, 0, CAIRN_EDGE_EXACT);
    edge(world, list, none, NULL, 1, CAIRN_EDGE_EXACT);
    edge(world, list, none, NULL, 2, CAIRN_EDGE_EXACT);
}

static void take_graph(struct world *world, uint32_t graph, uint32_t from, uint32_t to)
{
    cairn_graph_input_init(&world->input);
    string(world, "");
    const uint32_t module =
        node(world, 0x2000, "module", "app", CAIRN_LANG_PYTHON, 72, CAIRN_GRAPH_NO_EVENT, 0);
    const uint32_t globals =
        node(world, 0x3000, "dict", "len 2", CAIRN_LANG_PYTHON, 232, CAIRN_GRAPH_NO_EVENT, 0);
    const uint32_t cache =
        node(world, 0x4000, "dict", "len many", CAIRN_LANG_PYTHON, 36960, CAIRN_GRAPH_NO_EVENT, 0);
    const uint32_t type =
        node(world, 0x5000, "type", "Box", CAIRN_LANG_PYTHON, 1072, CAIRN_GRAPH_NO_EVENT, 0);
    const uint32_t none = node(world, 0x6000, "NoneType", "", CAIRN_LANG_PYTHON, 16, CAIRN_GRAPH_NO_EVENT, 0);
    root(world, module, "module", "app");
    root(world, none, "interpreter", "None");
    edge(world, module, globals, ".__dict__", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_EXACT);
    edge(world, globals, cache, "['CACHE']", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_EXACT);
    edge(world, globals, type, "['Box']", CAIRN_EDGE_NO_INDEX, CAIRN_EDGE_EXACT);
    world->last_box = 0;
    for (uint32_t box = from; box < to; box++) {
        add_box(world, box, cache, type, none);
    }
    add_native(world);
    world->input.process = 1;
    world->input.snapshot = graph;
    world->input.t_ns = (int64_t)maker_next(&world->maker) * 1000;
    world->input.pause_ns = 4000000;
    world->input.name = graph == 1 ? "half" : "exit";
    struct cairn_graph_built *built;
    struct cairn_error error;
    check(cairn_graph_build(&world->input, graph, &built, &error) == CAIRN_OK, "build failed");
    while (cairn_graph_built_write(built, world->maker.writer)) {
    }
    check(cairn_graph_built_status(built) == CAIRN_OK, "no memory");
    const struct cairn_snapshot snapshot = {.snapshot = graph,
                                            .process = 1,
                                            .graph = graph,
                                            .t_ns = world->input.t_ns,
                                            .event = maker_next(&world->maker),
                                            .kind = graph == 1 ? "graph" : "exit",
                                            .name = graph == 1 ? "half" : "exit"};
    cairn_writer_snapshot(world->maker.writer, &snapshot, NULL, 0);
    cairn_graph_built_free(built);
    cairn_graph_input_release(&world->input);
}

static void make_boxes(struct world *world, uint32_t from, uint32_t to)
{
    for (uint32_t box = from; box < to; box++) {
        world->births[(size_t)box * 3] = alloc(world, 1, 56);
        world->births[(size_t)box * 3 + 1] = alloc(world, 1, 88);
        world->births[(size_t)box * 3 + 2] = alloc(world, 1, 50 + box % 7);
    }
}

int main(int argc, char **argv)
{
    const bool list = argc == 4 && strcmp(argv[3], "--list") == 0;
    check(argc == 3 || list, "usage: make_graph_trace FILE BOXES [--list]");
    struct world world = {.boxes = (uint32_t)strtoul(argv[2], NULL, 10), .list = list};
    check(world.boxes > 0, "BOXES: a number from 1 on");
    world.births = calloc((size_t)world.boxes * 3, sizeof *world.births);
    check(world.births != NULL, "no memory");
    maker_open(&world.maker, argv[1], CAIRN_CHUNK_EVENTS, CAIRN_KEYFRAME_CHUNKS);
    names(&world);
    for (size_t i = 0; i < NATIVE_BLOCKS; i++) {
        world.native_births[i] = alloc(&world, 2, 64);
    }
    make_boxes(&world, 0, world.boxes / 2);
    take_graph(&world, 1, 0, world.boxes / 2);
    make_boxes(&world, world.boxes / 2, world.boxes);
    take_graph(&world, 2, world.boxes / 10, world.boxes);
    maker_close(&world.maker);
    free(world.births);
    return 0;
}
