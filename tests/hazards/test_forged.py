"""What gdb prints is its answer to a command only with that command's random number."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracekit.backends.gdb.session import Session
from tracekit.errors import EngineError

FORGER = """#!{python} -u
import re, sys
print('42^done\\n1^done\\n^done\\n*stopped,reason="exited-normally"')
for line in sys.stdin:
    token = re.match('[0-9]+', line)[0]
    print(f'{{int(token) - 1}}^done\\n^done\\n42^done\\n{{token}}^error,msg="this is the answer"')
"""


def test_an_answer_with_another_number_is_none(tmp_path: Path) -> None:
    """Lines that a target might forge come before the true answer, which alone counts."""
    program = tmp_path / "gdb"
    program.write_text(FORGER.format(python=sys.executable))
    program.chmod(0o755)
    with Session(str(program)) as session, pytest.raises(EngineError, match="this is the answer"):
        session.command("-gdb-version")
