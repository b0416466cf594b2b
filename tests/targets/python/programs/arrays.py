"""numpy, where it is installed: arrays report their data to tracemalloc."""
import sys

import moments

try:
    import numpy
except ImportError:
    sys.exit(77)

moments.begin()
zeros = [numpy.zeros(1000 + number) for number in range(100)]
table = numpy.arange(90000, dtype=numpy.float64).reshape(300, 300)
product = table @ table.T
views = [table[row] for row in range(300)]
moments.take("made")
parts = numpy.split(product + 1, 10)
texts = numpy.array(["text %d" % number for number in range(2000)])
records = numpy.zeros(500, dtype=[("id", "i8"), ("name", "S20")])
moments.take("split")
