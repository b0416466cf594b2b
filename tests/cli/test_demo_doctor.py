"""`cairn demo` and `cairn doctor`."""

import os
import shutil

from support import FOLDER, Case, ask, cairn, main


class Demo(Case):
    def test_report_without_a_terminal(self):
        folder = os.path.join(FOLDER, "demo")
        os.mkdir(folder)
        done = cairn("demo", cwd=folder)
        self.assertEqual(done.status, 0, done.err)
        made = os.listdir(folder)
        self.assertEqual(len(made), 1)
        self.assertRegex(made[0], r"^leaky\.\d+\.cairn$")
        self.assertIn("$ cairn top", done.out)
        self.assertIn("remember_session", done.out)
        answer = ask("diff", "@warm", "@done", cwd=folder)
        self.assertEqual(answer["rows"][0]["function"], "remember_session")
        self.assertTrue(answer["rows"][0]["file"].endswith("leaky.c"))
        top = ask("top", cwd=folder)
        self.assertEqual(top["rows"][0]["function"], "print_report")
        temporary = ask("top", "--metric", "temporary", cwd=folder)
        self.assertEqual(temporary["rows"][0]["function"], "read_field")
        self.assertGreater(temporary["rows"][0]["temporary"], 7000)
        growth = ask("growth", cwd=folder)
        self.assertEqual(growth["rows"][0]["function"], "remember_session")
        duration = ask("info", cwd=folder)["duration_ns"]
        self.assertGreater(duration, 2e9)
        self.assertLess(duration, 10e9)

    def test_names_its_file(self):
        path = os.path.join(FOLDER, "there.cairn")
        self.assertEqual(cairn("demo", "-o", path).status, 0)
        self.assertTrue(os.path.exists(path))
        done = cairn("demo", "-o", path)
        self.assertEqual(done.status, 2)
        self.assertIn("there.cairn", done.err)


class Doctor(Case):
    def test_healthy(self):
        done = cairn("doctor")
        self.assertEqual(done.status, 0, done.out + done.err)
        self.assertIn("This machine can record.", done.out)
        answer = ask("doctor")
        self.assert_keys(answer, "schema trace complete lost_events sampled rows can_record".split())
        self.assertIs(answer["can_record"], True)
        checks = {row["check"]: row for row in answer["rows"]}
        for name in ("system", "agent", "shared memory", "socket folder", "libunwind", "libc symbols", "ptrace",
                     "clock", "disk", "terminal", "trial recording"):
            self.assertIn(name, checks)
            self.assert_keys(checks[name], "check state found mend".split())

    def test_missing_agent(self):
        folder = os.path.join(FOLDER, "alone")
        os.mkdir(folder)
        program = shutil.copy(os.environ["CAIRN"], folder)
        done = cairn("doctor", command=[program], cwd=folder)
        self.assertEqual(done.status, 2)
        self.assertIn("stops", done.out)
        self.assertIn("cannot record yet", done.out)
        self.assertTrue(done.err.startswith("cairn: doctor: "))
        self.assertEqual(os.listdir(folder), ["cairn"])

    def test_small_files_only(self):
        done = cairn("doctor", "--format", "json", command=["prlimit", "--fsize=1000000", os.environ["CAIRN"]])
        self.assertEqual(done.status, 2)
        self.assertIn("ulimit -f", done.out)


main()
