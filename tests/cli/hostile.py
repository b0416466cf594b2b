"""Traces from strangers: each CASE writes one that is foreign, cut short, damaged or forged. All of it is made from three honest
traces, `plain`, `graphs` and `slim`, a slim copy, and from seeds, so that every run makes the same bytes from the same traces."""

import ctypes
import ctypes.util
import os
import random
import shutil
import sqlite3
import struct

PAGE = 1024
EVENTS_VERSION, GROUP_VERSION = 1, 3  # first bytes of blobs: a chunk of events, deltas of several chunks
BIG, SMALL = 2**63 - 1, -(2**63)
TEXTS = {
    "osc": "\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07",
    "csi": "\x1b[2J\x1b[31m\x1b[?1049h\x9b31m",
    "lines": "first\r\nsecond\x0b\x0c\x08\x08\ttab\x85next\u2028more",
    "right_to_left": "\u202etxt.exe\u202c \u2066isolate\u2069 שלום مرحبا \u200f",
    "zero_width": "a\u200bb\u200cc\u200dd\ufeffe\u00adf\u2060g",
    "wide": "漢字" * 300 + "👩‍👩‍👧‍👦" * 50,
    "combining": "e" + "\u0301" * 3000,
    "long": "x" * 1_000_000,
    "format": "%s%n%d%p%99999999d {0} $(id) `id` ;rm -rf / | cat > /tmp/x",
    "markup": "</script><script>alert(1)</script><img src=x onerror=alert(1)>&quot;'\"]]>-->",
    "formula": "=cmd|' /C calc'!A0,+1,@x\n\"quoted\",;",
    "path": "/etc/passwd",
    "up": "../../../../../../etc/shadow",
    "device": "/dev/zero",
    "empty": "",
    "nul": "before\x00after",
}
TEXT_COLUMNS = (
    ("recording", "program"), ("recording", "args"), ("recording", "host"), ("recording", "stopped_why"), ("recording", "trace_id"),
    ("process", "program"), ("process", "python"), ("process", "origin"), ("thread", "name"), ("note", "text"), ("module", "path"),
    ("module", "build_id"), ("module", "symbols"), ("function", "name"), ("function", "linkage_name"), ("snapshot", "kind"),
    ("snapshot", "name"), ("residency", "category"), ("source", "text"), ("graph", "name"), ("graph_type", "name"),
    ("graph_root", "kind"), ("graph_root", "name"),
)
NUMBERS = ("UPDATE account SET live_bytes = {0}, live_blocks = {0}, peak_bytes = {0}, peak_blocks = {0}, allocated_bytes = {0}, "
           "allocations = {0}, reallocs = {0}, temporary = {0}",
           "UPDATE recording SET peak_t_ns = {0}, peak_event = {0}, peak_bytes = {0}, end_bytes = {0}, allocated_bytes = {0}",
           "UPDATE recording SET duration_ns = {0}, started_unix_ns = {0}, utc_offset_s = {0}, stalled_ns = {0}, exact_from_ns = {0}",
           "UPDATE recording SET events = {0}, alloc_events = {0}, lost_events = {0}, sample_bytes = {0}, max_depth = {0}",
           "UPDATE process SET started_ns = {0}, ended_ns = {0}, peak_event = {0}, peak_bytes = {0}, end_bytes = {0}, pid = {0}",
           "UPDATE event_chunk SET first_t_ns = {0}, last_t_ns = {0}",
           "UPDATE event_chunk SET max_bytes = {0}, max_event = {0}, start_bytes = {0}, oldest_freed_event = {0}",
           "UPDATE snapshot SET t_ns = {0}, event = {0}, bytes = {0}, blocks = {0}",
           "UPDATE snapshot_site SET live_bytes = {0}, live_blocks = {0}",
           "UPDATE timeline SET heap_bytes = {0}, heap_blocks = {0}, heap_max_bytes = {0}, mapped_bytes = {0}, allocations = {0}, "
           "frees = {0}, rss_bytes = {0}, rss_anonymous_bytes = {0}",
           "UPDATE residency SET rss_bytes = {0}, pss_bytes = {0}, swap_bytes = {0}, size_bytes = {0}",
           "UPDATE frame SET line = {0}, offset = {0}",
           "UPDATE graph SET t_ns = {0}, pause_ns = {0}, shallow_bytes = {0}, definite_bytes = {0}, edges = {0}",
           "UPDATE graph_type SET count = {0}, shallow_bytes = {0}, retained_bytes = {0}",
           "UPDATE graph_account SET objects = {0}, blocks = {0}, bytes = {0}, oldest_event = {0}",
           "UPDATE graph_object SET first_address = {0}")
FORGERIES = {
    "stack_cycle": "UPDATE stack SET parent = stack",
    "stack_ring": "UPDATE stack SET parent = (SELECT max(stack) FROM stack) WHERE parent = 0",
    "stack_forward": "UPDATE stack SET parent = stack + 1",
    "stack_nowhere": "UPDATE stack SET parent = 4000000000",
    "stack_negative": "UPDATE stack SET parent = -1, depth = -5",
    "stack_deep": "UPDATE stack SET depth = 2147483647",
    "stack_numbers": "UPDATE stack SET stack = stack + 4294967000",
    "stack_spread": "UPDATE stack SET stack = stack * 1000000",
    "stack_gone": "DELETE FROM stack",
    "stack_long": "WITH RECURSIVE n(i) AS (SELECT 1000001 UNION ALL SELECT i + 1 FROM n WHERE i < 1200000) "
                  "INSERT INTO stack SELECT i, i - 1, (SELECT min(frame) FROM frame), i - 1000000 FROM n; "
                  "UPDATE account SET stack = 1200000",
    "frame_inlined_in_itself": "UPDATE frame SET inlined_into = frame",
    "frame_inlined_in_a_ring": "UPDATE frame SET inlined_into = CASE frame WHEN (SELECT max(frame) FROM frame) THEN 1 ELSE frame + 1 END",
    "frame_names_nothing": "UPDATE frame SET function = 999999, file = 999999, module = 999999",
    "frame_kinds": "UPDATE frame SET kind = 77, lang = -3",
    "frames_gone": "DELETE FROM frame",
    "functions_gone": "DELETE FROM function",
    "function_lang": "UPDATE function SET lang = 9000000000",
    "no_recording": "DELETE FROM recording",
    "incomplete": "UPDATE recording SET complete = 0",
    "closing": "UPDATE recording SET closing = 1, complete = 0",
    "no_processes": "DELETE FROM process",
    "process_is_its_parent": "UPDATE process SET parent = process",
    "processes_in_a_ring": "INSERT INTO process SELECT 2, pid, 1, program, args, started_ns, ended_ns, exit_status, signal, python, "
                           "origin, peak_t_ns, peak_event, peak_bytes, peak_blocks, end_bytes, end_blocks FROM process WHERE process = 1; "
                           "UPDATE process SET parent = 2 WHERE process = 1",
    "many_processes": "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO process SELECT i, i, "
                      "i - 1, 'p', NULL, 0, NULL, NULL, NULL, NULL, 'fork', 0, 0, 0, 0, 0, 0 FROM n",
    "no_threads": "DELETE FROM thread",
    "thread_of_nobody": "UPDATE thread SET process = 4294967295",
    "account_of_nobody": "UPDATE account SET process = 77, thread = 4294967295",
    "account_domains": "UPDATE account SET domain = account * 1000000",
    "account_sites": "UPDATE account SET site = 4294967295, stack = 4294967295",
    "account_holes": "UPDATE account SET account = account * 7",
    "account_beyond": "UPDATE account SET account = account + 4294967290",
    "no_accounts": "DELETE FROM account",
    "many_accounts": "WITH RECURSIVE n(i) AS (SELECT (SELECT max(account) + 1 FROM account) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                     "INSERT INTO account SELECT i, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, NULL FROM n",
    "histogram_of_nothing": "UPDATE account SET histogram = zeroblob(1000)",
    "histogram_large": "UPDATE account SET histogram = zeroblob(20000000) WHERE account = 1",
    "histogram_noise": "UPDATE account SET histogram = randomblob(200)",
    "chunk_of_many": "UPDATE event_chunk SET events = 1099511627776",
    "chunk_of_none": "UPDATE event_chunk SET events = 0",
    "chunk_of_many_that_are_gone": "UPDATE event_chunk SET events = 9007199254740993, data = NULL WHERE chunk = (SELECT max(chunk) FROM event_chunk)",
    "chunk_of_more_than_there_are": "UPDATE event_chunk SET events = 9223372036854775807, data = NULL",
    "chunk_gap": "UPDATE event_chunk SET first_event = first_event + 5",
    "chunk_number": "UPDATE event_chunk SET chunk = chunk + 4000000000",
    "chunk_times": "UPDATE event_chunk SET first_t_ns = last_t_ns + 1",
    "chunk_dropped": "UPDATE event_chunk SET data = NULL",
    "chunk_zeroes": "UPDATE event_chunk SET data = zeroblob(1000)",
    "chunk_large": "UPDATE event_chunk SET data = zeroblob(50000000)",
    "chunk_noise": "UPDATE event_chunk SET data = randomblob(length(data))",
    "chunk_short": "UPDATE event_chunk SET data = substr(data, 1, length(data) / 2)",
    "no_chunks": "DELETE FROM event_chunk",
    "many_chunks": "WITH RECURSIVE n(i) AS (SELECT (SELECT max(chunk) + 1 FROM event_chunk) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                   "INSERT INTO event_chunk SELECT i, (SELECT max(first_event + events) FROM event_chunk) + i, 1, 9000000000, 9000000000, "
                   "0, 0, 0, 0, 0, 0, NULL, NULL FROM n",
    "delta_gone": "DELETE FROM chunk_delta",
    "delta_noise": "UPDATE chunk_delta SET data = randomblob(500)",
    "delta_zeroes": "UPDATE chunk_delta SET data = zeroblob(500)",
    "keyframe_far": "INSERT INTO keyframe VALUES (4294967295, zeroblob(10))",
    "keyframe_forged": "INSERT OR REPLACE INTO keyframe SELECT 1, data FROM chunk_delta",
    "many_snapshots": "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO snapshot SELECT i, i, "
                      "i % 100, 'mark', 'm' || i, 1, i, i, i FROM n",
    "snapshots_of_nothing": "UPDATE snapshot_site SET account = account + 1000000",
    "snapshots_back_in_time": "UPDATE snapshot SET t_ns = -t_ns, event = 1000000 - event",
    "timeline_levels": "UPDATE timeline SET level = level + 4000000000",
    "timeline_negative": "UPDATE timeline SET t_ns = -t_ns",
    "timeline_long": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) INSERT OR IGNORE INTO timeline "
                     "SELECT 0, i * 1000, i, i, i, 0, 1, 1, NULL, NULL, NULL, NULL FROM n",
    "residency_many": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO residency SELECT 1, 1, "
                      "'file', 'f' || i, 4611686018427387904, 1, 1, 1 FROM n",
    "source_many": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT OR REPLACE INTO source SELECT "
                   "(SELECT min(file) FROM source_file), i, 'x' FROM n",
    "source_lines": "UPDATE source SET line = 9223372036854775807 - line",
    "notes_many": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO note SELECT i + 1000, 1, 0, "
                  "'note' FROM n",
    "everything_gone": "DELETE FROM process; DELETE FROM thread; DELETE FROM stack; DELETE FROM account; DELETE FROM event_chunk; "
                       "DELETE FROM snapshot; DELETE FROM timeline",
}
GRAPH_FORGERIES = {
    "graph_of_many": "UPDATE graph SET objects = 4294967295",
    "graph_of_more": "UPDATE graph SET objects = 9000000000000",
    "graph_of_none": "UPDATE graph SET objects = 0",
    "graph_counts": "UPDATE graph SET types = 4294967295, strings = 4294967295, cycles = 4294967295, roots = 4294967295",
    "graph_number": "UPDATE graph SET graph = graph + 4294967000",
    "graph_of_nobody": "UPDATE graph SET process = 999, snapshot = 999",
    "graph_objects_gone": "DELETE FROM graph_object",
    "graph_links_gone": "DELETE FROM graph_links",
    "graph_types_gone": "DELETE FROM graph_type",
    "graph_roots_gone": "DELETE FROM graph_root",
    "graph_roots_far": "UPDATE graph_root SET object = 4294967295",
    "graph_strings_gone": "DELETE FROM graph_string",
    "graph_accounts_far": "UPDATE graph_account SET account = account + 1000000, type = type + 1000000",
    "graph_classes": "UPDATE graph_account SET class = class + 7",
    "graph_objects_noise": "UPDATE graph_object SET data = randomblob(length(data))",
    "graph_objects_zeroes": "UPDATE graph_object SET data = zeroblob(5000)",
    "graph_links_noise": "UPDATE graph_links SET data = randomblob(length(data))",
    "graph_links_swapped": "UPDATE graph_links SET kind = -1 - kind; UPDATE graph_links SET kind = 7 + kind",
    "graph_strings_noise": "UPDATE graph_string SET data = randomblob(length(data))",
    "graph_identity_noise": "UPDATE graph_identity SET data = randomblob(length(data))",
    "graph_parts": "INSERT OR REPLACE INTO graph_part SELECT graph, 0, 0, 0, data FROM graph_links WHERE kind = 0 AND chunk = 0",
    "graph_many": "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO graph SELECT i, 1, NULL, i, "
                  "1, NULL, 4000000000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 FROM n",
}
SLIM_FORGERIES = {
    "groups_noise": "UPDATE chunk_delta SET data = randomblob(length(data))",
    "groups_zeroes": "UPDATE chunk_delta SET data = zeroblob(500)",
    "groups_short": "UPDATE chunk_delta SET data = substr(data, 1, length(data) / 2) WHERE length(data) > 9",
    "groups_gone": "DELETE FROM chunk_delta WHERE length(data) > 9",
    "groups_everywhere": "UPDATE chunk_delta SET data = (SELECT data FROM chunk_delta WHERE chunk = 0)",
    "groups_behind_the_end": "UPDATE chunk_delta SET chunk = chunk + 1000; UPDATE chunk_delta SET chunk = chunk - 999",
    "group_for_a_keyframe": "INSERT OR REPLACE INTO keyframe SELECT 1, data FROM chunk_delta WHERE chunk = 0",
    "members_before_the_start": "UPDATE chunk_delta SET data = x'051f'",
    "members_of_members": "UPDATE chunk_delta SET data = x'0501'",
    "members_of_themselves": "UPDATE chunk_delta SET data = x'0500'",
    "members_far": "UPDATE chunk_delta SET data = x'05ffffffffffffffffff01' WHERE length(data) < 9",
    "members_of_the_first": "UPDATE chunk_delta SET data = CASE chunk WHEN 0 THEN data ELSE x'0502' END",
    "member_for_a_keyframe": "INSERT OR REPLACE INTO keyframe VALUES (1, x'0501')",
    "accounts_of_groups_gone": "DELETE FROM account WHERE account > 1",
    "rows_of_snapshots_gone": "DELETE FROM snapshot_site; UPDATE snapshot SET event = event + 1",
    "rows_of_snapshots_far": "DELETE FROM snapshot_site; UPDATE snapshot SET event = 9223372036854775807",
}
SCHEMAS = {
    "view_for_table": ("DROP TABLE {t}", "CREATE VIEW {t} AS SELECT 1 AS {t}"),
    "endless_view": ("DROP TABLE {t}", "CREATE VIEW {t} AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"),
    "fts_for_table": ("DROP TABLE {t}", "CREATE VIRTUAL TABLE {t} USING fts5(data)"),
    "rtree_for_table": ("DROP TABLE {t}", "CREATE VIRTUAL TABLE {t} USING rtree(id, a, b)"),
    "trigger": ("CREATE TRIGGER {t}_t AFTER INSERT ON {t} BEGIN SELECT 1; END",),
    "index": ("CREATE INDEX {t}_i ON {t}(1)",),
    "expression_index": ("CREATE INDEX {t}_e ON {t}(abs(1))",),
    "other_columns": ("ALTER TABLE {t} ADD COLUMN more TEXT",),
    "generated": ("ALTER TABLE {t} ADD COLUMN more INTEGER AS (1 + 1)",),
    "missing": ("DROP TABLE {t}",),
    "statistics": ("ANALYZE",),
    "one_more": ("CREATE TABLE more (x)",),
    "one_more_view": ("CREATE VIEW more AS SELECT * FROM more2", "CREATE VIEW more2 AS SELECT * FROM more"),
}


class Zstd:
    """libzstd by its C interface: Python has none of its own."""

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
        for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_compressBound", "ZSTD_findFrameCompressedSize"):
            getattr(self.lib, name).restype = ctypes.c_size_t

    def compress(self, data):
        room = self.lib.ZSTD_compressBound(ctypes.c_size_t(len(data)))
        out = ctypes.create_string_buffer(room)
        return out.raw[: self.lib.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)]

    def decompress(self, data, size):
        out = ctypes.create_string_buffer(size + 1)
        assert self.lib.ZSTD_decompress(out, ctypes.c_size_t(size + 1), data, ctypes.c_size_t(len(data))) == size
        return out.raw[:size]

    def first_frame(self, data, most):
        """What the frame that `data` begins with holds, up to `most` bytes."""
        size = self.lib.ZSTD_findFrameCompressedSize(data, ctypes.c_size_t(len(data)))
        assert size <= len(data)
        out = ctypes.create_string_buffer(most)
        length = self.lib.ZSTD_decompress(out, ctypes.c_size_t(most), data, ctypes.c_size_t(size))
        assert length <= most
        return out.raw[:length]


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def edit(path, base, *statements):
    shutil.copy(base, path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    for statement in statements:
        db.execute(statement)
    db.execute("COMMIT")
    db.close()


def cut(path, base, pages, says=None):
    """The first pages; `says`: and the header that there are no more."""
    with open(base, "rb") as file:
        data = file.read(pages * PAGE)
    write(path, data[:28] + struct.pack(">I", says) + data[32:] if says else data)


def in_child(function):
    """The bytes it returns, made in a process of their own: the memory it takes must not look like that of what is run later."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as file:
            file.write(function())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    os.waitpid(child, 0)
    return data


def set_text(path, base, table, column, text):
    shutil.copy(base, path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    numbered = column == "category" or (table, column) == ("source_file", "path")
    value = "?1 || rowid" if numbered and table != "residency" else "?1"
    db.execute(f"UPDATE OR IGNORE {table} SET {column} = {value}", (text,))
    db.close()


def set_bytes(path, base, table, column, data):
    """Bytes that are not UTF-8, in a column for text."""
    shutil.copy(base, path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"UPDATE OR IGNORE {table} SET {column} = CAST(?1 AS TEXT)", (data,))
    db.close()


def change_blobs(path, base, table, where, change):
    """Each BLOB of the rows becomes change(bytes)."""
    shutil.copy(base, path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    for row, data in db.execute(f"SELECT rowid, data FROM {table} WHERE {where} AND data IS NOT NULL").fetchall():
        db.execute(f"UPDATE {table} SET data = ?1 WHERE rowid = ?2", (change(bytes(data)), row))
    db.close()


def read(path, most=-1):
    with open(path, "rb") as file:
        return file.read(most)


def flip(path, base, seed):
    data = bytearray(read(base))
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 3, 20, 300))):
        at = chance.randrange(100, len(data))
        data[at] ^= 1 << chance.randrange(8)
    write(path, data)


def flip_rows(path, base, seed):
    """Bits of the rows' own bytes, behind each page's list of cells: SQLite sees nothing wrong with most of them."""
    data = bytearray(read(base))
    chance = random.Random(seed)
    for _ in range(200):
        page = chance.randrange(1, len(data) // PAGE)
        data[page * PAGE + chance.randrange(PAGE // 2, PAGE)] ^= 1 << chance.randrange(8)
    write(path, data)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def mutated(zstd, seed):
    """What a BLOB of totals or graphs holds, changed where it is compressed no more: version, [rows,] size, frame."""
    chance = random.Random(seed)

    def change(blob, has_rows):
        at = 1
        rows = b""
        if has_rows:
            begin = at
            _, at = read_varint(blob, at)
            rows = blob[begin:at]
        size, at = read_varint(blob, at)
        raw = bytearray(zstd.decompress(blob[at:], size))
        for _ in range(max(1, len(raw) // 400)):
            if raw:
                raw[chance.randrange(len(raw))] = chance.choice((0, 1, 2, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        return blob[:1] + rows + varint(len(raw)) + zstd.compress(bytes(raw))

    return change


def mutate_columns(zstd, seed, version, numbers, count):
    """One of the columns of a blob of that version (so many numbers, then sizes and columns), changed where it is compressed no more."""
    chance = random.Random(seed)

    def change(blob):
        if blob[0] != version:
            return blob
        at, head, columns = 1, [], []
        for _ in range(numbers + 2 * count):
            number, at = read_varint(blob, at)
            head.append(number)
        for raw_size, size in zip(head[numbers::2], head[numbers + 1 :: 2]):
            columns.append(bytearray(zstd.decompress(blob[at : at + size], raw_size)) if size else bytearray())
            at += size
        column = chance.choice([c for c in columns if c] or [bytearray(1)])
        for _ in range(chance.choice((1, 5, 50))):
            column[chance.randrange(len(column))] = chance.randrange(256)
        packed = [zstd.compress(bytes(c)) if c else b"" for c in columns]
        sizes = b"".join(varint(len(c)) + varint(len(p)) for c, p in zip(columns, packed))
        return blob[:1] + b"".join(map(varint, head[:numbers])) + sizes + b"".join(packed)

    return change


def foreign(plain):
    """Files that are no trace at all."""
    honest = read(plain)
    other = honest[:68] + b"ABCD" + honest[72:]
    newer = honest[:60] + struct.pack(">I", 99) + honest[64:]
    older = honest[:60] + struct.pack(">I", 0) + honest[64:]
    wal = honest[:18] + b"\x02\x02" + honest[20:]
    whole = bytearray(honest)
    whole[28:32] = struct.pack(">I", 0xFFFFFFFF)
    return {
        "empty": b"", "one_byte": b"S", "words": b"hello\n" * 1000, "zeroes": bytes(100_000), "header_only": honest[:100],
        "half_header": honest[:50], "image": b"\x89PNG\r\n\x1a\n" + bytes(5000), "gzip": b"\x1f\x8b\x08" + bytes(5000),
        "noise": random.Random(7).randbytes(50_000), "other_program": other, "newer": newer, "older": older,
        "wal_without_its_file": wal, "page_count": bytes(whole), "page_size": honest[:16] + b"\x00\x00" + honest[18:],
        "page_size_small": honest[:16] + b"\x02\x00" + honest[18:], "reserved": honest[:20] + b"\xff" + honest[21:],
        "text_encoding": honest[:56] + struct.pack(">I", 3) + honest[60:], "header_then_noise": honest[:100] + random.Random(8).randbytes(60_000),
        "freelist": honest[:32] + struct.pack(">II", 2, 1000) + honest[40:], "schema_page_twice": honest[:PAGE] + honest[:PAGE] + honest[2 * PAGE :],
        "doubled": honest + honest, "reversed_pages": honest[:PAGE] + b"".join(honest[i : i + PAGE] for i in range(len(honest) - PAGE, 0, -PAGE)),
        "elf": read("/proc/self/exe", 200_000),
    }


def cases(plain, graphs, slim):
    """(name, make): make(path) writes the file. Names are unique and stable."""
    zstd = Zstd()
    made = []

    def add(name, function, *arguments):
        made.append((name, lambda path: function(path, *arguments)))

    for name, data in foreign(plain).items():
        add("foreign_" + name, write, data)
    for pages in range(1, os.path.getsize(plain) // PAGE):
        add(f"cut_{pages}", cut, plain, pages)
        if pages % 6 == 0:
            add(f"cut_{pages}_whole", cut, plain, pages, pages)
    for seed in range(24):
        add(f"flip_{seed}", flip, (plain, graphs)[seed % 2], seed)
        add(f"flip_rows_{seed}", flip_rows, (plain, graphs)[seed % 2], 1000 + seed)
    for table in ("account", "event_chunk", "stack"):
        for name, statements in SCHEMAS.items():
            add(f"schema_{name}_{table}", edit, plain, *(statement.format(t=table) for statement in statements))
    for name, statement in FORGERIES.items():
        add("forged_" + name, edit, plain, *statement.split("; "))
    for name, statement in GRAPH_FORGERIES.items():
        add("forged_" + name, edit, graphs, *statement.split("; "))
    for name, statement in SLIM_FORGERIES.items():
        add("forged_slim_" + name, edit, slim, *statement.split("; "))
    for i, statement in enumerate(NUMBERS):
        for word, value in (("huge", BIG), ("small", SMALL), ("minus", -1), ("half", 2**62)):
            add(f"numbers_{word}_{i}", edit, graphs, statement.format(value))
    for word, text in TEXTS.items():
        for table, column in TEXT_COLUMNS:
            add(f"text_{word}_{table}_{column}", set_text, graphs if table.startswith("graph") else plain, table, column, text)
        add(f"text_{word}_source_file_path", set_text, plain, "source_file", "path", text)
    for table, column in TEXT_COLUMNS:
        add(f"text_bytes_{table}_{column}", set_bytes, graphs if table.startswith("graph") else plain, table, column,
            b"\xff\xfe\xc0\xaf\xed\xa0\x80 \xf5\x80\x80\x80 \x80")
    for seed in range(16):
        change = mutated(zstd, seed)
        for table, where, rows in (("chunk_delta", "1", True), ("graph_object", "1", False), ("graph_links", "kind < 2", False),
                                   ("graph_links", "kind >= 2", False), ("graph_string", "1", False), ("graph_identity", "1", False)):
            add(f"blob_{table}{'_lists' if '>=' in where else ''}_{seed}", change_blobs, graphs, table, where,
                lambda blob, change=change, rows=rows: change(blob, rows))
        add(f"blob_events_{seed}", change_blobs, plain, "event_chunk", "1", mutate_columns(zstd, seed, EVENTS_VERSION, 4, 15))
        add(f"blob_groups_{seed}", change_blobs, slim, "chunk_delta", "1", mutate_columns(zstd, seed, GROUP_VERSION, 2, 14))
        add(f"flip_rows_of_slim_{seed}", flip_rows, slim, 2000 + seed)
    bomb = in_child(lambda: zstd.compress(bytes(300_000_000)))
    for table in ("chunk_delta", "graph_object", "graph_string", "graph_identity"):
        rows = varint(1 << 24) if table == "chunk_delta" else b""
        add(f"bomb_{table}", change_blobs, graphs, table, "1", lambda blob, rows=rows: b"\x01" + rows + varint(300_000_000) + bomb)
        add(f"bomb_small_claim_{table}", change_blobs, graphs, table, "1", lambda blob, rows=rows: b"\x01" + rows + varint(100) + bomb)
    add("bomb_events", change_blobs, plain, "event_chunk", "1",
        lambda blob: b"\x01" + varint(65536) + varint(0) + varint(0) + varint(0) + (varint(300_000_000) + varint(len(bomb))) * 15 + bomb * 15)
    for claim in (10 * 65536, 300_000_000):
        head = b"\x03" + varint(32) + varint(65536)
        add(f"bomb_groups_{claim}", change_blobs, slim, "chunk_delta", "1",
            lambda blob, claim=claim, head=head: head + (varint(claim) + varint(len(bomb))) * 14 + bomb * 14)
    return made
