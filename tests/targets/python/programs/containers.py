"""The containers of the standard library while they grow, shrink and are rebuilt."""
import array
import collections
import heapq
import itertools

import moments

Named = collections.namedtuple("Named", "left right")


def fill_deque():
    queue = collections.deque(maxlen=3000)
    for number in range(5000):
        queue.append("d%d" % number)
    return queue


def group(words):
    groups = collections.defaultdict(list)
    for word in words:
        groups[word[-2:]].append(word)
    return groups


def heap():
    made = []
    for number in range(2000):
        heapq.heappush(made, (number * 7919 % 2000, "h%d" % number))
    return made


moments.begin()
words = ["w%d" % number for number in range(4000)]
queue = fill_deque()
groups = group(words)
counter = collections.Counter(word[:3] for word in words)
ordered = collections.OrderedDict((word, None) for word in words[:1500])
numbers = array.array("d", range(5000))
heaped = heap()
named = [Named(number, str(number + 10000)) for number in range(1200)]
grown = []
for number in range(3000):
    grown.append([number])
    if number % 3 == 0:
        grown.pop(0)
moments.take("grown")
while len(ordered) > 300:
    ordered.popitem(last=False)
numbers.extend(range(2000))
table = {word: [word] for word in words}
for word in words[::2]:
    del table[word]
chained = collections.ChainMap({"a": 1}, table)
grouped = [list(items) for _, items in itertools.groupby(words, key=lambda word: len(word))]
moments.take("rebuilt")
