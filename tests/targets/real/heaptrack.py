"""Totals of a heaptrack recording, exactly: its own report rounds."""
import subprocess


def totals(path):
    """{"allocations", "frees", "bytes", "peak_bytes", "end_bytes"} of an interpreted recording (.zst or .gz)."""
    text = subprocess.run(["zstd", "-dcq", path] if path.endswith(".zst") else ["gzip", "-dc", path], capture_output=True,
                          check=True).stdout
    sizes, live, peak, allocations, frees, allocated = [], 0, 0, 0, 0, 0
    for line in text.split(b"\n"):
        kind = line[:1]
        if kind == b"+":
            size = sizes[int(line[2:], 16)]
            allocations += 1
            allocated += size
            live += size
            peak = live if live > peak else peak
        elif kind == b"-":
            frees += 1
            live -= sizes[int(line[2:], 16)]
        elif kind == b"a":
            sizes.append(int(line.split()[1], 16))
    return {"allocations": allocations, "frees": frees, "bytes": allocated, "peak_bytes": peak, "end_bytes": live}
