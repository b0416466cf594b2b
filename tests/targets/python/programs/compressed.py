"""zlib, gzip, hashlib, struct, base64: output buffers that are resized and cut to length."""
import base64
import gzip
import hashlib
import io
import struct
import zlib

import moments

PLAIN = b"".join(b"line %d of the text\n" % number for number in range(4000))


def frames(count):
    return [struct.pack("<IdH", number, number / 2, number & 255) for number in range(count)]


def zipped(text):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
        for start in range(0, len(text), 1000):
            file.write(text[start:start + 1000])
    return out.getvalue()


moments.begin()
small = [zlib.compress(PLAIN, level) for level in range(1, 10)]
large = [zlib.decompress(text) for text in small[:4]]
packed = zipped(PLAIN)
moments.take("packed")
records = frames(2000)
numbers = [struct.unpack("<IdH", record) for record in records]
digests = [hashlib.sha256(record).hexdigest() for record in records[:800]]
coded = base64.b64encode(PLAIN)
moments.take("coded")
