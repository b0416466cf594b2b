#!/bin/sh
# Installs what is missing, builds cairn (Release), records the bundled leaky program and opens the viewer; where there is
# no terminal it prints the report instead. Everything stays in build/ of this folder.
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$top/assets/packages.sh"

# shellcheck disable=SC2086
cairn_install $cairn_build_packages
build="$top/build/release"
cmake -S "$top" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCAIRN_TESTS=OFF >"$top/build-demo.log" 2>&1 &&
    cmake --build "$build" -j "$(nproc)" >>"$top/build-demo.log" 2>&1 || {
    cat "$top/build-demo.log" >&2
    exit 1
}
rm -f "$top/build-demo.log"
cd "$build"
exec ./cairn demo
