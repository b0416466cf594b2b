#!/usr/bin/env python3
"""test_format_bytes.py MAKE_RANDOM_TRACE: reads traces by docs/trace-format.md and docs/trace-blobs.md alone, none of cairn's code, replays every
event and compares with the accounts, deltas and keyframes in the same file, and with those of a slim copy."""
import ctypes
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from ctypes.util import find_library

COLUMNS = 15
ALLOC, FREE, REALLOC, ADOPT, SHRINK, LOST, END = range(7)
TEMPORARY = 1
zstd = ctypes.CDLL(find_library("zstd") or "libzstd.so.1")
zstd.ZSTD_decompress.restype = ctypes.c_size_t
zstd.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


def decompress(data, size):
    out = ctypes.create_string_buffer(size or 1)
    assert zstd.ZSTD_decompress(out, size, data, len(data)) == size
    return out.raw[:size]


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 if value % 2 == 0 else -(value + 1) // 2

    def at_end(self):
        return self.at == len(self.data)


class Accounts:
    """Predictions of one group of columns."""

    def __init__(self, numbers, sizes):
        self.numbers, self.sizes = numbers, sizes
        self.account, self.size, self.follower = [None], [0], [0]
        self.last = self.before = self.last_new = 0
        self.pair = [0] * 4096

    def next(self, op):
        h = (self.last * 0x9E3779B1 & 0xFFFFFFFF) ^ (self.before * 0x85EBCA6B & 0xFFFFFFFF)
        slot = (h ^ h >> 15) % 4096
        if op & 3 == 0:
            local = self.pair[slot]
        elif op & 3 == 1:
            local = self.follower[self.last]
        else:
            local = self.numbers.varint()
            if local == 0:
                self.last_new += self.numbers.zigzag()
                local = len(self.account)
                self.account.append(self.last_new)
                self.size.append(0)
                self.follower.append(0)
        assert local != 0
        if op & 4:
            self.size[local] = self.sizes.varint()
        self.pair[slot] = self.follower[self.last] = local
        self.before, self.last = self.last, local
        return self.account[local], self.size[local]


def place_of(live, cursor, place):
    """`live`: indexes of live blocks in order of birth; `cursor`: how many of them are not newer than it."""
    ring = [None] + live
    if place < 4:
        return ring[(len(ring) - 1 - place) % len(ring)]
    return ring[(cursor - (place - 4)) % len(ring)] if place < 7 else ring[(cursor + place - 6) % len(ring)]


def decode(blob, first):
    """The chunk's events as dicts."""
    head = Bytes(blob)
    assert head.byte() == 1
    count, olds, fars, time = (head.varint() for _ in range(4))
    sizes = [(head.varint(), head.varint()) for _ in range(COLUMNS)]
    at, column = head.at, []
    for raw, stored in sizes:
        column.append(Bytes(decompress(blob[at:at + stored], raw) if raw else b""))
        at += stored
    assert at == len(blob)

    events = [None] * count
    for base, many in ((0, olds), (5, fars)):
        births, indexes, ops, numbers, lengths = column[base:base + 5]
        accounts, birth, index = Accounts(numbers, lengths), 0, 0
        for _ in range(many):
            birth, index, op = birth + births.varint(), index + indexes.zigzag(), ops.byte()
            assert events[index] is None and (birth < max(0, first - 131072)) == (base == 0)
            account, size = accounts.next(op & 7)
            events[index] = {"kind": (FREE, REALLOC, SHRINK, LOST, ADOPT)[op >> 4], "flags": op >> 3 & 1, "birth": birth,
                             "account": account, "size": size}

    times = []
    while len(times) < count:
        token = column[10].byte()
        step, more = token >> 4, token & 15
        step += column[10].varint() if step == 15 else 0
        more += column[10].varint() if more == 15 else 0
        time += step
        times += [time] * (more + 1)
    assert len(times) == count

    accounts, live, cursor = Accounts(column[12], column[13]), [], 0
    for index in range(count):
        event = events[index]
        if event is None:
            op = column[11].byte()
            event = events[index] = {"flags": 0}
            if op < 16:
                event["kind"], event["flags"] = ALLOC, op >> 3
                event["account"], event["size"] = accounts.next(op & 7)
            elif op == 0x10:
                event["kind"], event["account"] = END, column[12].varint()
            else:
                place = op & 15
                block = index - column[14].varint() if place == 10 else place_of(live, cursor, place)
                cursor = live.index(block)
                live.remove(block)
                made = events[block]
                event.update(kind=FREE if op < 0x40 else REALLOC, flags=op >> 4 & 1, birth=first + block,
                             account=made["account"], size=made["size"])
        if event["kind"] == REALLOC:
            event["old_account"], event["old_size"] = event["account"], event["size"]
            event["account"], event["size"] = accounts.next(column[11].byte())
        if event["kind"] in (ALLOC, REALLOC, ADOPT):
            live.append(index)
        event["t_us"] = times[index]
    assert all(c.at_end() for c in column)
    return events


def decode_totals(blob):
    head = Bytes(blob)
    assert head.byte() == 1
    rows, size = head.varint(), head.varint()
    raw = Bytes(decompress(blob[head.at:], size))
    account, accounts = 0, []
    for _ in range(rows):
        account += raw.varint() + 1
        accounts.append(account)
    columns = [[raw.zigzag() for _ in range(rows)] for _ in range(6)]
    assert raw.at_end()
    return {account: list(values) for account, values in zip(accounts, zip(*columns))}


def decode_group(blob):
    """What each chunk of a group changed, as decode_totals() has it."""
    head = Bytes(blob)
    assert head.byte() == 3
    chunks, rows = head.varint(), head.varint()
    sizes = [(head.varint(), head.varint()) for _ in range(14)]
    at, columns = head.at, []
    for raw, stored in sizes:
        columns.append(Bytes(decompress(blob[at:at + stored], raw) if raw else b""))
        at += stored
    assert at == len(blob) and chunks <= 32 and (chunks == 1 or rows <= 65536)
    counts, found, sums = [columns[0].varint() for _ in range(chunks)], [], defaultdict(lambda: [0, 0])
    assert sum(counts) == rows
    for count in counts:
        account, accounts = 0, []
        for _ in range(count):
            account += columns[1].varint() + 1
            accounts.append(account)
        found.append(dict.fromkeys(accounts))
    for totals in found:
        for account in totals:
            told = []
            for low, rest in zip(columns[2::2], columns[3::2]):
                value = low.byte() + 256 * rest.varint()
                told.append(value >> 1 if value % 2 == 0 else -(value + 1) // 2)
            allocations, allocated, blocks, live, reallocs, temporary = told
            usual = sums[account][0] // sums[account][1] if sums[account][1] else 0
            totals[account] = [live + usual * blocks, blocks, allocated + usual * allocations, allocations, reallocs, temporary]
            sums[account][0] += totals[account][2]
            sums[account][1] += allocations
    assert all(column.at_end() for column in columns)
    return found


LIVE_BYTES, LIVE_BLOCKS, BYTES, ALLOCATIONS, REALLOCS, TEMPORARIES = range(6)


def replay(event, totals, process_of, ended):
    kind, row = event["kind"], totals[event["account"]]
    if kind == END:
        for account, process in process_of.items():
            if process == event["account"]:
                ended[account] = totals[account][:2]
                totals[account][:2] = [0, 0]
        return
    if kind in (FREE, REALLOC, LOST):
        old = totals[event["old_account"]] if kind == REALLOC else row
        old[LIVE_BYTES] -= event["old_size"] if kind == REALLOC else event["size"]
        old[LIVE_BLOCKS] -= 1
        old[TEMPORARIES] += event["flags"]
    if kind == SHRINK:
        row[LIVE_BYTES] -= event["size"]
    if kind in (ALLOC, REALLOC, ADOPT):
        row[LIVE_BYTES] += event["size"]
        row[LIVE_BLOCKS] += 1
    if kind in (ALLOC, REALLOC):
        row[BYTES] += event["size"]
        row[ALLOCATIONS] += 1
        row[REALLOCS] += kind == REALLOC or event["flags"]


def without_zeros(totals):
    return {account: row for account, row in totals.items() if any(row)}


def check(path, wanted=()):
    """The totals at these positions."""
    states = {}
    db = sqlite3.connect(path)
    process_of = dict(db.execute("SELECT account, process FROM account"))
    keyframes = {chunk: decode_totals(data) for chunk, data in db.execute("SELECT chunk, data FROM keyframe")}
    totals, ended, last_us, seen = defaultdict(lambda: [0] * 6), {}, 0, 0
    rows = db.execute("SELECT chunk, first_event, events, first_t_ns, last_t_ns, oldest_freed_event, c.data, d.data "
                      "FROM event_chunk c JOIN chunk_delta d USING (chunk) ORDER BY chunk")
    for chunk, first, count, first_ns, last_ns, oldest, data, delta in rows:
        if chunk in keyframes:
            assert keyframes[chunk] == without_zeros(totals), f"keyframe {chunk}"
        before = {account: row[:] for account, row in totals.items()}
        events = decode(data, first)
        assert first == seen and count == len(events)
        assert events[0]["t_us"] * 1000 == first_ns and events[-1]["t_us"] * 1000 == last_ns
        births = [e["birth"] for e in events if e.get("birth", first) < first]
        assert oldest == (min(births) if births else None)
        for index, event in enumerate(events):
            assert event["t_us"] >= last_us and event.get("birth", 0) < first + index + (event["kind"] in (ALLOC, END))
            last_us = event["t_us"]
            if first + index in wanted:
                states[first + index] = without_zeros({account: row[:] for account, row in totals.items()})
            replay(event, totals, process_of, ended)
        changed = {account: [now - then for now, then in zip(row, before.get(account, [0] * 6))]
                   for account, row in totals.items()}
        assert decode_totals(delta) == without_zeros(changed), f"delta {chunk}"
        seen += count
    assert seen == db.execute("SELECT events FROM recording").fetchone()[0]
    for account, *row in db.execute("SELECT account, live_bytes, live_blocks, allocated_bytes, allocations, reallocs, "
                                    "temporary FROM account"):
        assert row == ended.get(account, totals[account][:2]) + totals[account][2:], f"account {account}"
    db.close()
    return states


def borders(path):
    db = sqlite3.connect(path)
    found = [row[0] for row in db.execute("SELECT first_event FROM event_chunk ORDER BY chunk")]
    db.close()
    return found


def check_slim(path, states):
    """That the sums of its deltas are the states at its borders, and its key frames, too."""
    db = sqlite3.connect(path)
    keyframes = {chunk: decode_totals(data) for chunk, data in db.execute("SELECT chunk, data FROM keyframe")}
    totals, group, groups = defaultdict(lambda: [0] * 6), [], 0
    rows = db.execute("SELECT chunk, first_event, c.data, d.data FROM event_chunk c JOIN chunk_delta d USING (chunk) ORDER BY chunk")
    for chunk, first, data, delta in rows:
        assert data is None
        assert without_zeros(totals) == states[first], f"state before {chunk}"
        assert keyframes.get(chunk, states[first]) == states[first], f"keyframe {chunk}"
        if delta[0] == 3:
            assert not group
            group, at, groups = decode_group(delta), 0, groups + 1
        else:
            at += 1
            assert delta == bytes([5, at])
        for account, row in group.pop(0).items():
            totals[account] = [was + change for was, change in zip(totals[account], row)]
    assert not group
    db.close()
    return groups


def main():
    with tempfile.TemporaryDirectory() as folder:
        # The last one is long enough for old events.
        for seed, events, chunk in [(1, 2000, 1), (2, 3000, 17), (3, 4000, 500), (4, 5000, 65536), (5, 160000, 20000)]:
            path, slim = f"{folder}/{seed}.cairn", f"{folder}/{seed}-slim.cairn"
            subprocess.run([sys.argv[1], path, str(seed), str(events), str(chunk), slim], check=True)
            groups = check_slim(slim, check(path, set(borders(slim))))
            print(f"seed {seed}: {events} events in chunks of {chunk}; {groups} groups")


main()
