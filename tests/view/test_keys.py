"""test_keys.py PRINT_KEYS DOCUMENT [--update]: docs/keys.md is what the tables of keys and commands say, and a test uses each of them."""

import difflib
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Keys that only a real terminal has, as test_terminal.py presses them.
ON_A_TERMINAL = {"Q": '"Q"', "Ctrl-Z": '"C-z"', "Ctrl-L": '"C-l"'}


def pressed():
    """What the scripts press. `text` lines are typed at prompts and do not count."""
    keys = set()
    for script in (HERE / "scripts").glob("*.script"):
        for line in script.read_text(encoding="utf-8").splitlines():
            word, _, rest = line.partition(" ")
            keys |= {"keys": set(rest), "key": {rest.split(" ")[0]}, "command": {":" + rest.split(" ")[0]}}.get(word, set())
    typed = (HERE / "test_terminal.py").read_text(encoding="utf-8")
    return keys | {key for key, how in ON_A_TERMINAL.items() if how in typed}


made = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
if "--update" in sys.argv:
    open(sys.argv[2], "w", encoding="utf-8").write(made)
kept = open(sys.argv[2], encoding="utf-8").read()
if made != kept:
    sys.stdout.writelines(difflib.unified_diff(kept.splitlines(True), made.splitlines(True), sys.argv[2], "the key table"))
    print("print_keys writes it anew: print_keys > docs/keys.md")
    sys.exit(1)
# Of a command its name alone: `:theme NAME`.
listed = {re.sub(r"^(:\w+) .*", r"\1", key.replace("\\|", "|")) for row in re.findall(r"^\| ((?:`[^`]+` ?)+)\|", kept, re.M) for key in re.findall(r"`([^`]+)`", row)}
missing = sorted(listed - pressed())
if missing or len(listed) < 80:
    sys.exit(f"no script of tests/view/scripts uses these: {' '.join(missing)} (of {len(listed)})")
