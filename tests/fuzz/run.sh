#!/bin/sh
# Builds the fuzzers with clang and lets each look for so many seconds, starting from its corpus; prints how many inputs it tried and how
# many a second of the processor. What makes one fail stays in build/fuzz/found.   tests/fuzz/run.sh [SECONDS] [NAME…]
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build="$top/build/fuzz"
seconds=${1:-10}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- events totals graph text ring files import sql trace rows
targets=""
for name in "$@"; do
    targets="$targets fuzz_$name"
done

cmake -S "$top" -B "$build" -C "$top/tests/presets/fuzz.cmake" >"$build.log" 2>&1 &&
    # shellcheck disable=SC2086
    cmake --build "$build" -j "$(nproc)" --target $targets >>"$build.log" 2>&1 || {
    tail -n 40 "$build.log" >&2
    exit 1
}
failed=0
mkdir -p "$build/found"
for name in "$@"; do
    grown="$build/grown-$name" # what it learns stays for the next time, beside the corpus of the tree
    log="$build/$name.log"
    mkdir -p "$grown"
    begin=$(awk '{ print $16 + $17 }' /proc/$$/stat)
    status=0
    "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$build/found/$name-" "$grown" "$top/tests/fuzz/corpus/$name" >"$log" 2>&1 || status=$?
    ticks=$(($(awk '{ print $16 + $17 }' /proc/$$/stat) - begin))
    tried=$(awk '/number_of_executed_units/ { print $2 }' "$log")
    echo "$name: ${tried:-0} inputs, $((${tried:-0} * $(getconf CLK_TCK) / (ticks + 1))) a second of the processor"
    if [ "$status" -ne 0 ]; then
        tail -n 30 "$log" >&2
        failed=1
    fi
done
exit $failed
