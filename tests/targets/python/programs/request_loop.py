"""A web application's inside without its sockets: routes, middleware, models with descriptors, templates, sessions."""
import functools
import re
import string

import moments


class Column:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, row, owner=None):
        return self if row is None else row.values[self.name]

    def __set__(self, row, value):
        row.values[self.name] = value


class Model:
    def __init__(self, **values):
        self.values = {}
        for name, value in values.items():
            setattr(self, name, value)


class User(Model):
    name = Column()
    mail = Column()


class Query:
    def __init__(self, rows):
        self.rows, self.steps = rows, []

    def filter(self, **wanted):
        made = Query(self.rows)
        made.steps = self.steps + [wanted]
        return made

    def __iter__(self):
        for row in self.rows:
            if all(getattr(row, name) == value for step in self.steps for name, value in step.items()):
                yield row


class Request:
    def __init__(self, path, headers):
        self.path, self.headers, self.session = path, headers, None


SESSIONS, LOG, ROUTES, USERS = {}, [], [], []
PAGE = string.Template("<h1>$title</h1><p>Hello $name, this is page $number.</p>" * 4)


def route(pattern):
    def add(view):
        ROUTES.append((re.compile(pattern), view))
        return view

    return add


def with_session(handler):
    @functools.wraps(handler)
    def wrapped(request):
        key = request.headers["cookie"]
        request.session = SESSIONS.setdefault(key, {"key": key, "visits": []})
        request.session["visits"].append(request.path)
        return handler(request)

    return wrapped


def with_log(handler):
    @functools.wraps(handler)
    def wrapped(request):
        response = handler(request)
        LOG.append("%s %s %d" % (request.path, request.headers["cookie"], len(response)))
        return response

    return wrapped


@route(r"^/user/(?P<number>\d+)$")
def show_user(request, number):
    user = next(iter(Query(USERS).filter(name="user %d" % (int(number) % 20))))
    return PAGE.substitute(title=user.mail, name=user.name, number=number).encode()


@route(r"^/list/(?P<size>\d+)$")
def show_list(request, size):
    return b"".join(user.mail.encode() for user in Query(USERS)) * int(size)


@with_log
@with_session
def dispatch(request):
    for pattern, view in ROUTES:
        found = pattern.match(request.path)
        if found:
            return view(request, **found.groupdict())
    return b"404"


moments.begin()
USERS.extend(User(name="user %d" % number, mail="u%d@example.org" % number) for number in range(200))
for number in range(400):
    dispatch(Request("/user/%d" % number, {"cookie": "c%d" % (number % 90)}))
moments.take("half")
CACHE = [dispatch(Request("/list/%d" % (number % 3), {"cookie": "d%d" % number})) for number in range(60)]
moments.take("served")
