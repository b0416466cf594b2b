"""sqlite3: tables in memory, rows fetched as tuples and as Row, functions and aggregates called back from C."""
import sqlite3

import moments


class Longest:
    def __init__(self):
        self.kept = []

    def step(self, text):
        self.kept.append(text + "!")

    def finalize(self):
        return max(self.kept)


held = []


def remember(number):
    held.append("seen %d" % number)
    return number * 2


moments.begin()
database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, body BLOB)")
database.executemany("INSERT INTO item(name, body) VALUES (?, ?)", (("item %d" % number, bytes(50)) for number in range(1500)))
rows = database.execute("SELECT id, name, body FROM item").fetchall()
database.row_factory = sqlite3.Row
named = list(database.execute("SELECT id, name FROM item WHERE id % 2"))
moments.take("fetched")
database.create_function("remember", 1, remember)
database.create_aggregate("longest", 1, Longest)
answers = database.execute("SELECT remember(id), id FROM item").fetchall()
longest = database.execute("SELECT longest(name) FROM item WHERE id < 50").fetchone()
moments.take("called")
