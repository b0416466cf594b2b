"""Two moments compared by line: which line grew, by how much?"""
import moments

store = []


def grow(count):
    for number in range(count):
        store.append("text number %d" % (number + 1000000))  # grows most
        if number % 10 == 0:
            store.append(bytes(300))  # grows, in fewer blocks


def shrink():
    del store[: len(store) // 4]


grow(2000)
moments.take("before")
shrink()
grow(20000)
moments.take("after")
