#!/usr/bin/env python3
"""Sets up several versions of the tracing engines and of gdb beside the system's.

`up` unpacks the engines of some Debian suites, with the packages they depend on, into one folder, the kit
($TRACEKIT_ENGINES, or /var/cache/tracekit-engines). Nothing is installed on the host. Each program in
KIT/bin runs one engine: in a mount namespace of its own it lays the suite's /usr over the host's, so every
other path is the host's, nothing stays mounted, and removing the folder is all there is to taking it down.
gdb comes with the one that knows all processors, for programs that an emulator runs.
Meanwhile the host's own /usr is at /proc/PID/root/usr, PID being any process outside.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ENGINES = [  # name, which is PACKAGE-SUITE; program; folder, which is built as a whole
    ("bpftrace-trixie", "/usr/bin/bpftrace", "trixie"),
    ("bpftrace-sid", "/usr/bin/bpftrace", "sid"),
    ("dtrace-sid", "/usr/sbin/dtrace", "sid"),
    # Apart from the tracing engines: neither waits for the other's packages, or fails with them.
    ("gdb-bookworm", "/usr/bin/gdb", "gdb-bookworm"),
    ("gdb-multiarch-bookworm", "/usr/bin/gdb-multiarch", "gdb-bookworm"),
    ("gdb-trixie", "/usr/bin/gdb", "gdb-trixie"),
    ("gdb-multiarch-trixie", "/usr/bin/gdb-multiarch", "gdb-trixie"),
    ("gdb-sid", "/usr/bin/gdb", "gdb-sid"),
    ("gdb-multiarch-sid", "/usr/bin/gdb-multiarch", "gdb-sid"),
]
FOLDERS = list(dict.fromkeys(folder for _, _, folder in ENGINES))
VERSION_OF_GDB = ["-nx", "-batch", "-ex", "python import json, signal; print(gdb.VERSION)"]  # needs its Python
ASKS_VERSION = {"dtrace": ["-V"], "gdb": VERSION_OF_GDB, "gdb-multiarch": VERSION_OF_GDB}
FOR_TARGETS = ["coreutils", "dash"]  # what `-c` and system() may want to start
KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg"
MARKER = ".tracekit-engines"

BOUND = ["setpriv", "--pdeathsig", "KILL"]  # the program that follows ends when this one does
UNSHARE = ["/usr/bin/unshare", "--mount", "--propagation", "slave", "--"]
# Runs in the new mount namespace. /usr comes last: after it, mount would be the suite's.
# The host's library cache is hidden, for it may lead an engine to libraries in /usr/local.
ENTER = """\
#!/bin/sh -e
suite=$1 program=$2
shift 2
mount=/usr/bin/mount
[ -e /sys/kernel/tracing/events ] || $mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null || :
[ -e /sys/kernel/debug/tracing ] || $mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null || :
if [ -e /etc/ld.so.cache ]; then $mount --bind /dev/null /etc/ld.so.cache; fi
if [ -d /usr/local ]; then $mount --rbind /usr/local "$suite/usr/local"; fi
$mount --rbind "$suite/usr" /usr
exec "$program" "$@"
"""

# apt-get with lists and a cache of its own, and then with a source of its own as well.
OWN_LISTS = """\
#clear APT::Update;
Dir::State "{0}/state";
Dir::Cache "{0}/cache";
APT::Sandbox::User "root";
Acquire::Retries "2";
Acquire::http::Timeout "30";
"""
OWN_SOURCE = """\
Dir::State::status "/dev/null";
Dir::Etc {{ sourcelist "{0}/sources.list"; sourceparts "/dev/null"; }};
Dir::Etc {{ preferences "/dev/null"; preferencesparts "/dev/null"; }};
APT::Default-Release "";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Debug::NoLocking "true";
"""


class EnginesError(Exception):
    """What went wrong, as one sentence for the user."""


class Engine(NamedTuple):
    """An engine: its name, the program to start, its version, and why it can't be used, if so."""

    name: str
    path: Path
    version: str
    problem: str = ""


def kit_folder() -> Path:
    """Returns the folder with all that is set up here."""
    return Path(os.environ.get("TRACEKIT_ENGINES") or "/var/cache/tracekit-engines").resolve()


def parse_version(text: str) -> str:
    """Returns the version in what an engine prints about itself, or an empty string."""
    found = re.search(r"(?:^|[\sv])(\d+(?:\.\d+)+)", text)
    return found[1] if found else ""


def version_command(name: str, program: Path | str) -> list[str]:
    """Returns the command that has an engine tell its version, which shows that it works."""
    return [str(program), *ASKS_VERSION.get(name.rpartition("-")[0], ["--version"])]


def probe(kit: Path) -> list[Engine]:
    """Returns the system's bpftrace and every engine of the kit, after starting all for their version."""
    wanted = [("system", Path(shutil.which("bpftrace") or "/usr/bin/bpftrace"), Path("/"))]
    wanted += [(name, kit / "bin" / name, kit / folder) for name, _, folder in ENGINES]
    found, started, pipe = [], [], subprocess.PIPE
    for name, path, root in wanted:
        start = path.exists() and root.is_dir()
        command = version_command(name, path)
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) if start else None)
    for (name, path, _), process in zip(wanted, started, strict=True):
        out, err = process.communicate() if process else ("", "missing")
        version = "" if process is None or process.returncode else parse_version(out)
        problem = "" if version else (err.strip() or "it does not say its version").splitlines()[-1]
        found.append(Engine(name, path, version, problem))
    return found


def engines() -> list[Engine]:
    """Returns every engine that can be used now, the system's bpftrace first."""
    return [engine for engine in probe(kit_folder()) if not engine.problem]


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """Returns the mount points in a /proc/PID/mountinfo that are below a folder or show part of it."""
    found = []
    for line in mountinfo.splitlines():
        names = [re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), n) for n in line.split()[3:5]]
        if any(folder in Path(name).parents for name in names):
            found.append(names[1])
    return found


def refuse_if_mounted(kit: Path) -> None:
    """Raises EnginesError if any process has something mounted below the kit, as a running engine has."""
    for file in Path("/proc").glob("[0-9]*/mountinfo"):
        with contextlib.suppress(OSError):  # the process may be gone by now
            for point in mounts_below(kit, file.read_text(errors="replace")):
                raise EnginesError(f"{kit} is in use: process {file.parent.name} has {point} mounted.")


def remove(folders: Iterator[Path]) -> None:
    """Removes folders and all below, but nothing on another file system."""
    for folder in folders:
        subprocess.run(["rm", "-rf", "--one-file-system", "--", folder], check=True)


@contextlib.contextmanager
def locked(kit: Path) -> Iterator[None]:
    """Makes the kit's folder and holds its lock; at the end removes what is unfinished."""
    if os.geteuid() != 0:
        raise EnginesError("Setting up or removing the engines needs root.")
    if kit.is_dir() and any(kit.iterdir()) and not (kit / MARKER).exists():
        raise EnginesError(f"{kit} has files in it that are not from here, so it is left alone.")
    while True:
        kit.mkdir(parents=True, exist_ok=True)
        with (kit / MARKER).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock.fileno()).st_nlink == 0:
                continue  # it was removed while this waited
            try:
                yield
            finally:
                remove(kit.glob("*.partial"))
                if not any((kit / folder).is_dir() for folder in FOLDERS):
                    remove(iter([kit / "bin", kit / MARKER]))
                    with contextlib.suppress(OSError):  # whatever else is there stays
                        kit.rmdir()
            return


def write_programs(kit: Path) -> None:
    """Writes what belongs into KIT/bin, unless it is there already."""
    texts = {"enter": ENTER}
    for name, program, folder in ENGINES:
        command = shlex.join([*UNSHARE, f"{kit}/bin/enter", f"{kit}/{folder}", program])
        texts[name] = f'#!/bin/sh\nexec {command} "$@"\n'
    (kit / "bin").mkdir(exist_ok=True)
    for name, text in texts.items():
        path, fresh = kit / "bin" / name, kit / f"{name}.partial"
        if not path.exists() or path.read_text() != text:
            fresh.write_text(text)
            fresh.chmod(0o755)
            fresh.rename(path)


def mirror() -> str:
    """Returns the Debian mirror that the host's apt uses, or Debian's own where it uses none."""
    command = ["apt-get", "indextargets", "--format", "$(COMPONENT) $(SITE)"]
    targets = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    found = re.search(r"^main (https?://\S+/debian)/?$", targets, re.MULTILINE)
    return found[1] if found else "http://deb.debian.org/debian"


def apt_get(work: Path, config: str, *arguments: str) -> None:
    """Runs apt-get, with lists and a cache of its own in a folder."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True, exist_ok=True)
    (work / "apt.conf").write_text(config.format(work))
    command = [*BOUND, "apt-get", "-qqyc", "apt.conf", *arguments]
    done = subprocess.run(command, check=False, cwd=work, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise EnginesError(f"apt-get {arguments[0]} failed: {(errors or ['E: no reason given'])[0][3:]}")


def unpack(packages: Iterator[Path], folder: Path) -> None:
    """Unpacks packages into a folder, without running anything of theirs."""
    for package in packages:
        subprocess.run([*BOUND, "dpkg-deb", "-x", package, folder], check=True)


def merge_usr(root: Path) -> None:
    """Moves what older suites have outside of /usr to where the host's links, such as /lib, lead."""
    for name in ("bin", "sbin", "lib", "lib64"):
        if (root / name).is_dir():
            shutil.copytree(root / name, root / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(root / name)


def find_keyring(work: Path) -> Path:
    """Returns Debian's public keys: the host's, or those in the host's distribution."""
    if Path("/", KEYRING).exists():
        return Path("/", KEYRING)
    apt_get(work, OWN_LISTS, "update")
    apt_get(work, OWN_LISTS, "download", "debian-archive-keyring")
    unpack(work.glob("*.deb"), work)
    return work / KEYRING


def build(kit: Path, folder: str, source: str, keyring: Path) -> None:
    """Builds a folder of engines, which gets its name only when they have run."""
    work, root = (Path(tempfile.mkdtemp(".partial", f"{folder}.", kit)) for _ in range(2))
    programs = {name: program for name, program, of in ENGINES if of == folder}
    packages = [name.rpartition("-")[0] for name in programs]
    suite = next(iter(programs)).rpartition("-")[2]
    (work / "sources.list").write_text(f"deb [signed-by={keyring}] {source} {suite} main\n")
    apt_get(work, OWN_LISTS + OWN_SOURCE, "update")
    apt_get(work, OWN_LISTS + OWN_SOURCE, "install", "--download-only", *packages, *FOR_TARGETS)
    unpack(work.glob("cache/archives/*.deb"), root)
    merge_usr(root)
    (root / "usr/local").mkdir(exist_ok=True)
    for name, program in programs.items():
        command = [*UNSHARE, f"{kit}/bin/enter", str(root), *version_command(name, program)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise EnginesError(f"The {program} of {suite} does not run: {done.stderr.strip()}")
    root.rename(kit / folder)


def up(kit: Path) -> None:
    """Sets up what is missing and says which versions there are."""
    if shutil.which("apt-get") is None or not Path("/lib").is_symlink():
        raise EnginesError("The engines need a Debian or Ubuntu whose /lib is part of /usr.")
    with locked(kit):
        remove(kit.glob("*.partial"))
        write_programs(kit)
        if absent := [folder for folder in FOLDERS if not (kit / folder).is_dir()]:
            source = mirror()
            print(f"Setting up {', '.join(absent)} from {source} in {kit}", flush=True)
            keyring = find_keyring(Path(tempfile.mkdtemp(".partial", "keys.", kit)))
            with ThreadPoolExecutor() as pool:  # it waits for all of them, come what may
                builds = [pool.submit(build, kit, folder, source, keyring) for folder in absent]
            for one in builds:
                one.result()
    if broken := [one.name for one in status(kit) if one.problem and one.name != "system"]:
        raise EnginesError(f"Set up, but not running: {', '.join(broken)}; `down` and `up` may help.")


def down(kit: Path) -> None:
    """Removes all that `up` made, unless an engine is running."""
    with locked(kit):
        refuse_if_mounted(kit)
        for folder in FOLDERS:
            if (kit / folder).is_dir():
                (kit / folder).rename(kit / f"{folder}.partial")
    print(f"Removed the engines from {kit}")


def status(kit: Path) -> list[Engine]:
    """Prints every engine with its version, or what is wrong, and its path."""
    found = probe(kit)
    for engine in found:
        print(f"{engine.name:22} {engine.version or engine.problem:8} {engine.path}")
    return found


def list_engines(kit: Path) -> None:
    """Prints a line NAME<TAB>PATH<TAB>VERSION for each engine that runs."""
    for engine in probe(kit):
        if not engine.problem:
            print(*engine[:3], sep="\t")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand and returns the exit status."""
    parser = argparse.ArgumentParser(description="Tracing engines and debuggers beside the system's bpftrace.")
    subcommands = parser.add_subparsers(required=True)
    for run in (up, down, status, list_engines):
        subcommands.add_parser(run.__name__.split("_")[0], help=run.__doc__).set_defaults(run=run)
    try:
        parser.parse_args(arguments).run(kit_folder())
    except (EnginesError, OSError, subprocess.SubprocessError) as error:
        print(f"engines: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
