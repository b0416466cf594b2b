"""A burst between two quiet times: the true peak and who made it."""
import time

import moments

kept = [bytes(1000) for _ in range(500)]
time.sleep(0.25)


def burst():
    rows = [bytes(10000) for _ in range(2000)]  # the peak
    return len(rows)


with moments.span("burst"):
    burst()
time.sleep(0.25)
moments.take("end")
