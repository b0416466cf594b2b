"""The same result from an eager and a lazy pipeline over 50,000 records."""
import moments


def records():
    for number in range(50000):
        yield {"id": number, "value": number * 7 % 1000, "text": "record %d" % number}


def eager():
    rows = list(records())
    wanted = [row for row in rows if row["value"] > 500]
    values = [row["value"] * 2 for row in wanted]
    return sum(values)


def lazy():
    wanted = (row for row in records() if row["value"] > 500)
    return sum(row["value"] * 2 for row in wanted)


with moments.span("eager"):
    first = eager()
moments.take("between")
with moments.span("lazy"):
    second = lazy()
moments.take("end")
assert first == second
