#!/bin/sh
# Installs what is missing, builds with warnings as errors, and again with ASan and UBSan, and runs every test through
# ctest; with --long also what takes hours, each fuzzer for one, and the coverage.
#   tests/run.sh [--long] [--strict] [--only release|sanitized] [CTEST ARGUMENTS…]
# What fails is run once more, alone: on a crowded machine a test may have waited in vain. What passes then is named at
# the end as unsteady, and with --strict it fails.
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$top/assets/packages.sh"

long=""
strict=""
only=""
unsteady=""
while [ $# -gt 0 ]; do
    case "$1" in
    --long) long=1 ;;
    --strict) strict=1 ;;
    --only)
        only="${2:?--only wants release or sanitized}"
        shift
        ;;
    *) break ;;
    esac
    shift
done

# shellcheck disable=SC2086
cairn_install $cairn_build_packages $cairn_test_packages
export LC_ALL="${LC_ALL:-C.UTF-8}"
jobs=$(nproc)
failed=0

# run_suite NAME PRESET LABEL-TO-LEAVE-OUT [CTEST ARGUMENTS…]
run_suite() {
    name=$1 preset=$2 without=$3
    shift 3
    build="$top/build/$name"
    # The tests are asked for by name: demo.sh builds in the same folder without them.
    cmake -S "$top" -B "$build" -C "$top/tests/presets/$preset.cmake" -DCAIRN_WERROR=ON -DCAIRN_TESTS=ON \
        >"$top/build/$name.log" 2>&1 &&
        cmake --build "$build" -j "$jobs" >>"$top/build/$name.log" 2>&1 || {
        tail -n 60 "$top/build/$name.log" >&2
        echo "The $name build failed; the whole log is build/$name.log" >&2
        failed=1
        return 0
    }
    echo "== $name"
    (cd "$build" && CAIRN_LONG="$long" ctest --output-on-failure -j "$jobs" --no-tests=error -LE "$without" "$@") &&
        return 0
    names=$(cut -d: -f2 "$build/Testing/Temporary/LastTestsFailed.log" 2>/dev/null | tr '\n' ' ')
    [ -z "$strict" ] && [ -n "$names" ] || {
        failed=1
        return 0
    }
    echo "== $name, once more and alone: $names"
    if (cd "$build" && CAIRN_LONG="$long" ctest --rerun-failed --output-on-failure -j 1 --no-tests=error); then
        unsteady="$unsteady $name: $names"
    else
        failed=1
    fi
}

mkdir -p "$top/build"
leave="bench|long"
[ -n "$long" ] && leave="bench"
[ "$only" = sanitized ] || run_suite release release "$leave" "$@"
[ "$only" = release ] || run_suite sanitized asan-ubsan "$leave|unsanitized" "$@"
if [ -n "$long" ] && [ -z "$only" ]; then
    "$top/tests/fuzz/run.sh" 3600 || failed=1
    python3 "$top/tests/coverage.py" || failed=1
fi
[ -z "$unsteady" ] || echo "Unsteady, passed only when run alone: $unsteady"
exit $failed
