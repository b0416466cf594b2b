"""json: a document taken apart, changed and written again; the C scanner allocates for the lines of json/decoder.py."""
import json

import moments


def document(rows):
    return json.dumps([{"id": row, "name": "name %d" % row, "tags": ["t%d" % (row % 7), "u"], "price": row / 3} for row in range(rows)])


def parse(text):
    return json.loads(text)


def upper(pairs):
    return {key.upper(): value for key, value in pairs}


moments.begin()
text = document(2000)
rows = parse(text)
hooked = json.loads(text, object_pairs_hook=upper)
pretty = json.dumps(rows, indent=1)
floats = json.loads(text, parse_float=lambda number: [number])
moments.take("parsed")
del hooked
again = [json.loads(json.dumps(row)) for row in rows]
moments.take("again")
