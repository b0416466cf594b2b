"""The viewer where not all is well: few colours, a huge terminal, traces that go away, folders that cannot be written, absurd names."""

import os
import shutil
import subprocess
import unittest

from terminal import CAIRN, Terminal, cpu_ticks, wait_until

NOBODY = 65534


@unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
class Surroundings(unittest.TestCase):
    def terminal(self, *args, **more):
        terminal = Terminal(*args, **more)
        self.addCleanup(terminal.close)
        return terminal

    def leave(self, terminal):
        terminal.press("Q")
        wait_until(terminal.is_sane, "the shell")

    def test_eight_colours(self):
        terminal = self.terminal(term="screen")
        terminal.open()
        terminal.press("4", "3", "5", "1", "j")
        terminal.wait_for(r"^>\s+6\.7M")
        self.assertNotRegex(terminal.tmux("capture-pane", "-p", "-e"), r"\x1b\[[0-9;]*[34]8;5;")
        self.leave(terminal)

    def test_huge(self):
        terminal = self.terminal(500, 200)
        terminal.open()
        for key in "23456781":
            terminal.press(key)
        terminal.wait_for("Overview$")
        terminal.press("j")
        terminal.wait_for(r"^>\s+6\.7M")
        self.leave(terminal)

    def test_keys_ahead_of_another_graph(self):
        """H and Enter typed before the other graph's answer is there lead into that graph, or into the one whose rows are shown."""
        terminal = self.terminal()
        shutil.copy(os.environ["CAIRN_GRAPH_TRACE"], os.path.join(terminal.folder, "boxes.cairn"))
        terminal.open("boxes.cairn", first="make_box")
        for _ in range(5):
            terminal.type("5")
            terminal.wait_for("graph 2 of 2.*")
            terminal.wait_for(r"^>.*module")
            terminal.type("[H")
            terminal.wait_for("Object$")
            terminal.wait_for("graph 1 of 2")
            terminal.wait_for("HOLDS 5")
            terminal.type("5]")
        self.leave(terminal)

    def test_trace_is_deleted(self):
        """The open file stays readable: whoever looks at it loses nothing."""
        terminal = self.terminal()
        terminal.open()
        os.unlink(os.path.join(terminal.folder, "shop.cairn"))
        terminal.press("2")
        terminal.wait_for("top-down by function")
        terminal.type("@4s\n3")
        terminal.wait_for(r"4\.000s.*Flame$")
        pid = terminal.viewer()
        settled = []

        def idle():
            settled.append(cpu_ticks(pid))
            return len(settled) > 20 and len(set(settled[-20:])) == 1

        wait_until(idle, "no busy loop")
        self.leave(terminal)

    def test_trace_is_cut(self):
        """No crash: SQLite reads by read(), not by a mapping. What it holds in memory is shown on; what not is a sentence."""
        terminal = self.terminal()
        terminal.open()
        os.truncate(os.path.join(terminal.folder, "shop.cairn"), 8192)
        terminal.type("@3.3s\n")
        terminal.type("27658431")
        terminal.wait_for("Overview$")
        terminal.type("j")
        terminal.wait_for("^>")
        self.leave(terminal)

    def test_trace_in_a_folder_that_cannot_be_written(self):
        root = os.geteuid() == 0
        if root and not shutil.which("setpriv"):
            self.skipTest("setpriv is not installed")
        terminal = self.terminal()
        folder = os.path.join(terminal.folder, "sealed")
        os.mkdir(folder)
        shutil.copy(os.path.join(terminal.folder, "shop.cairn"), folder)
        os.chmod(os.path.join(folder, "shop.cairn"), 0o444)
        os.chmod(folder, 0o555)
        os.chmod(terminal.folder, 0o755)
        user = f"setpriv --reuid={NOBODY} --clear-groups " if root else ""
        terminal.type(f"{user}{CAIRN} sealed/shop.cairn", "Enter")
        terminal.wait_for("parse_line|not permitted|Permission denied")
        if "ermi" in terminal.screen():
            self.skipTest("the build cannot be run by another user")
        terminal.press("2")
        terminal.wait_for("Tree$")
        # Bookmarks and history have nowhere to go: said, or let be, but nothing breaks.
        terminal.type("Bkept\n")
        terminal.wait_for("bookmark")
        terminal.type("Wout.txt\n")
        self.leave(terminal)
        self.assertEqual(os.listdir(folder), ["shop.cairn"])
        os.chmod(folder, 0o755)

    def test_ten_thousand_characters(self):
        compiler = shutil.which("gcc")
        if not compiler:
            self.skipTest("gcc is not installed")
        terminal = self.terminal()
        name = "n" * 9990 + "_tail"
        source = os.path.join(terminal.folder, "long.c")
        with open(source, "w", encoding="ascii") as file:
            file.write(f"#include <stdlib.h>\nvoid *kept[9];\n__attribute__((noinline)) void {name}(int i) {{ kept[i] = malloc(1000); }}\n"
                       f"int main(void) {{ for (int i = 0; i < 9; i++) {name}(i); return 0; }}\n")
        subprocess.run([compiler, "-g", "-O0", "-o", source[:-2], source], check=True)
        subprocess.run([CAIRN, "record", "-q", "-o", source[:-2] + ".cairn", "--", source[:-2]], check=True)
        terminal.open("long.cairn", first="all of it is")
        terminal.type("/_tail\n")
        terminal.press("y", "Enter", "Enter", "Escape", "Escape", "x", "x", "2", "3", "4", "5", "6", "1")
        terminal.wait_for("Overview$")
        terminal.wait_for(r"^>.*nnnn…")
        self.leave(terminal)


if __name__ == "__main__":
    unittest.main()
