"""Bad input: one sentence, what to do, the right status, within a second; nothing half-written stays behind."""

import os
import shutil
import sqlite3
import stat
import subprocess

from support import BUILD, CC, FOLDER, Case, build, cairn, main, trace

HELLO = "int main(void) { return 0; }\n"


def fresh(name):
    folder = os.path.join(FOLDER, name)
    os.mkdir(folder)
    return folder


def as_somebody():
    """cairn as a user who is not root, and who may not enter the build folder then."""
    if os.geteuid() != 0:
        return [os.environ["CAIRN"]]
    folder = os.path.join(FOLDER, "for-everybody")
    if not os.path.exists(folder):
        os.mkdir(folder)
        for name in ("cairn", "libcairn.so"):
            shutil.copy(os.path.join(BUILD, name), folder)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", os.path.join(folder, "cairn")]


def compile_hello(path, *flags):
    subprocess.run([CC, "-x", "c", "-", "-o", path, *flags], input=HELLO.encode(), check=True)
    return path


class Programs(Case):
    def refuse(self, program, status, *words, **more):
        folder = fresh(f"refuse{len(os.listdir(FOLDER))}")
        os.chmod(folder, 0o777)
        done = cairn("record", "--", program, cwd=folder, **more)
        self.assert_sentence(done, status, *words)
        self.assertEqual(os.listdir(folder), [])

    def test_missing(self):
        self.refuse("/no/such/program", 127, "/no/such/program")
        self.refuse("no-such-program-in-path", 127, "no-such-program-in-path")
        self.refuse("", 127)

    def test_not_executable(self):
        path = os.path.join(FOLDER, "plain.txt")
        with open(path, "w") as file:
            file.write("hello\n")
        self.refuse(path, 126, "plain.txt")
        self.refuse(FOLDER, 126)

    def test_static(self):
        self.refuse(compile_hello(os.path.join(FOLDER, "static"), "-static"), 126, "static")

    def test_setuid(self):
        path = shutil.copy(build("ledger"), os.path.join(FOLDER, "setuid"))
        os.chmod(path, 0o4755)
        if os.geteuid() != 0:
            self.skipTest("needs a file that belongs to somebody else")
        self.refuse(path, 126, "is setuid", command=as_somebody())

    def test_no_script(self):
        path = os.path.join(FOLDER, "lost-interpreter")
        with open(path, "w") as file:
            file.write("#!/no/such/interpreter\n")
        os.chmod(path, 0o755)
        self.refuse(path, 126)

    def test_other_machine(self):
        path = os.path.join(FOLDER, "foreign-elf")
        with open(build("ledger"), "rb") as file:
            image = bytearray(file.read())
        image[18:20] = (183).to_bytes(2, "little")  # e_machine: AArch64
        with open(path, "wb") as file:
            file.write(image)
        os.chmod(path, 0o755)
        self.refuse(path, 126)


class Folders(Case):
    def test_read_only_folder(self):
        folder = fresh("readonly")
        os.chmod(folder, 0o555)
        command = as_somebody()
        done = cairn("record", "--", build("ledger"), cwd=folder, command=command, env={"HOME": "/"})
        self.assert_sentence(done, 125, "-o")
        self.assertEqual(os.listdir(folder), [])
        done = cairn("record", "-o", "sub/x.cairn", "--", build("ledger"), cwd=folder, command=command)
        self.assert_sentence(done, 125)
        self.assertEqual(os.listdir(folder), [])

    def test_output_is_a_folder(self):
        folder = fresh("isfolder")
        os.mkdir(os.path.join(folder, "x.cairn"))
        for more in ([], ["-f"]):
            self.assert_sentence(cairn("record", *more, "-o", "x.cairn", "--", build("ledger"), cwd=folder), 125)
        self.assertEqual(os.listdir(folder), ["x.cairn"])

    def test_output_through_a_link(self):
        folder = fresh("islink")
        os.symlink("elsewhere", os.path.join(folder, "x.cairn"))
        self.assert_sentence(cairn("record", "-o", "x.cairn", "--", build("ledger"), cwd=folder), 125)
        self.assertEqual(os.listdir(folder), ["x.cairn"])


class Traces(Case):
    def refuse(self, path, *words, **more):
        for command in ("info", "top", "diff"):
            moments = ["start", "end"] if command == "diff" else []
            self.assert_sentence(cairn(command, path, *moments, **more), 2, *words)

    def test_missing(self):
        self.refuse(os.path.join(FOLDER, "nothing.cairn"), "nothing.cairn", "no such file")

    def test_unreadable(self):
        path = shutil.copy(trace(), os.path.join(FOLDER, "secret.cairn"))
        os.chmod(path, 0)
        command = as_somebody()
        self.refuse(path, "secret.cairn", "ermission", command=command)

    def test_foreign(self):
        self.refuse(build("ledger"), "not a cairn trace")
        self.refuse(FOLDER, "folder")
        empty = os.path.join(FOLDER, "zero.cairn")
        open(empty, "w").close()
        self.refuse(empty)
        database = os.path.join(FOLDER, "other.cairn")
        with sqlite3.connect(database) as other:
            other.execute("CREATE TABLE x (y)")
        self.refuse(database, "cairn")

    def test_truncated(self):
        with open(trace(), "rb") as file:
            whole = file.read()
        for part in (50, 4096, len(whole) // 2, len(whole) - 1):
            path = os.path.join(FOLDER, "truncated.cairn")
            with open(path, "wb") as file:
                file.write(whole[:part])
            self.refuse(path, "truncated.cairn")

    def test_newer_version(self):
        path = shutil.copy(trace(), os.path.join(FOLDER, "newer.cairn"))
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 99")
        self.refuse(path, "newer")

    def test_forged_schema(self):
        path = shutil.copy(trace(), os.path.join(FOLDER, "forged.cairn"))
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE extra (x)")
        self.refuse(path, "forged.cairn")

    def test_a_fifo(self):
        path = os.path.join(FOLDER, "pipe.cairn")
        os.mkfifo(path)
        self.refuse(path)

    def test_nothing_to_repair(self):
        path = shutil.copy(trace(), os.path.join(FOLDER, "whole.cairn"))
        with open(path, "rb") as file:
            before = file.read()
        self.assertEqual(cairn("info", "--repair", path).status, 0)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assert_sentence(cairn("info", "--repair", build("ledger")), 2, "not a cairn trace")
        self.assert_sentence(cairn("info", "--repair", os.path.join(FOLDER, "nothing.cairn")), 2, "no such file")

    def test_reading_writes_nothing(self):
        folder = fresh("untouched")
        path = shutil.copy(trace(), os.path.join(folder, "x.cairn"))
        before = (os.stat(path).st_mtime_ns, os.stat(path).st_size)
        for words in (["info"], ["top"], ["tree"], ["leaks"], ["timeline"]):
            self.assertEqual(cairn(words[0], path).status, 0)
        self.assertEqual(os.listdir(folder), ["x.cairn"])
        self.assertEqual((os.stat(path).st_mtime_ns, os.stat(path).st_size), before)
        self.assertFalse(os.stat(path).st_mode & stat.S_IRWXO)


class Originals(Case):
    """What is read is never written over, whatever -f says."""

    def refuse(self, path, *words):
        with open(path, "rb") as file:
            before = file.read()
        linked = path + ".linked"
        os.symlink(os.path.basename(path), linked)
        for to in (path, linked, os.path.join(os.path.dirname(path), ".", os.path.basename(path))):
            self.assert_sentence(cairn(*words, to), 2, "name another file")
        self.assertTrue(os.path.islink(linked))
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_copies(self):
        for command in ("slim", "redact"):
            path = shutil.copy(trace(), os.path.join(FOLDER, f"{command}-itself.cairn"))
            self.refuse(path, command, path, "-f", "-o")

    def test_export(self):
        path = shutil.copy(trace(), os.path.join(FOLDER, "export-itself.cairn"))
        self.refuse(path, "export", path, "--format", "folded", "-f", "-o")

    def test_import(self):
        path = os.path.join(FOLDER, "massif.out.1")
        self.assertEqual(cairn("export", trace(), "--format", "massif", "-o", path).status, 0)
        self.refuse(path, "import", path, "-f", "-o")


class Devices(Case):
    """-f replaces files, nothing else."""

    def make(self, name):
        path = os.path.join(FOLDER, name)
        if name == "full":
            try:
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))
                open(path, "w").close()
            except PermissionError:
                self.skipTest("no device can be made here")
        elif name == "link":
            os.symlink("nowhere", path)
        else:
            os.mkfifo(path)
        return path

    def test_copies_leave_them(self):
        massif = os.path.join(FOLDER, "massif.out.2")
        self.assertEqual(cairn("export", trace(), "--format", "massif", "-o", massif).status, 0)
        for name in ("pipe", "link", "full"):
            path = self.make(name)
            before = os.lstat(path)
            for words in (("slim", trace()), ("redact", trace()), ("import", massif)):
                self.assert_sentence(cairn(*words, "-f", "-o", path), 2, "no regular file and stays")
                self.assertEqual(os.lstat(path).st_ino, before.st_ino)
            os.unlink(path)

    def test_export_that_fails_leaves_it(self):
        path = self.make("full")
        self.assert_sentence(cairn("export", trace(), "--format", "folded", "-f", "-o", path), 2, "No space left")
        self.assertTrue(stat.S_ISCHR(os.lstat(path).st_mode))
        os.unlink(path)


class Words(Case):
    def test_moments_said_twice(self):
        for words in (["--from", "20%"], ["--to", "20%"], ["--to", "nonsense"]):
            self.assert_sentence(cairn("diff", trace(), "start", "end", *words), 2, "said twice")
            self.assert_sentence(cairn("diff", trace(), "start", *words), 2, "said twice")
        self.assert_sentence(cairn("diff", trace(), "start", "end", "--at", "20%"), 2, "--at is for two traces")
        self.assertEqual(cairn("diff", trace(), "--from", "20%").status, 0)
        self.assertEqual(cairn("diff", trace(), trace(), "--at", "20%").status, 0)

    def test_options_of_other_verbs(self):
        for words in (["--depth", "5"], ["--back"], ["--svg", "x.svg"]):
            self.assert_sentence(cairn("graph", trace(), "types", *words), 2, "they go with dot")
        self.assert_sentence(cairn("graph", trace(), "show", "1", "--suppressions", "x"), 2, "it goes with unreachable")
        self.assert_sentence(cairn("graph", trace(), "types", "--filter", "x"), 2, "they go with sites and objects")

    def test_no_thread(self):
        for command in ("top", "leaks", "check"):
            self.assert_sentence(cairn(command, trace(), "--thread", "0"), 2, "no thread 0")

    def test_empty_names(self):
        for command in ("top", "view", "info", "sql", "slim"):
            self.assert_sentence(cairn(command, "", "-o", "x") if command == "slim" else cairn(command, ""), 2, "name is empty")

    def test_files_of_the_viewer(self):
        script = os.path.join(FOLDER, "look.script")
        with open(script, "w") as file:
            file.write("keys 1\n")
        self.assertEqual(cairn("view", trace(), "--script", script, "--source-root", FOLDER).status, 0)
        self.assert_sentence(cairn("view", trace(), "--script", script, "--source-root", script), 2, "no folder")
        self.assert_sentence(cairn("view", trace(), "--script", script, "--source-root", "/no/such"), 2, "/no/such")
        self.assert_sentence(cairn("view", trace(), "--script", FOLDER), 2, FOLDER)

    def test_times(self):
        for at, said in (
            ("yesterday", "yesterday"),
            ("12", "12"),
            ("@nope", "@kept"),
            ("s99999", "s99999"),
            ("500%", "500%"),
            ("-5s", "-5s"),
            ("1000h", "1000h"),
            ("end-1000h", "end-1000h"),
            ("", ""),
            ("@", "@"),
        ):
            for command in ("top", "tree"):
                self.assert_sentence(cairn(command, trace(), "--at", at), 2, said)
            self.assert_sentence(cairn("diff", trace(), "start", at), 2, said)
        self.assert_sentence(cairn("top", trace(), "--from", "@done", "--to", "@kept"), 2)

    def test_expressions(self):
        for option in ("--filter", "--exclude", "--skip"):
            self.assert_sentence(cairn("top", trace(), option, "a(b"), 2, "a(b")

    def test_numbers(self):
        self.assert_sentence(cairn("top", trace(), "--process", "77777777"), 2)
        self.assert_sentence(cairn("top", trace(), "--process", "first"), 2, "first")
        self.assert_sentence(cairn("top", trace(), "--thread", "77777777"), 2, "77777777")

    def test_suppressions(self):
        self.assert_sentence(cairn("leaks", trace(), "--suppressions", "/no/such/file"), 2, "/no/such/file")
        path = os.path.join(FOLDER, "bad.supp")
        with open(path, "w") as file:
            file.write("leek:x\n")
        self.assert_sentence(cairn("leaks", trace(), "--suppressions", path), 2, "bad.supp")

    def test_types_need_a_graph(self):
        done = cairn("top", trace(), "--by", "type")
        if done.status != 0:
            self.assert_sentence(done, 2, "graph")


main()
