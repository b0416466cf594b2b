"""re: patterns compiled (the compiler is Python), a text cut into tokens, matches kept."""
import re

import moments

SOURCE = "total = price * (1 + rate) - 17.5  # what is paid\n" * 300
TOKEN = re.compile(r"(?P<number>\d+(?:\.\d*)?)|(?P<name>[A-Za-z_]\w*)|(?P<comment>\#.*)|(?P<sign>[-+*/()=])|(?P<space>\s+)")


def tokens(text):
    for found in TOKEN.finditer(text):
        if found.lastgroup != "space":
            yield found.lastgroup, found.group()


moments.begin()
kept = list(tokens(SOURCE))
patterns = [re.compile(r"(\w+)\s*=\s*%d(?:abc|abd|x[yz]+)*" % number) for number in range(60)]
matches = [found for found in re.finditer(r"\w+", SOURCE)]
moments.take("cut")
pieces = re.split(r"[ \n]", SOURCE)
changed = re.sub(r"\w+", lambda found: found.group()[::-1] * 2, SOURCE)
moments.take("changed")
