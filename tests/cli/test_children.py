"""What a recorded program starts, and what cannot be recorded: it runs as without us, without a word of the loader's, and the trace
says why it is missing."""
import os
import shutil
import subprocess
import sys
import unittest

from support import CAIRN, CC, FOLDER, INCLUDE, Case, ask, cairn

PROGRAM = "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { free(malloc(10)); puts(\"fine\"); return 3; }\n"
# Every way to start a program that Python has.
STARTER = """
import os, subprocess, sys
for name in sys.argv[1:]:
    print(subprocess.run([name]).returncode)
    print(subprocess.run([name], close_fds=False).returncode)
    print(os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn(name, [name], os.environ), 0)[1]))
    pid = os.fork()
    if pid == 0:
        os.execv(name, [name])
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""

# posix_spawn of ./address in another folder, said in every way that there is.
SPAWNER = r"""
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void start(posix_spawn_file_actions_t *actions) {
  char *arguments[] = {"address", NULL};
  pid_t pid;
  int status = 0, failed = posix_spawn(&pid, "./address", actions, NULL, arguments, environ);
  if (!failed) waitpid(pid, &status, 0);
  printf("%d %d\n", failed, WEXITSTATUS(status));
  fflush(stdout);
  posix_spawn_file_actions_destroy(actions);
}
int main(int argc, char **argv) {
  posix_spawn_file_actions_t actions;
  (void)argc;
  int folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, argv[1]);
  start(&actions);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, folder, 50);
  posix_spawn_file_actions_addfchdir_np(&actions, 50);
  posix_spawn_file_actions_addchdir_np(&actions, "..");
  posix_spawn_file_actions_addchdir_np(&actions, "inside");
  start(&actions);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 51, argv[1], O_RDONLY | O_DIRECTORY, 0);
  posix_spawn_file_actions_addfchdir_np(&actions, 51);
  start(&actions);
  return 0;
}
"""

# A parent that does nothing but see its child end, twice, before it allocates again.
WAITER = r"""
#include <cairn/cairn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  void *volatile block = malloc(1000);
  cairn_mark("begin");
  if (fork() == 0) { block = malloc(50000); cairn_mark("inside"); usleep(20000); _exit(0); }
  wait(NULL);
  usleep(500000);
  cairn_mark("after");
  usleep(1000);
  block = malloc(10);
  (void)block;
  return 0;
}
"""


class Children(Case):
    def setUp(self):
        self.folder = os.path.join(FOLDER, self.id())
        os.mkdir(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, name, *flags, compiler=CC, source=PROGRAM):
        path = self.path(name)
        done = subprocess.run([compiler, "-x", "c", "-", "-o", path, *flags], input=source, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"{name} cannot be built here")
        return path

    def same(self, *command, **more):
        """Plain and recorded alike; what `info` says of the recording."""
        plain = cairn(command=list(command), cwd=self.folder, **more)
        done = cairn("record", "-q", "-f", "-o", "t.cairn", "--graph", "off", "--", *command, cwd=self.folder, **more)
        self.assertEqual((done.status, done.out, done.err), (plain.status, plain.out, plain.err))
        return ask("info", "t.cairn", cwd=self.folder)

    def assert_left_out(self, info, path, why):
        """Once, however often it was started; and it is none of the processes."""
        said = [note["text"] for note in info["notes"] if note["text"].startswith(f"{path} was not recorded")]
        self.assertEqual(len(said), 1, info["notes"])
        self.assertIn(why, said[0])
        self.assertNotIn(os.path.basename(path), [os.path.basename(row["program"] or "") for row in info["processes"]])

    def started_in_every_way(self, path, why):
        self.assert_left_out(self.same(sys.executable, "-c", STARTER, path), path, why)
        self.assert_left_out(self.same("sh", "-c", f"{path}; {path} & wait; echo $?; exec {path}"), path, why)
        name = os.path.basename(path)
        env = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        self.assert_left_out(self.same("env", name, env=env), name, why)

    def test_sanitizers(self):
        for name in ("address", "thread"):
            with self.subTest(name):
                self.started_in_every_way(self.compile(name, f"-fsanitize={name}"), "sanitizer")

    def test_sanitizer_linked_in(self):
        clang = shutil.which("clang") or shutil.which("clang-14")
        if not clang:
            self.skipTest("clang is not installed")
        self.started_in_every_way(self.compile("linked", "-fsanitize=address", compiler=clang), "sanitizer")

    def test_sanitizer_preloaded(self):
        path = self.compile("plain")
        library = subprocess.run([CC, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()
        if not os.path.exists(library):
            self.skipTest("there is no libasan.so")
        preload = {"LD_PRELOAD": os.path.realpath(library), "ASAN_OPTIONS": "detect_leaks=0"}
        self.assert_left_out(self.same("env", *map("=".join, preload.items()), path), path, "sanitizer")
        self.assert_sentence(cairn("record", path, cwd=self.folder, env=preload), 126, "LD_PRELOAD names libasan.so")

    def test_script_of_such_a_program(self):
        interpreter = self.compile("interpreter", "-fsanitize=address")
        with open(self.path("script"), "w") as file:
            file.write(f"#! {interpreter} -x\n")
        os.chmod(self.path("script"), 0o755)
        self.assert_left_out(self.same("env", self.path("script")), self.path("script"), "sanitizer")

    def loader(self):
        found = next((line.split("interpreter: ")[1].rstrip("]\n ") for line in
                      subprocess.run(["readelf", "-lW", sys.executable], capture_output=True, text=True, check=True).stdout.splitlines()
                      if "interpreter: " in line), None)
        if not found:
            self.skipTest("the interpreter is linked statically")
        return found

    def assert_all_recorded(self, info, *names):
        self.assertEqual([note["text"] for note in info["notes"] if "was not recorded" in note["text"]], [])
        programs = [os.path.basename(row["program"] or "") for row in info["processes"]]
        for name in names:
            self.assertIn(name, programs)

    def test_loader(self):
        """A program that is an argument of the loader is recorded, though a loader has no interpreter."""
        loader = self.loader()
        plain = self.compile("plain")
        for command in (("env", loader, plain), ("env", "-C", self.folder, loader, "--inhibit-cache", "./plain"), (loader, plain)):
            with self.subTest(command):
                self.assert_all_recorded(self.same(*command), "plain")
                stacks = [row["stack"] for row in ask("top", "t.cairn", "--by", "stack", "--metric", "allocated", cwd=self.folder)["rows"]]
                self.assertTrue(any(stack[0]["function"] == "main" and os.path.basename(stack[0]["module"]) == "plain" for stack in stacks))
        self.assertEqual(ask("info", "t.cairn", cwd=self.folder)["program"], os.path.realpath(plain))
        self.assert_sentence(cairn("record", loader, "--list", plain, cwd=self.folder), 126, "runs no program")
        self.assert_sentence(cairn("record", loader, self.compile("still", "-static"), cwd=self.folder), 126, "still: is statically linked")

    def test_only_listed(self):
        """A program whose libraries are listed does not run, and this one is none of them."""
        plain = self.compile("plain")
        self.same("sh", "-c", f"(ldd {plain}; LD_TRACE_LOADED_OBJECTS=1 {plain}; {self.loader()} --list {plain}) | sed 's/ (0x.*//'")

    def test_spawned_in_another_folder(self):
        os.mkdir(self.path("inside"))
        self.compile("inside/address", "-fsanitize=address")
        spawner = self.compile("spawner", "-D_GNU_SOURCE", source=SPAWNER)
        self.assert_left_out(self.same(spawner, self.path("inside")), "./address", "sanitizer")

    def test_started_by_a_constructor(self):
        """Of a library that is set up before the recorder's own."""
        path = self.compile("plain")
        source = ("#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
                  "__attribute__((constructor)) static void begin(void) { free(malloc(10));\n"
                  f"  if (fork() == 0) {{ execl(\"{path}\", \"plain\", (char *)0); _exit(1); }} wait(NULL); }}\n")
        self.compile("libbegins.so", "-shared", "-fPIC", source=source)
        program = self.compile("program", f"-L{self.folder}", f"-Wl,-rpath,{self.folder}", "-Wl,--no-as-needed", "-lbegins")
        self.assert_all_recorded(self.same(program), "plain", "program")

    def test_another_c_library(self):
        """Told by the loader's name; here it is glibc's under that name."""
        os.symlink(self.loader(), self.path("ld-musl-x86_64.so.1"))
        self.started_in_every_way(self.compile("other", f"-Wl,--dynamic-linker={self.path('ld-musl-x86_64.so.1')}"), "another C library")

    def test_32_bits(self):
        """Puts out nothing and ends with 3."""
        if not shutil.which("as") or not shutil.which("ld"):
            self.skipTest("binutils are not installed")
        source = ".globl _start\n_start: mov $1, %eax\nmov $3, %ebx\nint $0x80\n"
        subprocess.run(["as", "--32", "-o", self.path("narrow.o"), "-"], input=source, text=True, check=True)
        subprocess.run(["ld", "-m", "elf_i386", "-o", self.path("narrow"), self.path("narrow.o")], check=True)
        try:
            subprocess.run([self.path("narrow")], check=False)
        except OSError:
            self.skipTest("this system runs no 32-bit programs")
        self.started_in_every_way(self.path("narrow"), "32-bit")

    def test_static(self):
        """Nothing is seen of it, but of what it starts."""
        start = "#include <unistd.h>\nint main(void) { return execl(\"/bin/true\", \"true\", (char *)0); }\n"
        path = self.compile("static", "-static", source=start)
        info = self.same("env", path)
        self.assert_left_out(info, path, "statically linked")
        self.assertIn("true", [os.path.basename(row["program"]) for row in info["processes"]])

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_another_root(self):
        for name in (shutil.which("echo"), "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6"):
            if not name or not os.path.exists(name):
                self.skipTest("the C library is elsewhere")
            copy = self.path("root") + name
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(name, copy)
        echo = shutil.which("echo")
        self.assert_left_out(self.same("chroot", self.path("root"), echo, "inside"), echo, "another root folder")

    def test_recorded_by_another(self):
        """A recorder that is recorded has its program for itself."""
        if os.environ.get("CAIRN_SANITIZE"):
            self.skipTest("a sanitized recorder cannot be recorded")
        plain = self.compile("plain")
        done = cairn("record", "-q", "-o", "t.cairn", "--", CAIRN, "record", "-q", "-o", "inner.cairn", plain, cwd=self.folder)
        self.assertEqual((done.status, done.out, done.err), (3, "fine\n", ""))
        self.assertEqual([row["program"] for row in ask("info", "inner.cairn", cwd=self.folder)["processes"]], [plain])
        self.assert_left_out(ask("info", "t.cairn", cwd=self.folder), plain, "another recorder")

    def test_many(self):
        """Sixteen are named; then it is enough."""
        path = self.compile("many", "-static")
        copies = [shutil.copy(path, f"{path}{number}") for number in range(20)]
        notes = [note["text"] for note in self.same("sh", "-c", "; ".join(copies))["notes"]]
        self.assertEqual(sum("was not recorded: it is statically linked" in text for text in notes), 16)
        self.assertEqual(sum("more programs" in text for text in notes), 1)

    def test_an_end_that_nothing_follows(self):
        """What a child held is gone for marks, the timeline and snapshots, though its parent does nothing for a while."""
        program = self.compile("waiter", "-I", INCLUDE, "-ldl", source=WAITER)
        cairn("record", "-q", "--graph", "off", "-o", "t.cairn", program, cwd=self.folder)
        rows = {row["name"]: row for row in ask("snapshots", "t.cairn", cwd=self.folder)["rows"] if row["kind"] == "mark"}
        self.assertEqual({name: row["bytes"] for name, row in rows.items()}, {"begin": 1000, "inside": 51000, "after": 1000})
        moments = [(f"{row['t_ns']}ns", row["heap_bytes"]) for row in ask("timeline", "t.cairn", cwd=self.folder)["points"]]
        moments += [(f"s{row['snapshot']}", row["bytes"]) for row in ask("snapshots", "t.cairn", cwd=self.folder)["rows"]]
        for moment, held in moments:
            self.assertEqual(ask("top", "t.cairn", "--at", moment, cwd=self.folder)["total"]["live_bytes"], held, moment)
        ended = ask("info", "t.cairn", cwd=self.folder)["processes"][1]["ended_ns"]
        self.assertEqual([row for row in ask("snapshots", "t.cairn", cwd=self.folder)["rows"]
                          if row["t_ns"] > ended + 1000 and row["bytes"] > 1010 and row["kind"] != "peak"], [])
        self.assertEqual([point for point in ask("timeline", "t.cairn", cwd=self.folder)["points"]
                          if point["t_ns"] > ended + 1000000 and point["heap_bytes"] > 1010], [])

    def test_the_largest_are_shown(self):
        """Of more processes than `info` has room for, those that held most; one that became another program is no end."""
        path = self.compile("large", source=PROGRAM.replace("malloc(10)", "malloc(5000000)"))
        self.same("sh", "-c", f"{'env true; ' * 8}{path}; :")
        text = cairn("info", "t.cairn", cwd=self.folder).out
        self.assertRegex(text, r"(?m)4\.8 MiB  status 3  .*/large$")
        self.assertRegex(text, r"\d more, which held less")
        self.assertRegex(text, r"(?m)  exec      .*/env$")
        self.assertNotIn("libcairn.so", text)

    def test_what_one_process_became(self):
        """Rows that share a PID are told apart by the numbers that --process takes."""
        path = self.compile("again", source="#include <stdlib.h>\n#include <unistd.h>\nint main(int argc, char **argv) {\n"
                            "  free(malloc(10)); return argc == 3 ? 0 : execl(argv[0], argv[0], \"1\", argc == 2 ? \"2\" : NULL, NULL); }\n")
        pid = self.same(path)["pid"]
        for grouping, word in (("process", "pid"), ("thread", "thread")):
            text = cairn("top", "t.cairn", "--by", grouping, cwd=self.folder).out
            for number in (1, 2, 3):
                self.assertIn(f" {word} {pid} again (process {number})\n", text)
                one = cairn("top", "t.cairn", "--by", grouping, "--process", str(number), cwd=self.folder).out
                self.assertIn(f" {word} {pid} again", one)


if __name__ == "__main__":
    unittest.main()
