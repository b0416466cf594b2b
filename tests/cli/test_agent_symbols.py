"""libcairn.so needs nothing but the C library, and of it only what agent_symbols.txt allows; it shows programs its hooks and
the one entry of cairn.h, each of them, and nothing else."""
import json
import os
import subprocess
import unittest
from pathlib import Path

LIBRARY = Path(os.environ["CAIRN_BUILD"], "libcairn.so")
LIST = Path(__file__).with_name("agent_symbols.txt")


def allowed(word):
    lines = [line.split() for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {line[1] for line in lines if line[0] == word}


def names(*options):
    out = subprocess.run(["nm", "-D", *options, LIBRARY], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if line}


class AgentSymbols(unittest.TestCase):
    def test_needs(self):
        self.assertEqual(names("--undefined-only") - allowed("needs"), set())

    def test_shows(self):
        self.assertEqual(names("--defined-only"), allowed("shows"))

    def test_compiled_without_link_time_optimisation(self):
        """Distributions turn it on for all they build; it drops what only assembler names."""
        commands = json.loads(Path(os.environ["CAIRN_BUILD"], "compile_commands.json").read_text())
        agent = [command["command"] for command in commands if "cairn_agent.dir/" in command["command"]]
        self.assertGreater(len(agent), 50)
        self.assertEqual([command for command in agent if "-fno-lto" not in command], [])

    def test_libraries(self):
        out = subprocess.run(["readelf", "-d", LIBRARY], capture_output=True, text=True, check=True).stdout
        needed = {line.split("[")[1].rstrip("]") for line in out.splitlines() if "(NEEDED)" in line}
        self.assertLessEqual(needed, {"libc.so.6", "ld-linux-x86-64.so.2"})
        self.assertIn("BIND_NOW", out)
        self.assertNotIn("TEXTREL", out)


if __name__ == "__main__":
    unittest.main()
