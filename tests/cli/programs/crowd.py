"""Allocates from many places of Python code, keeps some of it and lets go of the rest."""

KEPT = {}


def make(number):
    exec(compile(f"def place_{number}(n):\n    return [bytearray(n), {{'n': n}}, str(n) * (n % 50)]", f"place_{number}.py", "exec"), globals())
    return globals()[f"place_{number}"]


PLACES = [make(number) for number in range(40)]
for step in range(400):
    for number, place in enumerate(PLACES):
        KEPT[(step * 7919 + number * 31) % 4000] = place((step * 40503 + number) % 900)
    KEPT["words"] = " ".join(map(str, range(step))).split()
