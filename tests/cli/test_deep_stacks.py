"""Stacks deeper than --max-depth: what is kept of them, and that they cost about what others cost."""

import os
import unittest
from functools import lru_cache

from support import BUILD, FOLDER, Case, ask, cairn

WINDING = os.path.join(BUILD, "tests", "targets", "stacks", "stacks_winding_O2")


@lru_cache(maxsize=None)
def recorded(*options, rounds=8):
    path = os.path.join(FOLDER, "-".join(("winding", *options)) + ".cairn")
    done = cairn("record", "-q", "--graph", "off", *options, "-o", path, "--", WINDING, str(rounds))
    if done.status != 0:
        raise AssertionError(done.err)
    return path


def rows(path, statement):
    return ask("sql", path, statement)["results"][0]["rows"]


def stacks(path):
    """Of every account: its frames, and whether it was cut."""
    parents = {stack: (parent, kind) for stack, parent, kind in
               rows(path, "SELECT s.stack, s.parent, f.kind FROM stack s JOIN frame f USING (frame)")}
    for stack, in rows(path, "SELECT DISTINCT stack FROM account WHERE stack > 0"):
        frames, cut = 0, False
        while stack:
            stack, kind = parents[stack]
            cut |= kind == 1
            frames += kind != 1
        yield frames, cut


class DeepStacks(Case):
    def test_a_few_nodes_an_event(self):
        """Most of 5,000 allocations come from 257 to 1,500 frames deep, each along another way."""
        (nodes, allocations), = rows(recorded(), "SELECT (SELECT count(*) FROM stack), alloc_events FROM recording")
        self.assertGreater(allocations, 5000)
        self.assertLess(nodes, 25 * allocations)  # 256 for each where every call moved the cut

    def test_what_is_kept(self):
        """Half of --max-depth at least; of a small one exactly that."""
        for options, least, most in (((), 128, 256), (("--max-depth", "64"), 32, 64), (("--max-depth", "20"), 20, 20)):
            found = list(stacks(recorded(*options)))
            cut = [frames for frames, is_cut in found if is_cut]
            self.assertGreater(len(cut), 1000, options)
            self.assertTrue(least <= min(cut) and max(cut) <= most, (options, min(cut), max(cut)))
            self.assertLessEqual(max(frames for frames, is_cut in found if not is_cut), most, options)

    def test_a_whole_stack_is_not_cut(self):
        self.assertFalse(any(is_cut for _, is_cut in stacks(recorded("--max-depth", "1024", rounds=3))))


if __name__ == "__main__":
    unittest.main()
