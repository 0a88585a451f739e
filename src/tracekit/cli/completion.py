"""Completion in shells: click's own machinery, with scripts that keep probes and names whole.

bash splits words at colons, which probes and C++ names have, so it hands over the line and not its words, and
what it is given it puts in as it is. The other shells do the quoting themselves.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final, NamedTuple

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_TRACEKIT_COMPLETE"

_BASH: Final = """\
# Completion of tracekit for bash. Keep this file as
#   ~/.local/share/bash-completion/completions/tracekit
# or write into ~/.bashrc: eval "$(tracekit completion bash)"
%(complete_func)s() {
    local answer
    COMPREPLY=()
    while IFS= read -r answer; do
        case $answer in
            plain,*) COMPREPLY+=("${answer#plain,}") ;;
            open,*) COMPREPLY+=("${answer#open,}"); compopt -o nospace ;;
            file,*) compopt -o default ;;
        esac
    done < <(TRACEKIT_LINE="${COMP_LINE:0:COMP_POINT}" TRACEKIT_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH: Final = """\
#compdef %(prog_name)s
# Completion of tracekit for zsh. Keep this file as _tracekit in a folder of $fpath,
# or write into ~/.zshrc, after compinit: eval "$(tracekit completion zsh)"
%(complete_func)s() {
    local -a whole open
    local answer
    local line="${(j: :)${(@)words[1,CURRENT]}}"
    for answer in "${(@f)$(TRACEKIT_LINE="$line" %(complete_var)s=zsh_complete ${words[1]} 2>/dev/null)}"; do
        case $answer in
            plain,*) whole+=("${answer#plain,}") ;;
            open,*) open+=("${answer#open,}") ;;
            file,*) _files ;;
        esac
    done
    (( $#whole )) && compadd -V tracekit -a whole
    (( $#open )) && compadd -S '' -V tracekit -a open
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH: Final = """\
# Completion of tracekit for fish. Keep this file as
#   ~/.config/fish/completions/tracekit.fish
# or write into ~/.config/fish/config.fish: tracekit completion fish | source
function %(complete_func)s
    set -l command (commandline -po)[1]
    set -lx TRACEKIT_LINE (commandline -cp | string collect)
    set -lx %(complete_var)s fish_complete
    for answer in ($command 2>/dev/null)
        set -l parts (string split -m 1 , -- $answer)
        switch $parts[1]
            case file
                __fish_complete_path (commandline -ct)
            case '*'
                echo $parts[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class Line(NamedTuple):
    """A command line up to the cursor.

    Attributes:
        words: those before the last.
        last: the last one, which is to be completed, without quotes and backslashes.
        kept: how many of its characters stand before what the shell takes for its word.
        quote: the quotation mark that is still open; empty if none is.
    """

    words: tuple[str, ...]
    last: str
    kept: int
    quote: str


def taken_apart(line: str, breaks: str = "") -> Line:
    """A command line as shells read it.

    Args:
        line: the line up to the cursor.
        breaks: characters at which the shell begins another word to complete, if they aren't quoted.
    """
    words: list[str] = []
    last: list[str] = []
    quote, kept, begun, at = "", 0, False, 0
    while at < len(line):
        c = line[at]
        at += 1
        if c == "\\" and quote != "'" and at < len(line):
            last.append(line[at])
            at, begun = at + 1, True
        elif quote:
            if c == quote:
                quote = ""
            else:
                last.append(c)
        elif c in "'\"":
            quote, begun, kept = c, True, len(last)
        elif c.isspace():
            if begun:
                words.append("".join(last))
            last, begun, kept = [], False, 0
        else:
            last.append(c)
            begun = True
            if c in breaks:
                kept = len(last)
    return Line(tuple(words), "".join(last), kept if breaks else 0, quote)


class _Complete(ShellComplete):
    """Completion from a whole line."""

    def get_completion_args(self) -> tuple[list[str], str]:
        found = self.line()
        return list(found.words[1:]), found.last

    def source(self) -> str:
        names = {"complete_func": "_tracekit", "complete_var": VARIABLE, "prog_name": "tracekit"}
        return self.source_template % names

    def line(self) -> Line:
        """What the shell's line says."""
        return taken_apart(os.environ.get("TRACEKIT_LINE", ""))

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{_kind(item)},{item.value}"


class _Bash(_Complete):
    name = "bash"
    source_template = _BASH

    def line(self) -> Line:
        return taken_apart(os.environ.get("TRACEKIT_LINE", ""), os.environ.get("TRACEKIT_BREAKS", ":"))

    def format_completion(self, item: CompletionItem[Any]) -> str:
        line = self.line()
        rest = str(item.value)[line.kept :]
        if line.quote == '"':
            rest = re.sub(r'(["\\$`])', r"\\\1", rest)
        elif not line.quote:
            rest = re.sub(r"([^\w:@%+=.,/-])", r"\\\1", rest)
        return f"{_kind(item)},{rest}"


class _Zsh(_Complete):
    name = "zsh"
    source_template = _ZSH


class _Fish(_Complete):
    name = "fish"
    source_template = _FISH


def _kind(item: CompletionItem[Any]) -> str:
    """How a script takes an answer: names of files it finds itself, and after an open one it puts no space."""
    return "file" if item.type in ("file", "dir") else item.type


def script(shell: str) -> str:
    """The script that has a shell complete tracekit's command line."""
    return _CLASSES[shell](_NOTHING, {}, "tracekit", VARIABLE).source()


_NOTHING: Any = None
_CLASSES: Final[dict[str, type[ShellComplete]]] = {one.name: one for one in (_Bash, _Zsh, _Fish)}


def install() -> None:
    """Have click use these instead of its own."""
    for one in _CLASSES.values():
        add_completion_class(one)
