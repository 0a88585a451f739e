"""Being asked to stop."""

import os
import select
import signal
import threading

import pytest

from tracekit.process import Engine, stop_signals


@pytest.fixture(autouse=True)
def _as_from_a_terminal():
    """Nothing is ignored, though these tests may run under nohup or in the background."""
    ours = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    former = {number: signal.signal(number, handler) for number, handler in ours.items()}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def ready(stop, timeout=0):
    return bool(select.select([stop], [], [], timeout)[0])


def test_signals_can_be_selected_on():
    """Each that came is taken once, in order, and remembered; nothing is raised."""
    with stop_signals() as stop:
        assert not ready(stop) and stop.take() is None
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert ready(stop)
        assert [stop.take() for _ in range(5)] == [
            signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT, None
        ]  # fmt: skip
        assert not ready(stop)
        assert stop.came == (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


def test_a_signal_wakes_a_select():
    """One that comes while the main loop waits ends the wait."""
    with stop_signals() as stop:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        assert ready(stop, 10)
        assert stop.take() is signal.SIGINT
        timer.join()


def test_handlers_are_restored():
    """After the block all is as before, also the descriptor that an event loop may have set."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    read, write = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(write)
    with stop_signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert [signal.getsignal(number) for number in numbers] == before
    assert signal.set_wakeup_fd(-1) == write
    os.close(read)
    os.close(write)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_the_rest_is_ignored_once_the_result_is_out():
    """Ctrl-C after that cuts nothing short, also after the block."""
    with stop_signals() as stop:
        stop.ignore_the_rest()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN


def test_what_is_ignored_stays_ignored():
    """Under nohup a hang-up is no wish to stop."""
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not ready(stop) and stop.take() is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


def test_statuses_can_be_had_where_our_parent_ignored_sigchld():
    """A parent's disposition, which would take our children's statuses away, is lifted for the block."""
    former = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with stop_signals(), Engine.start(["false"], env=dict(os.environ), name="x") as engine:
            assert engine.wait(10) == 1
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, former)


def test_other_signals_are_none_to_stop():
    """A handler of the program's own still runs, and isn't mistaken for a wish to stop."""
    ran = []
    former = signal.signal(signal.SIGUSR1, lambda number, frame: ran.append(number))
    try:
        with stop_signals() as stop:
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.take() is signal.SIGTERM
            assert stop.take() is None
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert ran == [signal.SIGUSR1]


def test_in_another_thread_nothing_changes():
    """There the block is allowed, changes no handler, and nothing comes."""
    seen = []

    def run():
        with stop_signals() as stop:
            seen.append((signal.getsignal(signal.SIGINT), ready(stop), stop.take()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(signal.default_int_handler, False, None)]


def test_a_second_ctrl_c_does_not_lose_the_result():
    """Ctrl-C during the wait for the engine's result leaves both the wait and the engine alone."""
    command = 'trap "sleep 0.3; echo result; exit 0" INT; echo ready; while :; do sleep 0.01; done'
    with (
        stop_signals() as stop,
        Engine.start(["sh", "-c", command], env=dict(os.environ), name="x") as engine,
    ):
        assert engine.read(10) == b"ready\n"
        timers = [threading.Timer(t, os.kill, (os.getpid(), signal.SIGINT)) for t in (0.05, 0.1, 0.15)]
        for timer in timers:
            timer.start()
        engine.interrupt()
        assert engine.wait(10) == 0
        assert engine.read(0) == b"result\n"
        assert [stop.take() for _ in range(4)] == [signal.SIGINT] * 3 + [None]


def test_a_flood_neither_blocks_nor_fails():
    """More signals than the pipe holds are no harm."""
    with stop_signals() as stop:
        for _ in range(70_000):
            signal.raise_signal(signal.SIGTERM)
        assert stop.take() is signal.SIGTERM
