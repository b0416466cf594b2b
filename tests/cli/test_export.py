"""cairn export: other tools open the files, and their totals are those of cairn top."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import unittest

from protobuf import fields, packed
from support import CHROMIUM, COUNTS, ENVIRONMENT, FOLDER, Case, ask, cairn, main, rendered, trace

FORMATS = "folded pprof massif csv json dot html".split()
WORDS = {"live": "live_bytes", "allocated": "allocated_bytes", "allocations": "allocations", "temporary": "temporary",
         "peak": "peak_bytes"}


def export(form, *words):
    done = cairn("export", trace(), "--format", form, *words)
    if done.status != 0:
        raise AssertionError(done.err)
    return done.raw


class Export(Case):
    def test_folded(self):
        for metric, column in WORDS.items():
            sums, total = {}, 0
            for line in export("folded", "--metric", metric, "--at", "@done").decode().splitlines():
                stack, value = re.fullmatch(r"(.*) (\d+)", line).groups()
                sums[stack.split(";")[-1]] = sums.get(stack.split(";")[-1], 0) + int(value)
                total += int(value)
            top = ask("top", trace(), "--at", "@done", "--metric", metric)
            self.assertEqual(total, top["total"][column], metric)
            for row in top["rows"]:
                if row["function"]:
                    self.assertEqual(sums.get(row["function"], 0), row[column], row["function"])

    def test_folded_begins_at_main(self):
        lines = [line for line in export("folded").decode().splitlines() if ";keep " in line]
        self.assertEqual(len(lines), 1)
        names = lines[0].split(" ")[0].split(";")
        self.assertLess(names.index("main"), names.index("keep"))

    def test_filters(self):
        lines = export("folded", "--filter", "^keep$", "--at", "end").decode().splitlines()
        self.assertEqual([line.split(";")[-1] for line in lines], ["keep 100000"])

    def test_csv_and_json(self):
        total = ask("top", trace())["total"]
        rows = list(csv.DictReader(io.StringIO(export("csv").decode())))
        answer = json.loads(export("json"))
        self.assertEqual(answer["schema"], "cairn.export/1")
        for column in COUNTS:
            self.assertEqual(sum(int(row[column]) for row in rows), total[column], column)
            self.assertEqual(sum(stack[column] for stack in answer["stacks"]), total[column], column)
            self.assertEqual(answer["total"][column], total[column])
        keep = next(row for row in rows if row["function"] == "keep")
        self.assertTrue(keep["stack"].startswith("keep;main"))
        self.assertEqual(next(s for s in answer["stacks"] if s["live_bytes"] == 100000)["frames"][0]["function"], "keep")
        self.assertEqual([p["t_ns"] for p in answer["timeline"]], sorted(p["t_ns"] for p in answer["timeline"]))

    def test_pprof(self):
        top = ask("top", trace(), "--by", "function")
        profile = fields(export("pprof"))
        texts = [text.decode() for text in profile[6]]
        self.assertEqual(texts[0], "")
        types = [(texts[fields(t)[1][0]], texts[fields(t)[2][0]]) for t in profile[1]]
        self.assertEqual(types, [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"),
                                 ("inuse_space", "bytes")])
        self.assertEqual(texts[profile[14][0]], "inuse_space")
        functions = {fields(f)[1][0]: texts[fields(f)[2][0]] for f in profile[5]}
        leaf = {}
        for location in map(fields, profile[4]):
            leaf[location[1][0]] = functions[fields(location[4][0])[1][0]]
        builds = [texts[fields(m)[6][0]] for m in profile[3] if 6 in fields(m)]
        self.assertTrue(any(re.fullmatch(r"[0-9a-f]{8,}", build) for build in builds))
        sums, flat = [0] * 4, {}
        for sample in map(fields, profile[2]):
            values, locations = packed(sample[2]), packed(sample.get(1, []))
            sums = [a + b for a, b in zip(sums, values)]
            if locations:
                name = leaf[locations[0]]
                flat[name] = [a + b for a, b in zip(flat.get(name, [0] * 4), values)]
        keys = "allocations allocated_bytes live_blocks live_bytes".split()
        self.assertEqual(sums, [top["total"][key] for key in keys])
        for row in top["rows"]:
            if row["function"]:
                self.assertEqual(flat[row["function"]], [row[key] for key in keys], row["function"])

    @unittest.skipUnless(shutil.which("go"), "needs go")
    def test_go_opens_pprof(self):
        path = os.path.join(FOLDER, "go.pb")
        self.assertEqual(cairn("export", trace(), "--format", "pprof", "-o", path).status, 0)
        for index, key in (("inuse_space", "live_bytes"), ("inuse_objects", "live_blocks"), ("alloc_space", "allocated_bytes"), ("alloc_objects", "allocations")):
            done = subprocess.run(["go", "tool", "pprof", "-top", "-unit=B", "-sample_index=" + index, "-nodefraction=0", path], capture_output=True, text=True,
                                  env=ENVIRONMENT, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            flat = {name: int(number) for number, name in re.findall(r"(?m)^ *(\d+)B? +[0-9.]+% +[0-9.]+% +\d+B? +[0-9.]+% +(\S+)", done.stdout)}
            top = ask("top", trace())
            self.assertRegex(done.stdout, rf"of {top['total'][key]}B? total")
            for row in top["rows"]:
                if row["function"]:
                    self.assertEqual(flat.get(row["function"], 0), row[key], (index, row["function"]))

    @unittest.skipUnless(shutil.which("ms_print"), "needs valgrind")
    def test_ms_print_opens_massif(self):
        for words in ((), ("--at", "end"), ("--filter", "^keep$")):
            path = os.path.join(FOLDER, "massif.out")
            self.assertEqual(cairn("export", trace(), "--format", "massif", "-f", "-o", path, *words).status, 0)
            done = subprocess.run(["ms_print", path], capture_output=True, text=True, env=ENVIRONMENT)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            top = ask("top", trace(), *words)
            held = sum(row["live_bytes"] for row in top["rows"])
            self.assertIn(f"{held:,}", done.stdout)
            first = top["rows"][0]
            self.assertRegex(done.stdout, rf"\({first['live_bytes']:,}B\) 0x[0-9A-F]+: {first['function']} ")

    def test_massif_reaches_the_peak(self):
        """Whatever moment it tells the stacks of, and however short the peak was."""
        for words in ((), ("--at", "end"), ("--at", "start"), ("--from", "start", "--at", "end")):
            done = cairn("export", trace("spike"), "--format", "massif", *words)
            heaps = [int(heap) for heap in re.findall(r"(?m)^mem_heap_B=(\d+)$", done.out)]
            self.assertEqual(max(heaps), 1000 + (8 << 20), words)
            times = [int(time) for time in re.findall(r"(?m)^time=(\d+)$", done.out)]
            self.assertEqual(times, sorted(times))

    @unittest.skipUnless(shutil.which("dot"), "needs graphviz")
    def test_dot_draws(self):
        done = subprocess.run(["dot", "-Tsvg"], input=export("dot"), capture_output=True, env=ENVIRONMENT)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"burst", done.stdout)
        self.assertIn(b"8.0 MiB", done.stdout)

    def test_html(self):
        page = export("html", "--metric", "allocated").decode()
        self.assertNotRegex(page, r"(src|href)\s*=|url\(|@import|fetch\(|XMLHttp")
        self.assertIn("default-src 'none'", page)
        data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))
        total = ask("top", trace(), "--metric", "allocated")["total"]
        self.assertEqual(data["total"], total["allocated_bytes"])
        self.assertEqual(data["counts"], [total[k] for k in "live_bytes live_blocks allocated_bytes allocations".split()])
        for number, (parent, _name, _place, value) in enumerate(data["tree"]):
            self.assertLess(parent, number)
            self.assertLessEqual(value, data["tree"][parent][3] if parent >= 0 else data["total"])
        self.assertIn("churn", [row[0] for row in data["top"]])

    def test_html_shows_what_changed(self):
        page = export("html", "--from", "@kept", "--to", "@done").decode()
        found = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))["diff"]
        diff = ask("diff", trace(), "@kept", "@done")
        self.assertEqual([found[key]["t_ns"] for key in "ab"], [diff[key]["t_ns"] for key in "ab"])
        self.assertEqual(found["total"], [diff["total"][key] for key in ("a_bytes", "b_bytes", "delta_bytes")])
        keys = "function delta_bytes a_bytes b_bytes delta_blocks survived_bytes".split()
        self.assertEqual([[row[0], *row[2:]] for row in found["rows"]], [[row[key] for key in keys] for row in diff["rows"]])
        self.assertEqual(found["verdict"], diff["verdict"])

    @unittest.skipUnless(CHROMIUM, "skipped: chromium is not here")
    def test_a_browser_shows_the_page(self):
        path = os.path.join(FOLDER, "page.html")
        for metric in ("live", "allocated"):
            self.assertEqual(cairn("export", trace(), "--format", "html", "--metric", metric, "-f", "-o", path).status, 0)
            page, console = rendered(path)
            self.assertEqual(console, [])
            top, text = ask("top", trace(), "--metric", metric), " ".join(cairn("top", trace(), "--metric", metric).out.split())
            facts = re.search(r'<p id="facts">(.*?)</p>', page, re.S).group(1)
            total = top["total"]
            self.assertIn(f"live in {total['live_blocks']:,} blocks", facts)
            self.assertIn(f"allocated in {total['allocations']:,} allocations", facts)
            for amount in re.findall(r"[0-9.]+ .?i?B", facts):
                self.assertIn(amount, text)
            self.assertIn("<polyline", page)
            self.assertIn("What changed from A, start", page)
            changed = re.search(r'<tbody id="diff-rows">(.*?)</tbody>', page, re.S).group(1)
            self.assertEqual(changed.count("<tr>"), len(ask("diff", trace(), "start", "end")["rows"]))
            for row in top["rows"][:3]:
                if row["function"]:
                    self.assertIn(row["function"], re.sub(r"<script.*?</script>", "", page, flags=re.S))

    def test_files(self):
        for form in FORMATS:
            path = os.path.join(FOLDER, "out." + form)
            self.assertEqual(cairn("export", trace(), "--format", form, "-o", path).status, 0)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), export(form))
            self.assert_sentence(cairn("export", trace(), "--format", form, "-o", path), 2, "-f")
            self.assertEqual(cairn("export", trace(), "--format", form, "-f", "-o", path).status, 0)

    def test_what_is_wrong(self):
        self.assert_sentence(cairn("export", trace()), 2, "folded")
        self.assert_sentence(cairn("export", trace(), "--format", "png"), 2, "png", "folded")
        self.assert_sentence(cairn("export", trace(), "--format", "csv", "-o", "/nonexistent/x"), 2, "/nonexistent/x")
        self.assert_sentence(cairn("export", trace(), "--format", "csv", "--at", "@absent", "-o", os.path.join(FOLDER, "y")), 2)
        self.assertFalse(os.path.exists(os.path.join(FOLDER, "y")))
        with open("/dev/full", "wb") as full:
            done = cairn("export", trace(), "--format", "json", stdout=full)
        self.assertEqual(done.status, 2)
        self.assertIn("No space left", done.err)


main()
