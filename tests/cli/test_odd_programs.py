"""What programs do that a recorder may stumble over (programs/odd.c): recorded, they print the same and end in the same way."""
import os
import shutil
import subprocess

from support import CC, FOLDER, HERE, Case, ask, cairn, main

LIBRARY = "#include <stdlib.h>\nvoid *allocate_elsewhere(size_t size) { char *block = malloc(size); block[0] = 1; return block; }\n"


def setUpModule():
    subprocess.run([CC, "-O1", "-g", "-fno-builtin", "-D_GNU_SOURCE", "-o", os.path.join(FOLDER, "odd"), os.path.join(HERE, "programs", "odd.c"),
                    "-pthread", "-ldl"], check=True)


class OddPrograms(Case):
    def setUp(self):
        self.folder = os.path.join(FOLDER, self.id().rsplit(".", 1)[-1])
        os.mkdir(self.folder)
        self.addCleanup(shutil.rmtree, self.folder)

    def same(self, *command):
        """Plain and recorded alike; what `info` says of the recording."""
        plain = cairn(command=list(command), cwd=self.folder)
        done = cairn("record", "-q", "-f", "-o", "t.cairn", "--", *command, cwd=self.folder)
        self.assertEqual((done.status, done.out, done.err), (plain.status if plain.status >= 0 else 128 - plain.status, plain.out, plain.err))
        info = ask("info", "t.cairn", cwd=self.folder)
        self.assertIs(info["complete"], True)
        return info

    def odd(self, *words):
        return self.same(os.path.join(FOLDER, "odd"), *words)

    def said(self, info):
        return [note["text"] for note in info["notes"]]

    def test_daemon_of_a_daemon(self):
        """Each is the child of the one before, also where that one allocated nothing."""
        info = self.odd("daemon")
        self.assertEqual([(row["process"], row["parent"]) for row in info["processes"]], [(1, None), (2, 1), (3, 2)])
        self.assertFalse([text for text in self.said(info) if "not known" in text])
        self.assertEqual(info["events"]["alloc"], info["events"]["free"])

    def test_pointers_to_nowhere(self):
        self.odd("nowhere")

    def test_longest_command_line(self):
        for how in ("exec", "spawn"):
            with self.subTest(how):
                self.assertTrue([text for text in self.said(self.odd(how)) if text.startswith("/bin/true was not recorded: its arguments")])

    def test_small_stacks(self):
        with open(os.path.join(self.folder, "elsewhere.c"), "w") as file:
            file.write(LIBRARY)
        library = os.path.join(self.folder, "elsewhere.so")
        subprocess.run([CC, "-O1", "-shared", "-fPIC", "-fno-builtin", "-o", library, file.name], check=True)
        for where in ("handler", "coroutine"):
            with self.subTest(where):
                self.odd(where, library)
                functions = [row["stack"][0]["function"] for row in
                             ask("top", "t.cairn", "--by", "stack", "--metric", "allocated", cwd=self.folder)["rows"]]
                self.assertIn("allocate_elsewhere", functions)

    def test_no_counter(self):
        self.assertEqual(len(self.odd("counter")["processes"]), 4)

    def test_valgrind(self):
        if not shutil.which("valgrind"):
            self.skipTest("valgrind is not installed")
        info = self.same("valgrind", "-q", "--error-exitcode=9", "true")
        self.assertTrue([text for text in self.said(info) if "it runs under valgrind" in text])


main()
