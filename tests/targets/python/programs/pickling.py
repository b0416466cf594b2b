"""pickle and copy: graphs of objects written and read again, by every protocol, and deep copies."""
import copy
import pickle

import moments


class Person:
    def __init__(self, name, friends):
        self.name, self.friends, self.notes = name, friends, {"text": "note about " + name}

    def __reduce__(self):
        return Person, (self.name, list(self.friends)), {"notes": dict(self.notes)}


class Point:
    __slots__ = ("x", "y")

    def __getstate__(self):
        return self.x, self.y

    def __setstate__(self, state):
        self.x, self.y = state


def people():
    crowd = [Person("person %d" % number, []) for number in range(300)]
    for number, person in enumerate(crowd):
        person.friends.append("friend %d" % number)
    return crowd


def points():
    made = []
    for number in range(500):
        point = Point()
        point.x, point.y = number * 1.5, [number]
        made.append(point)
    return made


moments.begin()
things = {"people": people(), "points": points(), "bytes": [bytes(300)] * 3}
packed = [pickle.dumps(things, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
back = [pickle.loads(text) for text in packed]
moments.take("back")
deep = copy.deepcopy(things)
slow = pickle._loads(packed[0])
moments.take("deep")
