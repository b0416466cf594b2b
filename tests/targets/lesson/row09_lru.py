"""A cache bounded by bytes: does it stay under its limit?"""
import time
from collections import OrderedDict

import moments


class Cache:
    def __init__(self, limit):
        self.limit = limit
        self.used = 0
        self.entries = OrderedDict()

    def get(self, key):
        if key in self.entries:
            self.entries.move_to_end(key)
        return self.entries.get(key)

    def put(self, key, size):
        self.entries[key] = bytes(size)  # the insert line
        self.used += size
        while self.used > self.limit:
            _, oldest = self.entries.popitem(last=False)
            self.used -= len(oldest)


cache = Cache(400000)
moments.take("start")
for number in range(3000):
    cache.get(number - 50)
    cache.put(number, 1000 + number % 7)
    if number == 1000:
        moments.take("full")
    if number % 10 == 0:
        time.sleep(0.004)
moments.take("end")
moments.fact("used", cache.used)
moments.fact("limit", cache.limit)
moments.fact("entries", len(cache.entries))
