#!/bin/sh
# Makes .venv, with tracekit installed from this tree: venv.sh [dev]; `dev` adds the tools to develop it.
# PYTHON names the interpreter; otherwise the first one that is recent enough is taken.
set -eu
cd "$(dirname "$0")/.."

python=
for one in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$one
        break
    fi
done
if [ -z "$python" ]; then
    echo "tracekit needs Python 3.11 or later, and ${PYTHON:-python3} is $(${PYTHON:-python3} -V 2>&1)." >&2
    echo "Where there is a newer one, name it: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    # Debian keeps what venv needs in a package of its own.
    pair=$("$python" -c 'import os, sys; print(os.path.dirname(os.__file__) + "/ensurepip=python%d.%d-venv" % sys.version_info[:2])')
    tools/install.sh "a virtual environment" "$pair"
    "$python" -m venv --clear .venv
fi

pip() {
    .venv/bin/python -m pip --disable-pip-version-check --quiet install "$@"
}
if [ "${1-}" = dev ]; then
    echo "Installing tracekit and its development tools into .venv (from PyPI)"
    # pip reads [dependency-groups] itself only from 25.1 on.
    .venv/bin/python - >.venv/dev.txt <<'END'
import tomllib

with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["dependency-groups"]["dev"], sep="\n")
END
    pip --requirement .venv/dev.txt --editable .
    touch .venv/installed .venv/installed-dev
else
    echo "Installing tracekit into .venv (from PyPI)"
    pip --editable .
    touch .venv/installed
fi
# Now, as whoever installs: or root's first run would leave compiled modules of root's in a folder of theirs.
.venv/bin/python -m compileall -q src
