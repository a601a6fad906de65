#!/bin/sh
# Make .venv ready: `setup_venv.sh demo` for what the demo needs, `shop` for the example shop, `dev` for everything.
# Does nothing when nothing changed since the last time. PYTHON picks the interpreter.
set -eu
cd "$(dirname "$0")/.."

ready=.venv/ready-$1

main() {
    if is_ready "$1"; then return; fi
    python=$(find_python)
    version=$("$python" -c 'import platform; print(platform.python_version())')
    echo "Setting up .venv with Python $version; this takes about half a minute, once."
    if ! is_venv_of "$python"; then "$python" -m venv --clear .venv; fi
    rm -f .venv/ready-*
    pip="run_quietly .venv/bin/python -m pip install --quiet --disable-pip-version-check"
    case $1 in
        demo) $pip --editable '.[cli,sandbox]' ;;
        shop)
            $pip 'pip>=25.1' # the first that knows dependency groups
            $pip --editable '.[sandbox]' --group shop
            ;;
        dev)
            $pip 'pip>=25.1'
            $pip --editable '.[cli,sandbox,postgres,dask]' --group dev
            ;;
    esac
    state > "$ready"
}

is_ready() {
    case $1 in
        demo | shop) candidates="$ready .venv/ready-dev" ;;
        *) candidates=$ready ;;
    esac
    if [ -n "${PYTHON:-}" ] && ! is_venv_of "$PYTHON"; then return 1; fi
    for candidate in $candidates; do
        if [ -f "$candidate" ] && [ "$(cat "$candidate")" = "$(state)" ]; then return 0; fi
    done
    return 1
}

# What an installation depends on. The path too: editable installs remember it.
state() {
    pwd
    cksum < pyproject.toml
    .venv/bin/python -c 'import sys; print(sys.version)' 2>&1 || true
}

# The newest Python that the tests are run with, else any other that is new enough.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        if is_suitable "$PYTHON"; then echo "$PYTHON"; return; fi
        fail "PYTHON=$PYTHON is no Python 3.11 or newer with the modules venv and ensurepip."
    fi
    for name in python3.13 python3.12 python3.11 python3 python; do
        if is_suitable "$name"; then echo "$name"; return; fi
    done
    fail "Python 3.11 or newer is needed, with the modules venv and ensurepip (Debian: apt install python3-venv)." \
        "Found: $(python3 --version 2>&1 || echo 'no python3'). Another one: make PYTHON=/path/to/python3.12 …"
}

is_suitable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1
}

is_venv_of() {
    describe='import sys; print(sys.version, sys.base_prefix)'
    [ -x .venv/bin/python ] && [ "$(.venv/bin/python -c "$describe" 2>&1)" = "$("$1" -c "$describe" 2>&1)" ]
}

# pip's own words only when it fails.
run_quietly() {
    log=.venv/setup.log
    "$@" > "$log" 2>&1 || { cat "$log" >&2; fail "Setting up .venv failed; pip's words stand above."; }
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

main "$@"
