"""screenshots.py: makes assets/screens/*.svg anew from the tutorial's three programs: records them, types keys in a tmux of its own,
and draws what stands on the terminal, colours included. CAIRN and CAIRN_TRACE as for the tests."""

import html
import os
import re
import tempfile
import time

from terminal import Terminal
from test_tutorial import SOURCE, make_trace

# Name, trace, size, keys, and what stands on the screen when they are done.
SHOTS = [
    ("overview", "leaky.cairn", (100, 28), [], "heap"),
    ("flame", "leaky.cairn", (100, 28), ["3"], "Flame"),
    ("diff", "leaky.cairn", (100, 28), ["@", "20%", "Enter", "a", "@", "80%", "Enter", "b", "d"], "Diff"),
    ("why", "webshop.cairn", (100, 28), ["5", "H"], "HELD BY"),
    ("redis", "redis.cairn", (100, 28), ["5"], "hangs on"),
]
CELL, LINE, EDGE = 8.4, 18, 12
GROUND, INK = "#16181d", "#d0d4da"
COLOURS = ["#1d1f26", "#e0626b", "#8fc06f", "#e0b45a", "#6aa6e8", "#b98ae0", "#5fc0c0", "#d0d4da",
           "#6b7280", "#ff8088", "#aee08c", "#ffd080", "#90c4ff", "#d4b0ff", "#88e0e0", "#ffffff"]


def colour(number):
    """One of a terminal's 256."""
    if number < 16:
        return COLOURS[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    steps = (0, 95, 135, 175, 215, 255)
    number -= 16
    return f"#{steps[number // 36]:02x}{steps[number // 6 % 6]:02x}{steps[number % 6]:02x}"


class Pen:
    def __init__(self):
        self.reset()

    def reset(self):
        self.ink = self.ground = None
        self.bold = self.dim = self.reverse = self.underline = False

    def take(self, words):
        codes = [int(word or 0) for word in words.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underline", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code in (24, 27):
                setattr(self, {24: "underline", 27: "reverse"}[code], False)
            elif code in (38, 48) and codes[:1] == [5]:
                setattr(self, "ink" if code == 38 else "ground", colour(codes[1]))
                del codes[:2]
            elif code in (39, 49):
                setattr(self, "ink" if code == 39 else "ground", None)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.ink = colour(code - 30 if code < 90 else code - 82)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.ground = colour(code - 40 if code < 100 else code - 92)

    def style(self):
        ink, ground = self.ink or INK, self.ground
        if self.reverse:
            ink, ground = ground or GROUND, ink
        return ink, ground, self.bold, self.dim, self.underline


def runs(line, pen):
    """(column, text, style) of a line of `capture-pane -e`."""
    column, text, found = 0, "", []
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            pen.take(part[2:-1])
        elif part:
            text = part
            found.append((column, text, pen.style()))
            column += len(text)
    return found


def draw(screen, width, height):
    pen, lines = Pen(), screen.split("\n")[:height]
    across, down = width * CELL + 2 * EDGE, height * LINE + 2 * EDGE
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:.0f} {down}" width="{across:.0f}" height="{down}">',
           f'<rect width="100%" height="100%" rx="6" fill="{GROUND}"/>',
           '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">']
    for row, line in enumerate(lines):
        for column, text, (ink, ground, bold, dim, underline) in runs(line, pen):
            x, y, long = EDGE + column * CELL, EDGE + row * LINE, len(text) * CELL
            if ground:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{long:.1f}" height="{LINE}" fill="{ground}"/>')
            if text.strip():
                more = ' font-weight="bold"' * bold + ' opacity="0.6"' * dim + ' text-decoration="underline"' * underline
                out.append(f'<text x="{x:.1f}" y="{y + 14}" textLength="{long:.1f}" lengthAdjust="spacingAndGlyphs" '
                           f'fill="{ink}"{more}>{html.escape(text)}</text>')
    return "\n".join([*out, "</g>", "</svg>", ""])


def main():
    target = os.path.join(SOURCE, "assets", "screens")
    os.makedirs(target, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cairn-shots-") as folder:
        for trace in {trace for _, trace, *_ in SHOTS}:
            make_trace(trace, folder)
        for name, trace, (width, height), keys, text in SHOTS:
            terminal = Terminal(width, height)
            try:
                terminal.open(os.path.join(folder, trace), "heap")
                for key in keys:
                    terminal.type(*((None, key) if key == "Enter" else (key,)))
                terminal.wait_for(text)
                time.sleep(1)  # the last answers of this screen
                with open(os.path.join(target, name + ".svg"), "w", encoding="utf-8") as file:
                    file.write(draw(terminal.tmux("capture-pane", "-p", "-e", "-N"), width, height))
            finally:
                terminal.close()


if __name__ == "__main__":
    main()
