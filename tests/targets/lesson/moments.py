"""Moments of a test program: named marks when cairn records it, tracemalloc's snapshots when LESSON_ORACLE names a file.

The oracle file is JSON: {"moments": {name: [[frames, bytes, blocks], …]}, "peaks": {span: bytes}, "facts": {…}}, frames being
[[file, line], …], innermost first. Both begin here, or at begin(): what was allocated before is in neither.

LESSON_REUSE=0 keeps tracemalloc from charging a block that the interpreter takes from one of its free lists to the line that
took it: it asks a flag (from 3.13 on, sets a callback) that can be cleared while its hooks go on counting. The collections empty the
free lists, from which a snapshot takes and to which it gives, and a mark does not; there are no other collections, whose moments
would differ."""
import atexit
import ctypes
import gc
import json
import os
import sys
import tracemalloc

ORACLE = os.environ.get("LESSON_ORACLE")
_taken = {}
_result = {"peaks": {}, "facts": {}, "version": "%d.%d.%d" % sys.version_info[:3]}

if ORACLE:
    _places = (__file__, tracemalloc.__file__)

    def _find_flag():
        """The int `tracing` of struct {int initialized, tracing, max_nframe}."""
        try:
            config = ctypes.c_int.in_dll(ctypes.pythonapi, "_Py_tracemalloc_config")
            return ctypes.c_int.from_address(ctypes.addressof(config) + 4)
        except ValueError:
            runtime = ctypes.addressof(ctypes.c_int.in_dll(ctypes.pythonapi, "_PyRuntime"))
            wanted = (ctypes.c_int * 3)(1, 1, tracemalloc.get_traceback_limit())
            return ctypes.c_int.from_address(runtime + ctypes.string_at(runtime, 16384).index(bytes(wanted)) + 4)

    def _start():
        global _flag
        tracemalloc.start(61)
        if os.environ.get("LESSON_REUSE") == "0":
            if sys.version_info >= (3, 13):
                ctypes.pythonapi.PyRefTracer_SetTracer(None, None)
            else:
                _flag = _find_flag()
                _flag.value = 0

    _flag = None

    def _with_flag(act):
        """tracemalloc does nothing at all while its flag is clear."""
        if _flag is not None:
            _flag.value = 1
        gc.collect()
        done = act()
        if _flag is not None:
            _flag.value = 0
        gc.collect()
        return done

    def begin():
        _with_flag(tracemalloc.clear_traces)

    def take(name):
        _taken[name] = _with_flag(tracemalloc.take_snapshot)

    class span:
        """Peak of traced memory while it is open, above what was there before."""

        def __init__(self, name):
            self.name = name

        def __enter__(self):
            tracemalloc.clear_traces()
            return self

        def __exit__(self, *_):
            _result["peaks"][self.name] = tracemalloc.get_traced_memory()[1]

    def _rows(snapshot):
        for row in snapshot.statistics("traceback"):
            frames = [[frame.filename, frame.lineno] for frame in reversed(row.traceback)]
            if not any(file in _places for file, _ in frames):
                yield frames, row.size, row.count

    @atexit.register
    def _write():
        _with_flag(tracemalloc.stop)
        _result["moments"] = {name: list(_rows(snapshot)) for name, snapshot in _taken.items()}
        with open(ORACLE, "w") as out:
            json.dump(_result, out)

    _start()
else:
    import cairn

    def begin():
        take("begin")

    def take(name):
        gc.collect()
        cairn.mark(name)
        gc.collect()

    span = cairn.span
    cairn.mark("moments")
if not os.path.basename(sys.argv[0]).startswith("row"):  # the lesson looks at whole programs
    # Room in the interpreter's tables of names, classes and modules, so that they grow here and not at one line in this run and another in
    # that.
    _names = [sys.intern("name %d" % number) for number in range(40000)]
    _classes = [type("Class", (), {}) for _ in range(1500)]
    sys.modules.update({"moments.%d" % number: None for number in range(1500)})
gc.disable()
gc.collect()


def fact(name, value):
    """What the program itself knows: the oracle of rows that tracemalloc says nothing about."""
    _result["facts"][name] = value
