"""What a trace and its slim copy are asked alike, and where the answers differ. Only what single events tell may be refused or unknown.

    CAIRN=…/cairn python3 slim_questions.py FULL SLIM [EVERY]     one in so many snapshots; prints what differs"""

import json
import os
import sqlite3
import sys

from support import cairn

OF_THE_FILE = {"trace", "file_bytes", "exact_from_ns", "schema_version"}
# What single events tell: null in the copy where it takes them. What was live at the peak of a part of the recording is of them.
OF_EVENTS = {"survived_bytes", "survived_blocks", "oldest_age_ns", "oldest_event", "peak_bytes", "found"}
OF_ANSWERS = {"verdict", "sites"}  # and what is said because of it
WIDER = ".error_bytes"
REFUSALS = ("single events",)


def moments(path, every):
    """Every snapshot (or one in so many), those with names, and other words for moments that stay exact."""
    db = sqlite3.connect(path)
    snapshots = db.execute("SELECT snapshot, kind, name FROM snapshot ORDER BY event, snapshot").fetchall()
    db.close()
    words = [f"s{number}" for i, (number, kind, _) in enumerate(snapshots) if i % every == 0 or kind != "periodic"]
    names = ["@" + name for _, _, name in snapshots if name]
    return words, list(dict.fromkeys(names)), ["start", "peak", "end", "33%", "75%"]


def questions(path, every=1):
    """Words behind `cairn`, the trace's path apart: (verb, …)."""
    snapshots, names, others = moments(path, every)
    asked = [("info",), ("snapshots",), ("sizes",), ("leaks",), ("timeline",), ("rss",), ("growth",), ("growth", "--by", "stack", "--frames", "4"), ("top",), ("tree",),
             ("top", "--metric", "allocations"), ("top", "--metric", "temporary"), ("top", "--metric", "peak"), ("check", "--max-peak", "1T"),
             ("graph", "types"), ("leaks", "--by", "stack", "--frames", "4"), ("sql", "SELECT * FROM top_at_peak ORDER BY 1, 2, 3, 4"),
             ("sql", "SELECT * FROM timeline"), ("export", "--format", "massif", "-o", "-"), ("export", "--format", "json", "--at", snapshots[len(snapshots) // 2], "-o", "-")]
    for at in snapshots:
        asked.append(("top", "--at", at))
    for at in snapshots[::5] + names + others:
        asked += [("top", "--at", at, "--by", "stack", "--frames", "4", "--metric", "allocated"), ("tree", "--at", at), ("rss", "--at", at),
                  ("export", "--format", "folded", "--at", at, "-o", "-"),
                  ("sql", f"SELECT * FROM heap_at('{at}')")]
    ends = (snapshots[::7] + names + ["peak", "40%", "end"])[:30]
    for first, second in zip(ends, ends[1:]):
        asked += [("diff", first, second), ("diff", first, second, "--by", "stack", "--frames", "4"),
                  ("sql", f"SELECT account, a_bytes, b_bytes, delta_bytes, a_blocks, b_blocks FROM heap_diff('{first}', '{second}')")]
    for first, second in (("s1", "end"), ("10%", "90%"), (snapshots[len(snapshots) // 4], snapshots[-1 - len(snapshots) // 4])):
        span = ("--from", first, "--to", second)
        asked += [("growth", *span), ("timeline", *span), ("top", *span, "--at", second), ("tree", *span, "--at", second, "--metric", "allocated"),
                  ("check", *span, "--max-peak", "1T")]
    return asked


def ask(path, words):
    """(status, answer, what is said beside it)"""
    format_words = () if "export" in words else ("--format", "json")
    done = cairn(words[0], path, *words[1:], *format_words)
    if done.status != 2 and format_words:
        return done.status, json.loads(done.raw.decode("utf-8")), done.err
    return done.status, done.out.replace(path, "TRACE"), done.err.replace(path, "TRACE")


def is_wider(a, b):
    """Whether the second of two rows about a change has a larger standard error: blocks that survived are in both states and cancel out,
    which a copy does not know. It is a number still."""
    return ("delta_bytes" in a or "slope_bytes_per_s" in a) and None not in (a.get("error_bytes"), b.get("error_bytes")) and a["error_bytes"] < b["error_bytes"]


def compare(a, b, where=""):
    """(where the second answer says another thing than the first one, where it does not know what the first one says): paths of keys."""
    if a == b:
        return [], []
    if isinstance(a, dict) and isinstance(b, dict):
        unknown = [f"{where}.{key}" for key in a.keys() & b.keys() & OF_EVENTS if b[key] is None and a[key] is not None]
        wrong = [f"{where}.{key}" for key in a.keys() ^ b.keys()]
        if is_wider(a, b) or (f"{where}.found" in unknown and b.get("error_bytes") is None):
            unknown.append(where + WIDER)
        for key in a.keys() & b.keys():
            if key in OF_THE_FILE or f"{where}.{key}" in unknown or (key in OF_ANSWERS and (unknown or where == "")):
                continue
            more = compare(a[key], b[key], f"{where}.{key}")
            wrong, unknown = wrong + more[0], unknown + more[1]
        return wrong, unknown
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = [compare(x, y, f"{where}[{i}]") for i, (x, y) in enumerate(zip(a, b))]
        return [text for wrong, _ in pairs for text in wrong], [text for _, unknown in pairs for text in unknown]
    return [f"{where}: {a!r:.60} and {b!r:.60}"], []


def difference(full, slim, words):
    """None where both say the same, or ("refused" | "unknown" | "wider" | "marked" | "neither" | "different", why). Wider: all is known, but
    standard errors are larger; marked: of fewer moments, and says so; neither: both refuse, in the same words."""
    a, b = ask(full, words), ask(slim, words)
    if a[0] != 2 and b[0] == 2:
        return ("refused" if any(word in b[2] for word in REFUSALS) else "different"), b[2].strip()
    if a[0] == 2 and (a[1:] == (b[1], b[2])):
        return "neither", a[2].strip()
    wrong, unknown = compare(a[1], b[1]) if a[0] == b[0] else ([f"status {a[0]} and {b[0]}: {b[2]}"], [])
    if words[0] == "growth" and "growth leaves out" in b[2]:
        return "marked", b[2].strip()
    if a[2] != b[2]:
        wrong.append(f"says {b[2]!r} instead of {a[2]!r}")
    if wrong or not unknown:
        return ("different", "; ".join(wrong[:4])) if wrong else None
    return ("wider" if all(path.endswith(WIDER) for path in unknown) else "unknown"), ", ".join(unknown[:4])


def main():
    full, slim = map(os.path.abspath, sys.argv[1:3])
    asked = questions(full, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    counts = {"refused": 0, "unknown": 0, "wider": 0, "marked": 0, "neither": 0, "different": 0}
    for words in asked:
        found = difference(full, slim, words)
        if found:
            counts[found[0]] += 1
            print(found[0] + ":", " ".join(words), "--", found[1][:400])
    print(len(asked), "questions:", counts)


if __name__ == "__main__":
    main()
