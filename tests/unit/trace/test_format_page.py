#!/usr/bin/env python3
"""test_format_page.py SCHEMA PAGE: docs/trace-format.md has a section for every table and view, which names each of its
columns and no others."""
import re
import sqlite3
import sys
from pathlib import Path


def main():
    db = sqlite3.connect(":memory:")
    db.executescript(Path(sys.argv[1]).read_text())
    sections = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", Path(sys.argv[2]).read_text(), re.M | re.S))
    faults = []
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")]
    for name in names:
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({name})")}
        cells = re.findall(r"^\| (`.*?) \|", sections.get(name, ""), re.M)
        described = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
        faults += [f"{name}: {column} is not described" for column in sorted(columns - described)]
        faults += [f"{name}: there is no {column}" for column in sorted(described - columns)]
    faults += [f"{name}: there is no such table" for name in sections if name not in names]
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
