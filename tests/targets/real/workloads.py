"""Real programs with deterministic work: what the comparisons with heaptrack and the benchmarks record.

prepare(folder) makes the inputs once and returns {name: Workload}. Every workload ends by itself and prints the same bytes
each time."""
import json
import os
import random
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Workload:
    argv: list
    env: dict = field(default_factory=dict)
    stdin: str = None            # a file's path
    deterministic: bool = True   # the same blocks each time: tables of addresses grow by where the system puts things
    options: tuple = ()          # of `cairn record`

    def environment(self):
        return {**os.environ, **self.env}


def write_json(path, megabytes):
    rng = random.Random(7)
    with open(path, "w") as out:
        out.write("[")
        size, first = 0, True
        while size < megabytes << 20:
            row = json.dumps({"id": rng.randrange(10**9), "name": "n%08x" % rng.getrandbits(32),
                              "tags": ["t%d" % rng.randrange(50) for _ in range(rng.randrange(6))],
                              "at": {"x": rng.random(), "y": rng.random()}})
            out.write(row if first else ",\n" + row)
            size, first = size + len(row) + 2, False
        out.write("]")


def write_c(path, lines):
    rng = random.Random(11)
    with open(path, "w") as out:
        out.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n")
        count = 3
        number = 0
        while count < lines:
            out.write(f"struct s{number} {{ int a, b[{rng.randrange(2, 30)}]; struct s{number} *next; }};\n"
                      f"int f{number}(struct s{number} *p, int n)\n{{\n    int total = 0;\n    for (int i = 0; i < n; i++) {{\n"
                      f"        if (p->b[i % 2] > {rng.randrange(100)}) {{\n            total += p->a * i + {rng.randrange(9)};\n"
                      f"        }} else {{\n            total ^= (int)strlen(\"x{number}\") << (i & 3);\n        }}\n    }}\n"
                      f"    return p->next ? total + f{number}(p->next, n / 2) : total;\n}}\n")
            count += 14
            number += 1


def make_repository(path, commits):
    git = ["git", "-C", path, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    env = {**os.environ, "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}
    os.makedirs(path)
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True, env=env)
    rng = random.Random(5)
    stream = ["feature done\n"]
    for commit in range(commits):
        stream.append(f"commit refs/heads/main\nmark :{commit + 1}\ncommitter a <a@b> {1577836800 + commit} +0000\ndata 5\nwork\n\n")
        if commit:
            stream.append(f"from :{commit}\n")
        for _ in range(4):
            text = "".join("line %d\n" % rng.randrange(1000) for _ in range(120))
            stream.append(f"M 100644 inline d{rng.randrange(12)}/f{rng.randrange(30)}.txt\ndata {len(text)}\n{text}\n")
    stream.append("done\n")
    subprocess.run([*git, "fast-import", "--quiet", "--done"], input="".join(stream), text=True, check=True, env=env)


PYTHON = """
import json, re
rows = [{"id": i, "name": "n%d" % i, "tags": ["a", "b", str(i)]} for i in range(20000)]
text = json.dumps(rows)
for _ in range(3):
    back = json.loads(text)
words = {}
for word in re.findall(r"[a-z]+\\d*", text):
    words[word] = words.get(word, 0) + 1
print(len(back), len(words), sum(words.values()))
"""
SQL = """
PRAGMA cache_size = -200000;
CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
  INSERT INTO t SELECT i, 'row ' || (i * 7919 % 200003), i * 0.5, i % 997 FROM n;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_c ON t (c, b);
SELECT c, count(*), group_concat(substr(a, 1, 6)) FROM t GROUP BY c ORDER BY 2 DESC, 1 LIMIT 3;
SELECT count(*) FROM t x JOIN t y ON y.a = 'row ' || (x.id % 1000);
"""


def compiler_proper():
    """What gcc calls to compile, with the folder of headers that gcc tells it of."""
    def ask(question):
        return subprocess.run(["gcc", question], capture_output=True, text=True).stdout.strip() if shutil.which("gcc") else ""

    multiarch = ask("-print-multiarch")
    return [ask("-print-prog-name=cc1") or "cc1", *(["-imultiarch", multiarch] if multiarch else [])]


def prepare(folder, scale=1.0):
    """Inputs of the usual size at scale 1; smaller ones for quick tests."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    big, sql, source, repository, script = (root / n for n in ("big.json", "work.sql", "work.c", "repository", "work.py"))
    if not big.exists():
        write_json(big, max(1, int(9 * scale)))
        sql.write_text(SQL.replace("200000", str(max(2000, int(200000 * scale)))).replace("-" + str(max(2000, int(200000 * scale))), "-200000"))
        write_c(source, max(300, int(3000 * scale)))
        make_repository(str(repository), max(40, int(1500 * scale)))
        script.write_text(PYTHON)
    every = {
        "jq": Workload(["jq", "-c", "map(.tags | length) | add", str(big)]),
        "sqlite3": Workload(["sqlite3", "-init", "/dev/null", ":memory:", f".read {sql}"]),
        "git": Workload(["git", "-C", str(repository), "--no-pager", "log", "--stat", "--no-color"],
                        env={"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}),
        "gcc": Workload(["gcc", "-c", "-O1", "-o", "/dev/null", str(source)]),
        "cc1": Workload([*compiler_proper(), "-quiet", "-O1", "-o", "/dev/null", str(source)], deterministic=False),
        "python3": Workload(["/usr/bin/python3", "-S", "-E", str(script)], env={"PYTHONHASHSEED": "0"},
                            options=("--python", "off")),
        "python3-malloc": Workload(["/usr/bin/python3", "-S", str(script)], env={"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"},
                                   options=("--python", "off")),
    }
    return {name: work for name, work in every.items() if shutil.which(work.argv[0])}
