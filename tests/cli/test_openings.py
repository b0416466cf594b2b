"""Libraries that a program opens past every preloaded library (programs/opens.c): what goes on in them is recorded, or said to be missing."""
import os
import subprocess

from support import CC, FOLDER, Case, ask, build, cairn, main

LIBRARY = """#include <stdbool.h>
#include <stdlib.h>
char *allocate(size_t size) { char *block = malloc(size); block[0] = 1; return block; }
void release(void *block) { free(block); }
bool is_shared(void) { return %s; }
"""

# One that only its own blocks may come back to.
ALLOCATOR = """#include <stddef.h>
#include <stdlib.h>
static char store[1 << 20], *next = store;
void *malloc(size_t size) { char *block = next; next += (size + 31) & ~(size_t)15; return block; }
void free(void *block) { if ((size_t)((char *)block - store) >= sizeof store) { abort(); } }
"""


def library(name, source, *flags):
    path = os.path.join(FOLDER, name)
    subprocess.run([CC, "-x", "c", "-", "-O1", "-g", "-fno-builtin", "-shared", "-fPIC", "-o", path, *flags], input=source, text=True, check=True)
    return path


class Openings(Case):
    def same(self, *words, program=None, options=()):
        """Plain and recorded alike; what `info` says of the recording."""
        command = [program or build("opens"), *words]
        plain = cairn(command=command)
        self.assertEqual(plain.status, 0, plain.out)
        done = cairn("record", "-q", "-f", "-o", "opens.cairn", *options, "--", *command)
        self.assertEqual((done.status, done.out, done.err), (plain.status, plain.out, plain.err))
        return ask("info", "opens.cairn")

    def allocations(self):
        """Of the library's function; what of it is live at the end."""
        rows = ask("top", "opens.cairn", "--metric", "allocations", "--at", "end")["rows"]
        return [(row["allocations"], row["live_bytes"]) for row in rows if row["function"] == "allocate"]

    def test_bound_deeply(self):
        programs = {"as usual": None, "not position-independent": build("opens", ("-g", "-no-pie"), os.path.join(FOLDER, "opens_no_pie"))}
        for binding in ("lazy", "now"):
            for kind, program in programs.items():
                with self.subTest(binding, program=kind):
                    info = self.same("deep", library(binding + ".so", LIBRARY % "true", "-Wl,-z," + binding), program=program)
                    self.assertEqual((info["events"]["unknown_free"], info["lost_events"]), (0, 0))
                    self.assertEqual(self.allocations(), [(101, 777)])

    def test_sampled(self):
        self.same("deep", library("lazy.so", LIBRARY % "true", "-Wl,-z,lazy"), options=["--sample", "1K"])
        self.assertTrue(self.allocations())

    def test_allocator_of_its_own(self):
        """Deeply bound, it calls that one: it must not be given another."""
        allocator = library("liballocator.so", ALLOCATOR, "-nostdlib")
        for binding in ("lazy", "now"):
            with self.subTest(binding):
                info = self.same("deep", library("own.so", LIBRARY % "false", "-Wl,-z," + binding, "-x", "none", allocator, "-Wl,-rpath," + FOLDER))
                self.assertEqual((info["events"]["unknown_free"], info["lost_events"], self.allocations()), (0, 0, []))

    def test_namespace_of_its_own(self):
        info = self.same("apart", library("lazy.so", LIBRARY % "false"))
        self.assertEqual(self.allocations(), [])
        self.assertTrue([note["text"] for note in info["notes"] if "namespace of their own (dlmopen)" in note["text"]])


main()
