#!/bin/sh
# Installs what is missing, builds cairn (Release), records the bundled leaky program and opens the viewer; where there is
# no terminal it prints the report instead. Everything stays in build/ of this folder.
set -eu
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$top/assets/packages.sh"

# shellcheck disable=SC2086
cairn_install $cairn_build_packages
build="$top/build/release"
log="$top/build/demo.log"
mkdir -p "$build"
echo "Building into build/release, which takes a minute or two; the log is build/demo.log" >&2
cmake -S "$top" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCAIRN_TESTS=OFF >"$log" 2>&1 &&
    cmake --build "$build" -j "$(nproc)" >>"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    echo "The build failed; the whole log is build/demo.log" >&2
    exit 1
}
cd "$build"
status=0
./cairn demo || status=$?
echo "
cairn and this trace are in build/release; \`sudo cmake --install build/release\` puts cairn into PATH." >&2
exit $status
