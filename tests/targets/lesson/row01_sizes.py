"""Is a container's size shallow or deep?"""
import sys

import moments

three = [1, 2, 3]
ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
shared = [7] * 1000
nested = [shared, shared, [8] * 1000]
empty = {}
filled = {"key%d" % i: i for i in range(100)}

for name in ("three", "ten", "nested", "shared", "empty", "filled"):
    moments.fact(name, sys.getsizeof(globals()[name]))
moments.take("sizes")
