"""The top allocating lines of one call."""
import moments


def work():
    text = "x" * 1000000
    numbers = [0] * 50000
    table = {number: None for number in range(10000)}
    return text, numbers, table


moments.take("a")
kept = work()
moments.take("b")
