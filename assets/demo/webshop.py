"""A small web shop for docs/tutorial.md: it renders pages and, by mistake, keeps a session for every visitor it ever saw."""
import json
import time


class Session:
    def __init__(self, visitor):
        self.visitor = visitor
        self.basket = [f"item-{visitor}-{n}" for n in range(8)]
        self.page = f"<li>{visitor}</li>" * 60


class SessionStore:
    def __init__(self):
        self.by_visitor = {}

    def open(self, visitor):
        session = Session(visitor)
        self.by_visitor[visitor] = session  # never taken out again
        return session


class Application:
    def __init__(self):
        self.sessions = SessionStore()
        self.routes = {"/": self.home, "/basket": self.basket}

    def home(self, session):
        return "<h1>shop</h1>" + session.page

    def basket(self, session):
        return json.dumps({"items": session.basket})

    def handle(self, visitor, path):
        return self.routes[path](self.sessions.open(visitor))


APP = Application()


def serve(requests):
    sent = 0
    for number in range(requests):
        sent += len(APP.handle(f"visitor-{number}", "/" if number % 3 else "/basket"))
        if number % 100 == 0:
            time.sleep(0.01)
    return sent


if __name__ == "__main__":
    print(serve(20000), "bytes sent")
