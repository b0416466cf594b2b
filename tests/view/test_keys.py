"""test_keys.py PRINT_KEYS DOCUMENT [--update]: docs/keys.md is what the key table says."""

import difflib
import subprocess
import sys

made = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
if "--update" in sys.argv:
    open(sys.argv[2], "w", encoding="utf-8").write(made)
kept = open(sys.argv[2], encoding="utf-8").read()
if made != kept:
    sys.stdout.writelines(difflib.unified_diff(kept.splitlines(True), made.splitlines(True), sys.argv[2], "the key table"))
    print("print_keys writes it anew: print_keys > docs/keys.md")
    sys.exit(1)
