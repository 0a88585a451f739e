"""What becomes of others when tracekit is killed; a script stands for it."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

MARK = str(10_000_000 + os.getpid())  # seconds that only our own sleepers sleep


def sleepers():
    """The processes that sleep for so long, with their states."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            if MARK.encode() in words and words[0].endswith(b"sleep"):
                found[int(name)] = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
    return {pid: state for pid, state in found.items() if state not in "ZX"}


def kill(popen):
    os.kill(popen.pid, signal.SIGKILL)
    popen.wait()


def test_killed_before_the_release(script, tmp_path, gone, eventually):
    """The target is gone with us: not left stopped, and nothing of it has run."""
    made = tmp_path / "made"
    child = script(
        "import sys, time\n"
        "from tracekit.process import Target\n"
        "target = Target.start(['sh', '-c', ': > \"$0\"', sys.argv[1]])\n"
        "print(target.pid, flush=True)\n"
        "time.sleep(60)\n",
        made,
    )
    pid = int(child.stdout.readline())
    assert not gone(pid)
    kill(child)
    eventually(lambda: gone(pid))
    assert not made.exists()


def test_killed_after_the_release(script, gone, proc, doomed):
    """The target doesn't notice: it is neither ended nor stopped."""
    child = script(
        "import time\n"
        "from tracekit.process import Target\n"
        f"target = Target.start(['sleep', '{MARK}'])\n"
        "target.release()\n"
        "print(target.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    pid = int(child.stdout.readline())
    doomed.append(pid)
    kill(child)
    time.sleep(0.1)
    assert not gone(pid)
    assert proc(pid)["State"][0] in "RSD"
    assert proc(pid)["TracerPid"] == "0"


def test_killed_while_an_engine_runs(script, tmp_path, gone, eventually):
    """The engine gets a SIGINT, so that it takes its probes away, and ends by itself."""
    log = tmp_path / "log"
    child = script(
        "import os, sys, time\n"
        "from tracekit.process import Engine\n"
        "command = 'trap \"echo end >> $0; exit 0\" INT; echo ready; while :; do sleep 0.01; done'\n"
        "engine = Engine.start(['sh', '-c', command, sys.argv[1]], env=os.environ, name='x')\n"
        "assert engine.read(10) == b'ready\\n'\n"
        "print(engine.pid, flush=True)\n"
        "time.sleep(60)\n",
        log,
    )
    pid = int(child.stdout.readline())
    kill(child)
    eventually(lambda: gone(pid))
    assert log.read_text() == "end\n"


@pytest.mark.parametrize("what", ["Target", "Engine"])
def test_killed_at_any_moment(script, what, eventually, doomed):
    """Wherever in a start we are killed, nothing of ours goes on and nothing stays stopped."""
    source = (
        "import os\n"
        "from tracekit.process import Engine, Target\n"
        "print('go', flush=True)\n"
        "while True:\n"
        + {
            "Target": f"    Target.start(['sleep', '{MARK}']).close()\n",
            "Engine": f"    Engine.start(['sleep', '{MARK}'], env=os.environ, name='x').close()\n",
        }[what]
    )
    children = [script(source) for _ in range(6)]
    rng = random.Random(7)
    for child in children:
        assert child.stdout.readline() == b"go\n"
        time.sleep(rng.uniform(0, 0.03))
        kill(child)
    doomed.extend(sleepers())  # in case that what follows fails
    eventually(lambda: not sleepers())
