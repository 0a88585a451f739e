#!/bin/sh
# Installs with apt-get what is missing: install.sh PURPOSE FOUND=PACKAGE...
# FOUND is a program on the PATH or, if it has a slash, a file: where it exists, nothing is installed.
# Root is needed only if something is missing; who isn't root gets it by sudo. On macOS nothing is installed: what
# is missing is said, with the command that would install it. Files are Debian's, and not looked for there.
set -eu
purpose=$1
shift

macos=
[ "$(uname -s)" != Darwin ] || macos=1

missing=
for pair; do
    found=${pair%%=*}
    case $found in
        */*) [ -n "$macos" ] || [ -e "$found" ] || missing="$missing ${pair#*=}" ;;
        *) command -v "$found" >/dev/null || missing="$missing ${pair#*=}" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ -n "$macos" ]; then
    for package in $missing; do
        case $package in
            gcc | g++ | clang | binutils) how="xcode-select --install" ;;
            golang-go) how="brew install go" ;;
            rustc) how="brew install rust" ;;
            lld | llvm | gdb) how="brew install $package" ;;
            *) how="there is none for macOS: it needs Linux" ;;
        esac
        echo "For $purpose: $package is missing ($how)" >&2
    done
    exit 1
fi

sudo=
if ! command -v apt-get >/dev/null; then
    echo "For $purpose:$missing is missing, and there is no apt-get here; install it as this system does." >&2
    exit 1
elif [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "For $purpose:$missing is missing. As root, run: apt-get install$missing" >&2
        exit 1
    fi
    sudo=sudo
fi
apt_get() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends "$@" </dev/null
}

echo "For $purpose: installing$missing with ${sudo:+sudo }apt-get"
# shellcheck disable=SC2086  # several words on purpose
if ! apt_get install $missing >/dev/null 2>&1; then
    # A fresh machine has no lists of packages yet, and old lists name packages that are gone.
    apt_get update
    apt_get install $missing >/dev/null
fi
