"""The compilers and options that the truth is told with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from tests.truth.model import Emitted, Function
from tests.truth.random_c import Maker
from tests.truth.random_cxx import CxxMaker
from tests.truth.random_go import GoMaker
from tests.truth.random_rust import RustMaker
from tests.truth.values import rng_of
from tests.truth.write_c import CWriter
from tests.truth.write_cxx import CxxWriter
from tests.truth.write_go import GoWriter
from tests.truth.write_rust import RustWriter

X86, ARM = "x86_64", "aarch64"
ON_ARM = ("gdb-multiarch", "qemu-aarch64-static")
PACKAGES = {
    "gcc": "gcc",
    "g++": "g++",
    "gcc-11": "gcc-11",
    "g++-11": "g++-11",
    **{f"clang{x}-{n}": f"clang-{n}" for n in (13, 14, 15, 16, 19) for x in ("", "++")},
    "lld-14": "lld-14",
    "go": "golang-go",
    "rustc": "rustc",
    "/usr/bin/rustc": "rustc",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "gdb": "gdb",
    "gdb-multiarch": "gdb-multiarch",
    "qemu-aarch64-static": "qemu-user-static",
}
"""The Debian packages of all tools that are used."""

KIT = Path(os.environ.get("TRACEKIT_COMPILERS") or "/var/cache/tracekit-compilers") / "bin"
"""Where ``tools/compilers.py`` has put newer compilers."""

GCC = ("-Clinker=gcc",)
"""There is no ``cc`` in that kit: the system's alternatives make it."""

LIBRARY = "[as a library]"
"""Has Rust functions compiled as another crate than the one that starts the program, as most are in life."""


class BuildError(Exception):
    """A program doesn't compile; the message is the compiler's."""


@attrs.frozen
class Build:
    """A way to build programs.

    Attributes:
        language: ``C``, ``C++``, ``Rust`` or ``Go``.
        tool: the compiler.
        flags: its options.
        machine: what the programs run on.
        sample: whether it is one of those that every run of the tests takes.
    """

    language: str
    tool: str
    flags: tuple[str, ...]
    machine: str = X86
    sample: bool = False

    @property
    def name(self) -> str:
        """What it is called in reports."""
        machine = "" if self.machine == X86 else f" [{self.machine}]"
        tool = Path(self.tool).name if str(KIT) in self.tool else self.tool
        return f"{self.language} {tool} {' '.join(self.flags)}{machine}".strip()

    @property
    def missing(self) -> list[str]:
        """The packages of tools that aren't here."""
        tools = [self.tool, "gdb", *(ON_ARM if self.machine == ARM else ())]
        return [PACKAGES.get(tool, tool) for tool in tools if not shutil.which(tool)]

    @property
    def how_to_install(self) -> str:
        """What to do for the tools that are missing."""
        if str(KIT) in self.tool:
            return "tools/compilers.py up"
        return f"apt-get install {' '.join(self.missing)}"

    @property
    def changes_local_functions(self) -> bool:
        """Whether LLVM optimises, which changes functions that no other file can call."""
        plain = "-O0" in self.flags or (
            self.language == "Rust" and not any("opt-level" in f or f == "-O" for f in self.flags)
        )
        return not plain and ("clang" in self.tool or self.language == "Rust")

    def is_local(self, function: Function) -> bool:
        """Whether no other file can call a function."""
        if "-flto" in self.flags or "-Clto" in self.flags:
            return True
        if self.language == "Rust":
            return LIBRARY not in self.flags and "no_mangle" not in function.traits
        return bool({"static", "lambda"} & function.traits)

    def functions(self, seed: object, count: int) -> list[Function]:
        """Random functions of its language."""
        rng = rng_of(seed, self.language, self.machine)
        makers = {"C": Maker, "C++": CxxMaker, "Rust": RustMaker, "Go": GoMaker}
        maker = makers[self.language](rng, self.machine)
        return [maker.function(number) for number in range(count)]

    def emit(self, functions: Sequence[Function], seed: object) -> Emitted:
        """The program that calls some functions."""
        writers = {"C": CWriter, "C++": CxxWriter, "Rust": RustWriter, "Go": GoWriter}
        return writers[self.language](seed).program(functions)

    def build(self, program: Emitted, folder: Path) -> Path:
        """Compiles a program, and returns its path.

        Raises:
            BuildError: if the compiler refuses it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in program.files.items():
            (folder / name).write_text(text)
        environment = dict(os.environ)
        match self.language:
            case "Go":
                flags = [flag.replace("_", " ") for flag in self.flags]  # one flag with a space in it
                command = [self.tool, "build", *flags, "-o", "program", "."]
                environment |= {"GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
                environment |= {"GOARCH": "arm64" if self.machine == ARM else "amd64", "GOPROXY": "off"}
            case "Rust":
                flags, files = [f for f in self.flags if f != LIBRARY], ["main.rs"]
                if LIBRARY in self.flags:
                    (folder / "start.rs").write_text("fn main() { truth::main() }\n")
                    crate = ["--crate-type=rlib", "--crate-name=truth", "main.rs"]
                    _run([self.tool, *flags, "-g", *crate], folder, environment)
                    files = ["start.rs", "--extern=truth=libtruth.rlib"]
                command = [self.tool, *flags, "-g", "-o", "program", *files]
            case "C++":
                options = ["-std=gnu++20", "-g", "-w", "-Wno-narrowing", "-o", "program", "main.cc"]
                command = [self.tool, *self.flags, *options]
            case _:
                command = [self.tool, *self.flags, "-g", "-w", "-o", "program", "main.c"]
        _run(command, folder, environment)
        return folder / "program"


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, errors="replace", cwd=folder, env=environment
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stderr[:3000]}")


def _c(tool: str, *options: str, machine: str = X86, sample: Sequence[str] = ()) -> list[Build]:
    """Builds by a compiler of C, and by its brother for C++, with each of some options."""
    pair = {"C": tool, "C++": tool.replace("gcc", "g++").replace("clang", "clang++")}
    if str(KIT) in tool:
        pair["C++"] = tool.replace("gcc", "g++")
    made = []
    for language, of in pair.items():
        for option in options:
            flags = tuple(option.split())
            if str(KIT) in tool and language == "C++":  # the host's libraries are older
                flags += ("--driver-mode=g++", "-static") if "clang" in tool else ("-static",)
            if machine == ARM:
                flags += ("-static",) if "gcc" in tool else ("-static", "--target=aarch64-linux-gnu")
            made.append(Build(language, of, flags, machine, sample=option in sample))
    return made


ALL: tuple[Build, ...] = (
    *_c("gcc", "-O0", "-O1", "-O2", "-O3", "-Os", "-Og", sample=("-O0", "-O2")),
    *_c("gcc", "-O0 -gdwarf-4", "-O2 -gdwarf-4 -no-pie", "-O2 -flto", "-O2 -fno-omit-frame-pointer"),
    *_c("gcc", "-O3 -fwhole-program", "-O0 -no-pie"),
    *_c("gcc-11", "-O0", "-O2"),
    *_c("clang-14", "-O0", "-O1", "-O2", "-O3", "-Os", sample=("-O0", "-O2")),
    *_c(
        "clang-14", "-O0 -gdwarf-4 -no-pie", "-O2 -gdwarf-4", "-O2 -flto -fuse-ld=lld", "-O2 -fstandalone-debug"
    ),
    *_c("clang-13", "-O0", "-O2"),
    *_c("clang-15", "-O2"),
    *_c("clang-16", "-O0", "-O2"),
    *_c("clang-19", "-O0", "-O1", "-O2", "-O3", "-O2 -fno-omit-frame-pointer"),
    *(
        Build("Rust", "rustc", tuple(flags.split()), sample=flags in {"", "-O"})
        for flags in (
            "",
            "-O",
            "-Copt-level=1",
            "-Copt-level=2",
            "-Copt-level=s",
            "-O -Ccodegen-units=1",
            "-O -Clto",
            "-O -Cforce-frame-pointers=yes",
        )
    ),
    *(
        Build("Rust", "rustc", (LIBRARY, *flags), sample=flags == ("-O",))
        for flags in ((), ("-O",), ("-Copt-level=1",))
    ),
    *(Build("Rust", "/usr/bin/rustc", tuple(flags.split())) for flags in ("", "-O", "-Copt-level=1")),
    *(
        Build("Go", "go", tuple(flags.split()), machine, sample=flags in {"", "-gcflags=all=-N_-l"})
        for machine in (X86, ARM)
        for flags in ("", "-gcflags=all=-N_-l")
    ),
    Build("Go", "go", ("-buildmode=pie",)),
    *_c("aarch64-linux-gnu-gcc", "-O0", "-O1", "-O2", "-O3", machine=ARM, sample=("-O2",)),
    *_c("clang-14", "-O0", "-O2", machine=ARM),
    *_c("clang-19", "-O0", "-O2", machine=ARM),
    *(
        b
        for tool in ("gcc-14-trixie", "gcc-15-sid", "clang-21-sid")
        for b in _c(f"{KIT}/{tool}", "-O0", "-O1", "-O2", "-O3")
    ),
    *(
        Build("Go", f"{KIT}/{tool}", tuple(flags.split()), machine)
        for tool in ("go-trixie", "go-sid")
        for machine in (X86, ARM)
        for flags in ("", "-gcflags=all=-N_-l")
    ),
    *(
        Build("Rust", f"{KIT}/{tool}", flags)
        for tool in ("rustc-trixie", "rustc-sid")
        for flags in (GCC, ("-O", *GCC), (LIBRARY, "-O", *GCC))
    ),
)
"""Every build: by all compilers of Debian 12, rustup's, and those of ``tools/compilers.py``."""
