"""str, bytes and bytearray: joined, formatted, encoded, split, grown in place; io's buffers."""
import io

import moments


def joined(count):
    return "".join(["piece %d, " % number for number in range(count)])


def grown(count):
    text = ""
    for number in range(count):
        text += "line %d\n" % number
    return text


def buffer(count):
    made = bytearray()
    for number in range(count):
        made += b"%d;" % number
    return made


moments.begin()
text = joined(3000)
long = grown(2000)
lines = long.splitlines()
wide = [chr(0x4e00 + number) * 10 for number in range(500)]
mapped = [line.upper() for line in lines]
raw = [line.encode("utf-16") for line in lines]
packed = buffer(4000)
formatted = [f"{number:>12,}" for number in range(1500)]
moments.take("made")
stream = io.StringIO()
for line in lines:
    stream.write(line)
    stream.write("\u20ac")
binary = io.BytesIO(bytes(20000))
binary.seek(0, 2)
binary.write(bytes(30000))
cut = [piece for line in lines for piece in line.partition(" ")]
translated = text.translate({ord("p"): "PP", ord(","): None})
moments.take("streamed")
