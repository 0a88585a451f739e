"""What engines and binaries say reaches a terminal as text, never as its commands."""

import pytest

from tracekit.cli import main
from tracekit.errors import EngineError


def test_an_error_has_no_commands_for_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An engine's words in an error are shown with their escape sequences as text, line by line."""

    def fail(*_: object, **__: object) -> None:
        raise EngineError(message="it ended: \x1b]0;x\x07\x9b31m\u202e", hint="second\x1b[2J", engine="x")

    monkeypatch.setattr(main.cli, "main", fail)
    with pytest.raises(SystemExit):
        main.main()
    said = capsys.readouterr().err
    assert said == "tracekit: it ended: \\x1b]0;x\\x07\\u009b31m\\u202e\nsecond\\x1b[2J\n"
