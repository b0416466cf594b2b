"""Name moments of a Python program for cairn.

    import cairn
    cairn.mark("ready")                 # cairn diff TRACE @ready end
    with cairn.span("load"): ...        # marks load and load.end; its peak: --from @load --to @load.end --at peak

Importable in every program that `cairn record` runs. Outside of a recording the functions do nothing, so the calls may stay
in the program; copy this file beside it then."""

try:
    import _cairn
except ImportError:
    _cairn = None

__all__ = ["recorded", "mark", "snapshot", "graph", "pause", "resume", "traced_memory", "reset_peak", "span"]


def recorded():
    """Whether cairn records this process."""
    return _cairn is not None


def _text(name):
    """`name` as the recorder can keep it. Names that it cannot must not fail in a recording alone."""
    return str(name).encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def mark(name):
    """Names this moment: `@name` wherever cairn takes a time."""
    if _cairn:
        _cairn.mark(_text(name))


def snapshot(name=""):
    """Takes a snapshot of the heap now."""
    if _cairn:
        _cairn.snapshot(_text(name))


def graph(name=""):
    """Asks for a snapshot with the graph of objects."""
    if _cairn:
        _cairn.graph(_text(name))


def pause():
    """From here to resume() allocations are not recorded; frees are."""
    if _cairn:
        _cairn.pause()


def resume():
    if _cairn:
        _cairn.resume()


def traced_memory():
    """(current, peak) bytes of this process as the recorder knows them, some milliseconds behind; (0, 0) outside of a
    recording."""
    return _cairn.traced_memory() if _cairn else (0, 0)


def reset_peak():
    """The peak of traced_memory() starts again at the present value."""
    if _cairn:
        _cairn.reset_peak()


class span:
    """Marks a stretch of the program: `name` where it begins, `name.end` where it ends."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        mark(self.name)
        return self

    def __exit__(self, *_):
        mark(f"{self.name}.end")
