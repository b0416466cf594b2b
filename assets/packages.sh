# Debian packages that cairn needs, and how they get installed. Sourced by demo.sh and tests/run.sh.
# shellcheck shell=sh

# To build and run.
cairn_build_packages="gcc g++ libc6-dev make cmake pkg-config ca-certificates libunwind-dev libsqlite3-dev libzstd-dev
libncurses-dev zlib1g-dev libdw-dev libdeflate-dev libiberty-dev libprotobuf-c-dev
protobuf-c-compiler libedit-dev"
# To test: the unit-test library, the checkers, and the real programs that get recorded.
cairn_test_packages="libcmocka-dev python3 tmux jq sqlite3 redis-server git valgrind binutils dpkg-dev libcap2-bin procps file strace
zstd python3-pytest graphviz clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev codespell man-db
python3-objgraph python3-greenlet libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev"

# cairn_install PACKAGE…: installs what is missing, as root or through sudo.
cairn_install() {
    missing=""
    for package in "$@"; do
        case "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" in
        installed) ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -z "$missing" ] && return 0
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "These packages are missing, and neither root nor sudo is here to install them:$missing" >&2
            return 1
        fi
        as_root="sudo"
    fi
    echo "Installing:$missing" >&2
    $as_root apt-get update -qq >&2 || true
    # No service starts because of us, and nothing asks questions.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >&2
}
