"""Where a recorder finds less than it is used to: few descriptors, a clock that does not go on, nowhere for its socket; and programs
that shut themselves off from it. They run as without it, at once, and are told of in one sentence."""
import os
import resource
import shutil
import subprocess
import unittest

from support import CAIRN, CC, FOLDER, Case, ask, build, cairn, main

STANDING_CLOCK = """#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *time) { (void)clock; time->tv_sec = 978307200; time->tv_nsec = 0; return 0; }
"""
SOON_S = 8  # what waits for an answer in vain waits for ten seconds


class Surroundings(Case):
    def setUp(self):
        self.folder = os.path.join(FOLDER, self.id().rsplit(".", 1)[-1])
        os.mkdir(self.folder)
        self.addCleanup(shutil.rmtree, self.folder)

    def same(self, *command, env=None):
        """Plain and recorded alike; what `info` says of the recording."""
        plain = cairn(command=list(command), cwd=self.folder)
        if plain.status == 77:
            self.skipTest("this system does not let the program do it")
        done = cairn("record", "-q", "-f", "-o", "t.cairn", "--", *command, cwd=self.folder, env=env)
        self.assertEqual((done.status, done.out, done.err), (plain.status, plain.out, plain.err))
        return ask("info", "t.cairn", cwd=self.folder)

    def said(self, info, beginning):
        return [note["text"] for note in info["notes"] if note["text"].startswith(beginning)]

    def record_with_files(self, count):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

        return cairn("record", "-f", "-o", "t.cairn", "--", build("confined"), cwd=self.folder, preexec_fn=limit)

    def test_few_descriptors(self):
        """The program does not wait for a recorder that has none left for its call."""
        untold = 0
        for count in range(4, 24):
            with self.subTest(count):
                done = self.record_with_files(count)
                self.assertIn(done.status, (0, 125, 127), done.err)
                self.assertLess(done.seconds, SOON_S, done.err)
                self.assertNotIn("libcairn.so was not loaded", done.err)
                if "the recorder may have no more files open" in done.err:
                    untold += 1
                if "cannot make a pipe" in done.err or "memfd_create" in done.err:
                    self.assertNotIn("-o FILE", done.err)  # another place is no help
        if not os.environ.get("CAIRN_SANITIZE"):
            self.assertGreater(untold, 0)

    @unittest.skipIf(os.environ.get("CAIRN_SANITIZE"), "skipped: nothing comes before a sanitizer's library")
    def test_clock_that_stands_still(self):
        """As libfaketime makes it, for everything that is started with it."""
        library = os.path.join(self.folder, "clock.so")
        subprocess.run([CC, "-x", "c", "-", "-shared", "-fPIC", "-o", library], input=STANDING_CLOCK, text=True, check=True)
        done = cairn("record", "-q", "-o", "t.cairn", "--", build("confined"), cwd=self.folder, env={"LD_PRELOAD": library}, timeout=30)
        self.assertEqual((done.status, done.out, done.err), (0, "", ""))
        info = ask("info", "t.cairn", cwd=self.folder)
        self.assertIs(info["complete"], True)
        self.assertGreater(info["duration_ns"], 0)

    def test_no_place_for_the_socket(self):
        """A container's root folder may be read-only, /tmp with it."""
        inside = ["unshare", "-m", "sh", "-c", 'mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp && exec "$@"', "sh"]
        if cairn(command=[*inside, "true"]).status != 0:
            self.skipTest("no file system can be mounted here")
        done = cairn("record", "-o", "t.cairn", "--", "true", command=[*inside, CAIRN], env={"XDG_RUNTIME_DIR": None})
        self.assert_sentence(done, 125, "session in /tmp", "set XDG_RUNTIME_DIR")
        self.assertNotIn("-o FILE", done.err)

    def test_proc_of_others(self):
        """In a PID namespace whose /proc counts another one's processes: the program's number is this test's there."""
        inside = ["unshare", "--pid", "--fork", "sh", "-c", f'echo {os.getpid() - 1} > /proc/sys/kernel/ns_last_pid && exec "$@"', "sh"]
        if cairn(command=[*inside, "true"]).status != 0:
            self.skipTest("no PID namespace can be made here")
        done = cairn("record", "-q", "-o", "t.cairn", "--", build("confined"), "files", command=[*inside, CAIRN], cwd=self.folder)
        self.assertEqual((done.status, done.out, done.err), (4, "", ""))
        info = ask("info", "t.cairn", cwd=self.folder)
        self.assertEqual([row["pid"] for row in info["processes"]], [os.getpid()])
        self.assertNotIn("python", info["processes"][0]["program"])
        self.assertIsNone(info["rss_peak_bytes"])
        self.assertTrue(self.said(info, "/proc is another PID namespace's"))

    def test_program_without_files(self):
        """Its image and its child cannot reach the recorder: that is said, and nobody waits for them."""
        info = self.same(build("confined"), "files")
        self.assertTrue(self.said(info, "an object graph was left out: the program may have no more files open"))
        self.assertTrue(self.said(info, "children that it forked were not recorded"))
        self.assertEqual(len(info["processes"]), 1)

    def test_shell_of_another_user(self):
        """Its loader does not complain of a library that it cannot open."""
        own = os.path.join(self.folder, "own")
        os.mkdir(own, 0o700)
        agent = shutil.copy(os.path.join(os.path.dirname(CAIRN), "libcairn.so"), own)
        info = self.same(build("confined"), "user", env={"CAIRN_AGENT": agent})
        self.assertTrue(self.said(info, "/bin/sh was not recorded: it runs with another root folder or user"))


main()
