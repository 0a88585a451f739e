"""What gdb says; the lines are gdb's own, of versions 13, 16 and 18."""

import pytest

from tracekit.backends.gdb.mi import Reader, Result, Stopped, Text, parse
from tracekit.errors import EngineError


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("123^done", Result(123, "done")),
        ("7^running", Result(7, "running")),
        (
            '8^error,msg="ptrace: Operation not permitted."',
            Result(8, "error", "ptrace: Operation not permitted."),
        ),
        ("9^error", Result(9, "error", "no reason given")),
        (
            '*stopped,reason="breakpoint-hit",bkptno="2",frame={func="insert",args=[{name="key",value="\\"0\\""}]}',
            Stopped("breakpoint-hit"),
        ),
        ('*stopped,reason="exited",exit-code="017"', Stopped("exited", exit_code=15)),
        ('*stopped,reason="exited-normally"', Stopped("exited-normally", exit_code=0)),
        (
            '*stopped,reason="exited-signalled",signal-name="SIGSEGV",signal-meaning="Segmentation fault"',
            Stopped("exited-signalled", signal="SIGSEGV"),
        ),
        ('~"Breakpoint 1 at 0x1159\\n"', Text("Breakpoint 1 at 0x1159\n")),
        ('&"warning: \\"x\\"\\n"', Text('warning: "x"\n')),
        ('=thread-created,id="1",group-id="i1"', None),
        ('*running,thread-id="all"', None),
        ("^done", None),
        ("(gdb) ", None),
        ("sum 5", None),
        ("", None),
    ],
)
def test_records(line, record):
    """Answers with a token, stops and text are understood; all else doesn't matter."""
    assert parse(line) == record


def test_cut_lines():
    """However a pipe cuts the output, each line is one record."""
    data = b'~"\xc3\xa9"\r\n12^done\n*stopped,reason="exited",exit-code="07"\n13^do'
    whole = list(Reader().feed(data))
    assert whole[1:] == [Result(12, "done"), Stopped("exited", exit_code=7)]
    for size in (1, 2, 7):
        reader = Reader()
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert [record for piece in pieces for record in reader.feed(piece)] == whole


@pytest.mark.parametrize("line", ["{", '{"kind": ', "{}", '{"a":' * 100_000, '{"type": \x1b]0;x\x07'])
def test_what_only_begins_as_a_document(line):
    """What is none, as a program that isn't gdb may print, is an error in words."""
    with pytest.raises(EngineError, match="none of its records"):
        parse(line)
