"""Every command's JSON, key by key and number by number, and its CSV, against a program that allocates known amounts."""

import csv
import io
import re

import support
from support import COUNTS, ENVELOPE, FRAME, SITE, Case, ask, cairn, main, trace, without_graph

KEPT, GROWN, BURST = 1000 * 100, 10000, 8 << 20


def row_of(answer, function):
    return next(row for row in answer["rows"] if row["function"] == function)


class Answers(Case):
    def check_envelope(self, answer, command):
        self.assert_keys(answer, ENVELOPE)
        self.assertEqual(answer["schema"], f"cairn.{command}/1")
        self.assert_keys(answer["trace"], ["file", "id"])
        self.assertIs(answer["complete"], True)
        self.assertEqual(answer["lost_events"], 0)
        self.assertIs(answer["sampled"], False)

    def check_stack(self, row, innermost_of=None):
        self.assertIsInstance(row["stack"], list)
        for frame in row["stack"]:
            self.assert_keys(frame, FRAME)
        names = [frame["function"] for frame in row["stack"]]
        if innermost_of:
            self.assertIn(innermost_of, names)
            self.assertLess(names.index(innermost_of), names.index("main"))

    def test_info(self):
        answer = ask("info", trace())
        self.check_envelope(answer, "info")
        self.assertTrue(answer["program"].endswith("/ledger"))
        self.assertIsNone(answer["args"])
        self.assertEqual((answer["exit_status"], answer["signal"]), (0, None))
        self.assertGreaterEqual(answer["events"]["alloc"], 6002)
        self.assertEqual(answer["events"]["realloc"], 10)
        self.assertEqual(answer["events"]["unknown_free"], 0)
        self.assertGreaterEqual(answer["peak"]["bytes"], KEPT + GROWN + BURST)
        self.assertLess(answer["peak"]["bytes"], KEPT + GROWN + BURST + 20000)
        self.assertGreaterEqual(answer["end"]["bytes"], KEPT + GROWN)
        self.assertEqual(len(answer["processes"]), 1)
        self.assert_keys(
            answer["processes"][0], "process pid parent program started_ns ended_ns exit_status signal python".split()
        )
        self.assertEqual(answer["pid"], answer["processes"][0]["pid"])
        self.assert_keys(
            answer,
            "started_unix_ns duration_ns stopped_why allocated_bytes rss_peak_bytes threads stacks snapshots graphs "
            "python schema_version file_bytes exact_from_ns stalled_ns".split(),
        )
        self.assertIsInstance(answer["threads"], int)
        self.assertEqual(answer["schema_version"], 3)

    def test_top_counts(self):
        answer = ask("top", trace(), "--at", "@done")
        self.check_envelope(answer, "top")
        self.assert_keys(answer, "at span metric total other rows".split())
        self.assert_keys(answer["total"], COUNTS)
        self.assertEqual(answer["at"]["label"], "@done")
        for row in answer["rows"]:
            self.assert_keys(row, SITE + COUNTS + ["stacks", "stack", "stack_percent"])
        keep, churn, grow, burst = (row_of(answer, name) for name in ("keep", "churn", "grow", "burst"))
        self.assertEqual((keep["live_bytes"], keep["live_blocks"], keep["allocations"]), (KEPT, 1000, 1000))
        self.assertEqual((churn["live_bytes"], churn["allocated_bytes"]), (0, 5000 * 300))
        self.assertEqual((churn["allocations"], churn["temporary"]), (5000, 5000))
        self.assertEqual((grow["live_bytes"], grow["live_blocks"], grow["reallocs"]), (GROWN, 1, 10))
        self.assertEqual(grow["allocations"], 11)
        self.assertEqual((burst["live_bytes"], burst["peak_bytes"]), (0, BURST))
        self.assertEqual(sum(row["live_bytes"] for row in answer["rows"]), answer["total"]["live_bytes"])
        self.check_stack(keep, "keep")
        self.assertEqual(keep["stack_percent"], 100)
        self.assertEqual(keep["lang"], "native")
        self.assertTrue(keep["file"].endswith("ledger.c"))

    def test_top_by(self):
        for by in "function line file module stack thread process".split():
            answer = ask("top", trace(), "--at", "@done", "--by", by)
            self.assertEqual(sum(row["live_bytes"] for row in answer["rows"]), answer["total"]["live_bytes"], by)
            percent = sum(row["percent"] for row in answer["rows"])
            self.assertAlmostEqual(percent, 100, places=3, msg=by)
        self.assert_keys(ask("top", trace(), "--by", "thread")["rows"][0], ["thread", "thread_name"])
        self.assert_keys(ask("top", trace(), "--by", "process")["rows"][0], ["process"])
        self.assertIsNone(ask("top", trace(), "--by", "file")["rows"][0]["function"])

    def test_top_limits_and_order(self):
        answer = ask("top", trace(), "--limit", "1", "--metric", "allocations")
        self.assertEqual(len(answer["rows"]), 1)
        self.assertEqual(answer["rows"][0]["function"], "churn")
        self.assertGreater(answer["rows_total"], 1)
        rest = answer["total"]["allocations"] - answer["rows"][0]["allocations"]
        self.assertEqual(answer["other"]["allocations"], rest)
        whole = ask("top", trace(), "--sort", "name")["rows"]
        names = [row["function"] for row in whole if row["function"]]
        self.assertEqual(names, sorted(names))
        second = ask("top", trace(), "--sort", "name", "--offset", "1")["rows"]
        self.assertEqual([r["site_id"] for r in second], [r["site_id"] for r in whole[1:]])
        self.assertEqual(ask("top", trace(), "--frames", "1")["rows"][0]["stack"][1:], [])

    def test_rows_are_ordered_by_each_of_their_keys(self):
        """Every number of a row but its percents; keys that the rows do not have are refused, not passed over."""
        size = {"delta_bytes": abs, "delta_blocks": abs}
        for words, foreign in ((["top", trace()], "a_bytes"), (["tree", trace()], "bytes"), (["leaks", trace()], "temporary"),
                               (["diff", trace(), "20%", "80%"], "peak_bytes")):
            done = cairn(*words, "--sort", foreign)
            self.assert_sentence(done, 2, "--sort", foreign)
            answer = ask(*words, "--by", "function") if words[0] != "tree" else ask(*words)
            rows = "roots" if words[0] == "tree" else "rows"
            keys = [k for k, v in answer[rows][0].items() if isinstance(v, int) and not isinstance(v, bool)
                    and not k.startswith("self") and k.endswith(("bytes", "blocks", "allocations", "reallocs", "temporary", "_ns"))]
            self.assertGreater(len(keys), 2)
            for key in keys:
                for reverse in ([], ["--reverse"]):
                    values = [size.get(key, int)(row[key]) for row in ask(*words, "--sort", key, *reverse)[rows]]
                    self.assertEqual(values, sorted(values, reverse=not reverse), f"{words[0]} --sort {key} {reverse}")

    def test_no_row_passes_the_filter(self):
        for words in (["top"], ["tree"], ["sizes"], ["diff", "start", "end"]):
            command, *moments = words
            said = cairn(command, trace(), *moments, "--filter", "no such function")
            self.assertEqual(said.status, 0, said.err)
            self.assertIn("no row passes the filter", said.out)
        self.assert_sentence(cairn("graph", trace(), "types", "--filter", "keep"), 2, "sites and objects")

    def test_top_filters(self):
        only = ask("top", trace(), "--filter", "^keep$", "--at", "end")["rows"]
        self.assertEqual([row["function"] for row in only], ["keep"])
        without = ask("top", trace(), "--exclude", "^keep$", "--at", "end")["rows"]
        self.assertNotIn("keep", [row["function"] for row in without])
        charged = ask("top", trace(), "--skip", "^(keep|grow)$", "--at", "end")["rows"]
        self.assertNotIn("keep", [row["function"] for row in charged])
        self.assertIn("main", [row["function"] for row in charged])
        self.assertEqual(ask("top", trace(), "--lang", "python")["rows"], [])

    def test_config_skips(self):
        import os

        from support import FOLDER

        folder = os.path.join(FOLDER, "other", "cairn")
        os.makedirs(folder)
        with open(os.path.join(folder, "config"), "w") as file:
            file.write("# wrappers\ntheme = mono\nskip = ^keep$\n")
        rows = ask("top", trace(), env={"XDG_CONFIG_HOME": os.path.dirname(folder)})["rows"]
        self.assertNotIn("keep", [row["function"] for row in rows])

    def test_moments(self):
        for at in "start end peak 40% 1ms end-1ms s1 @kept".split():
            answer = ask("top", trace(), "--at", at)
            self.assert_keys(answer["at"], ["t_ns", "label"])
        at_kept = ask("top", trace(), "--at", "@kept")
        self.assertEqual(row_of(at_kept, "keep")["live_bytes"], KEPT)
        span = ask("top", trace(), "--from", "@kept", "--to", "@done", "--metric", "allocated")
        self.assertEqual(row_of(span, "churn")["allocations"], 5000)
        self.assertNotIn("keep", [r["function"] for r in span["rows"] if r["allocations"]])
        self.assertLessEqual(span["span"]["from_ns"], span["span"]["to_ns"])

    def test_tree(self):
        answer = ask("tree", trace("deep"), "--at", "end")
        self.check_envelope(answer, "tree")

        def visit(node, path, found):
            self.assert_keys(node, FRAME + COUNTS + ["self_bytes", "children"])
            path = path + [node["function"]]
            found[tuple(path[path.index("main") :] if "main" in path else path)] = node
            below = sum(child["live_bytes"] for child in node["children"])
            self.assertLessEqual(below, node["live_bytes"])
            for child in node["children"]:
                visit(child, path, found)

        found = {}
        for root in answer["roots"]:
            visit(root, [], found)
        self.assertEqual(found[("main", "left", "leaf")]["live_bytes"], 4000)
        self.assertEqual(found[("main", "middle", "leaf")]["self_bytes"], 2000)
        self.assertEqual(found[("main", *["chain"] * 61, "leaf")]["live_bytes"], 1000)
        up = ask("tree", trace("deep"), "--at", "end", "--bottom-up")
        leaf = next(root for root in up["roots"] if root["function"] == "leaf")
        self.assertEqual(leaf["live_bytes"], 7000)
        self.assertEqual({child["function"] for child in leaf["children"]}, {"left", "middle", "chain"})
        few = ask("tree", trace("deep"), "--at", "end", "--bottom-up", "--limit", "1")
        self.assertEqual(len(few["roots"]), 1)

    def test_diff_of_moments(self):
        answer = ask("diff", trace(), "@kept", "@done")
        self.check_envelope(answer, "diff")
        self.assert_keys(answer, "a b total verdict rows".split())
        self.assert_keys(answer["a"], "t_ns label trace".split())
        totals = "a_bytes b_bytes delta_bytes a_blocks b_blocks delta_blocks survived_bytes".split()
        self.assert_keys(answer["total"], totals)
        grow, keep = row_of(answer, "grow"), next((r for r in answer["rows"] if r["function"] == "keep"), None)
        self.assertEqual((grow["a_bytes"], grow["b_bytes"], grow["delta_bytes"]), (0, GROWN, GROWN))
        self.assertEqual((grow["survived_bytes"], grow["survived_blocks"], grow["state"]), (GROWN, 1, "new"))
        self.check_stack(grow, "grow")
        if keep:
            self.assertEqual((keep["delta_bytes"], keep["state"]), (0, "same"))
        back = ask("diff", trace(), "@done", "@kept")
        self.assertEqual(row_of(back, "grow")["delta_bytes"], -GROWN)
        self.assertEqual(row_of(back, "grow")["state"], "gone")
        self.assertEqual(answer["verdict"] != "", True)

    def test_diff_forms(self):
        import shutil
        import os

        from support import FOLDER

        folder = os.path.join(FOLDER, "alone")
        os.mkdir(folder)
        shutil.copy(trace(), os.path.join(folder, "one.cairn"))
        want = ask("diff", trace(), "@kept", "@done")["rows"]
        self.assertEqual(ask("diff", "@kept", "@done", cwd=folder)["rows"], want)
        self.assertEqual(ask("diff", "1", "@kept", "@done", cwd=folder)["rows"], want)
        self.assertEqual(ask("diff", "--from", "@kept", "--to=@done", "one.cairn", cwd=folder)["rows"], want)
        to_end = ask("diff", "@kept", cwd=folder)
        self.assertEqual((to_end["a"]["label"], to_end["b"]["label"]), ("@kept", "end"))

    def test_diff_of_traces(self):
        answer = ask("diff", trace("deep"), trace())
        self.check_envelope(answer, "diff")
        self.assertNotEqual(answer["a"]["trace"], answer["b"]["trace"])
        self.assertEqual(row_of(answer, "leaf")["delta_bytes"], -7000)
        self.assertIsNone(row_of(answer, "keep")["survived_bytes"])
        same = ask("diff", trace(), trace())
        self.assertEqual(same["total"]["delta_bytes"], 0)
        self.assertEqual({row["state"] for row in same["rows"]}, {"same"})

    def test_leaks(self):
        answer = ask("leaks", without_graph())
        self.check_envelope(answer, "leaks")
        self.assertEqual(answer["meaning"], "live_at_end")
        self.assertGreaterEqual(answer["total"]["bytes"], KEPT + GROWN)
        keep = row_of(answer, "keep")
        self.assertEqual((keep["bytes"], keep["blocks"], keep["class"]), (KEPT, 1000, "unknown"))
        self.assert_keys(keep, SITE[:7] + "class oldest_age_ns stack".split())
        self.assertEqual(ask("leaks", without_graph(), "--min-age", "1h")["rows"], [])
        nothing = {"bytes": None, "blocks": None}  # without a graph nobody knows which of them are reachable
        self.assertEqual([answer[key] for key in ("definite", "indirect", "reachable")], [nothing] * 3)
        self.assertEqual(answer["unknown"], {key: answer["total"][key] for key in ("bytes", "blocks")})

    def test_growth_of_a_moment_is_no_leak(self):
        """A program that ends at once is not said to keep growing; one that goes on is."""
        short = ask("growth", trace("short"))
        self.assertLess(short["span"]["to_ns"], 1_000_000_000)
        text = " ".join(cairn("growth", trace("short")).out.split())
        self.assertIn("sites that grew from start", text)
        self.assertNotIn("that keep growing", text)
        self.assertEqual("record for longer" in text, bool(short["rows"]))
        path = support.FOLDER + "/second.cairn"
        self.assertEqual(cairn("record", "-q", "-o", path, "--", "sleep", "1.1").status, 0)
        self.assertIn("sites that keep growing from start", cairn("growth", path).out)

    def test_growth_says_when_its_numbers_are_of(self):
        """`first_bytes` and `last_bytes` are what `top` has at the moments named, which are not the span's ends."""
        answer = ask("growth", trace("waves"))
        fitted, span = answer["fitted"], answer["span"]
        self.assertTrue(span["from_ns"] < fitted["from_ns"] < fitted["to_ns"] <= span["to_ns"])
        self.assertTrue(answer["rows"])
        for moment, key in (("from_ns", "first_bytes"), ("to_ns", "last_bytes")):
            top = ask("top", trace("waves"), "--at", f"{fitted[moment] // 1000}us")
            live = {row["site_id"]: row["live_bytes"] for row in top["rows"]}
            for row in answer["rows"]:
                self.assertEqual(row[key], live.get(row["site_id"], 0), (moment, row["function"]))
        self.assertRegex(cairn("growth", trace("waves")).out, r"FIRST is at [0-9.]+ \w+, LAST at [0-9.]+ \w+\.")

    def test_short_lists_are_cut_when_asked(self):
        for verb in ("sizes", "rss"):
            every = ask(verb, trace("waves"))
            self.assertEqual(every["rows_total"], len(every["rows"]))
            part = ask(verb, trace("waves"), "--limit", "2", "--offset", "1")
            self.assertEqual((part["rows_total"], part["rows"]), (len(every["rows"]), every["rows"][1:3]))
            self.assertIn("1 more", cairn(verb, trace("waves"), "-n", str(len(every["rows"]) - 1)).out)

    def test_growth_is_said_the_same_way(self):
        """In the sentence above the sites as in the list of those that grow."""
        for at in ("@two", "end"):
            text = " ".join(cairn("top", trace("waves"), "--at", at).out.split())
            top = ask("top", trace("waves"), "--at", at)["rows"][0]["function"]
            grown = {row["function"]: (row["grew"], row["of"]) for row in ask("growth", trace("waves"))["rows"]}
            said = re.search(r"which grew in (\d+) of (\d+) steps", text)
            self.assertEqual(tuple(map(int, said.groups())) if said else None, grown.get(top), at)
        self.assertTrue(grown)

    def test_rates_are_of_the_whole_bucket(self):
        """However few points are asked for, what they count adds up to all allocations."""
        points = ask("timeline", trace("waves"))["points"]
        count = lambda points: sum(p["allocations_per_s"] * (p["t_ns"] - before) / 1e9 for p, before in zip(points, [0, *(p["t_ns"] for p in points)]))
        total = ask("top", trace("waves"), "--metric", "allocations")["total"]["allocations"]
        for limit in (1, 3, 10):
            few = ask("timeline", trace("waves"), "--limit", str(limit))["points"]
            self.assertEqual(len(few), min(limit, len(points)))
            self.assertEqual((few[-1]["t_ns"], few[-1]["heap_bytes"]), (points[-1]["t_ns"], points[-1]["heap_bytes"]))
            self.assertEqual(max(p["heap_max_bytes"] for p in few), max(p["heap_max_bytes"] for p in points))
            if limit < len(points):
                steps = [b["t_ns"] - a["t_ns"] for a, b in zip(few, few[1:-1])]
                quiet = steps and max(steps) > 1.5 * min(steps)  # intervals without a point: the rate behind them is not of them
                self.assertGreater(count(few) / total, 0.999)
                self.assertTrue(quiet or count(few) / total < 1.001, (limit, count(few), total))

    def test_leaks_by_graph(self):
        answer = ask("leaks", trace())
        self.check_envelope(answer, "leaks")
        self.assertEqual((answer["meaning"], answer["at"]["label"]), ("unreachable", "@exit"))
        keep, grow = row_of(answer, "keep"), row_of(answer, "grow")
        self.assertEqual((keep["bytes"], keep["blocks"], keep["class"]), (KEPT, 1000, "reachable"))
        self.assertEqual((grow["bytes"], grow["blocks"], grow["class"]), (GROWN, 1, "reachable"))
        self.assertEqual(sum(row["bytes"] for row in answer["rows"] if row["class"] != "reachable"), answer["total"]["bytes"])
        self.assertEqual(sum(row["bytes"] for row in answer["rows"] if row["class"] == "reachable"), answer["reachable"]["bytes"])
        self.assertEqual(ask("leaks", trace(), "--min-age", "1h")["rows"], [])
        by_age = row_of(ask("leaks", trace(), "--min-age", "1ns"), "keep")
        self.assertEqual((by_age["bytes"], by_age["oldest_age_ns"]), (KEPT, keep["oldest_age_ns"]))

    def test_leaks_suppressed(self):
        import os

        from support import FOLDER

        path = os.path.join(FOLDER, "lsan.supp")
        with open(path, "w") as file:
            file.write("# known\nleak:^keep$\n")
        for path_of_trace in (trace(), without_graph()):
            answer = ask("leaks", path_of_trace, "--suppressions", path)
            self.assertNotIn("keep", [row["function"] for row in answer["rows"]])
            self.assertIn("grow", [row["function"] for row in answer["rows"]])
        self.assertEqual(cairn("leaks", without_graph(), "--fail").status, 1)
        self.assertEqual(cairn("leaks", without_graph(), "--fail", "--min-age", "1h").status, 0)

    def test_other_lists(self):
        for command, field, keys in (
            ("growth", "rows", "first_bytes last_bytes slope_bytes_per_s fit grew of stack"),
            ("rss", "rows", "category bytes note"),
            ("timeline", "points", "t_ns heap_bytes heap_blocks rss_bytes mapped_bytes allocations_per_s frees_per_s"),
            ("snapshots", "rows", "snapshot t_ns kind name bytes blocks graph"),
            ("sizes", "rows", "size_low size_high allocations frees live temporary lifetimes"),
        ):
            answer = ask(command, trace())
            self.check_envelope(answer, command)
            self.assertIsInstance(answer[field], list, command)
            for row in answer[field]:
                self.assert_keys(row, keys.split())

    def test_snapshots_name_marks(self):
        names = [row["name"] for row in ask("snapshots", trace())["rows"] if row["kind"] == "mark"]
        self.assertEqual(names, ["kept", "done"])
        kinds = {row["kind"] for row in ask("snapshots", trace())["rows"]}
        self.assertIn("peak", kinds)

    def test_sizes_add_up(self):
        rows = ask("sizes", trace())["rows"]
        info = ask("info", trace())
        total = info["events"]["alloc"] + info["events"]["realloc"]
        self.assertEqual(sum(row["allocations"] for row in rows), total)
        self.assertEqual(sum(row["live"] for row in rows), info["end"]["blocks"])
        for row in rows:
            self.assertEqual(sum(cell["blocks"] for cell in row["lifetimes"]), row["frees"], row)
            self.assertEqual(row["frees"] + row["live"], row["allocations"], row)

    def test_rss_adds_up(self):
        answer = ask("rss", trace())
        known = [row["bytes"] for row in answer["rows"] if row["bytes"] is not None]
        if answer["total_bytes"] is not None:
            self.assertEqual(sum(known), answer["total_bytes"])

    def test_traces(self):
        import os
        import shutil

        from support import FOLDER

        folder = os.path.join(FOLDER, "two")
        os.mkdir(folder)
        shutil.copy(trace("deep"), os.path.join(folder, "old.cairn"))
        shutil.copy(trace(), os.path.join(folder, "new.cairn"))
        os.utime(os.path.join(folder, "old.cairn"), (1000000000, 1000000000))
        with open(os.path.join(folder, "bad.cairn"), "w") as file:
            file.write("nothing of the kind")
        os.utime(os.path.join(folder, "bad.cairn"), (900000000, 900000000))
        rows = ask(cwd=folder)["rows"]
        self.assertEqual([row["file"] for row in rows], ["new.cairn", "old.cairn", "bad.cairn"])
        self.assertIsNone(rows[2]["program"])
        self.assertIn("not a cairn trace", rows[2]["error"])
        text = cairn(cwd=folder)
        self.assertEqual(text.status, 0)
        self.assertIn("ledger", text.out)
        self.assertIn("cairn diff", text.out)
        self.assertTrue(ask("info", cwd=folder)["program"].endswith("ledger"))
        self.assertTrue(ask("info", "2", cwd=folder)["program"].endswith("deep"))
        self.assertEqual(ask("diff", "2", "1", cwd=folder)["b"]["trace"]["file"], "new.cairn")

    def test_csv(self):
        for command in ("top", "tree", "leaks", "growth", "rss", "timeline", "snapshots", "sizes", "info"):
            done = cairn(command, trace(), "--format", "csv")
            self.assertEqual(done.status, 0, done.err)
            rows = list(csv.reader(io.StringIO(done.out)))
            self.assertEqual({len(row) for row in rows}, {len(rows[0])}, command)
        done = cairn("diff", trace(), "@kept", "@done", "--format=csv")
        rows = list(csv.DictReader(io.StringIO(done.out)))
        grow = next(row for row in rows if row["function"] == "grow")
        self.assertEqual(grow["delta_bytes"], str(GROWN))
        frames = grow["stack"].split(";")
        self.assertLess(frames.index("grow"), frames.index("main"))
        top = list(csv.DictReader(io.StringIO(cairn("top", trace(), "--format", "csv").out)))
        as_json = ask("top", trace())["rows"]
        self.assertEqual([int(row["live_bytes"]) for row in top], [row["live_bytes"] for row in as_json])
        self.assertEqual([row["site_id"] for row in top], [str(row["site_id"]) for row in as_json])

    def test_stable(self):
        for command in ("top", "tree", "leaks", "sizes"):
            self.assertEqual(
                cairn(command, trace(), "--format", "json").raw, cairn(command, trace(), "--format", "json").raw
            )


main()
