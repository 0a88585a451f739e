"""Settings for all tests."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from typing import Never

import pytest
from hypothesis import HealthCheck, settings
from tests import needs_linux

# How long an example takes says more about the machine's load than about the code; benchmarks measure that.
settings.register_profile(
    "tracekit", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tracekit")

# What a shell starts in the background ignores these, and so would all that the tests start, and interrupt.
for _signal, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, _handler)


@pytest.fixture(scope="session", autouse=True)
def _own_calibrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the calibrations, or the indexes of functions, of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path_factory.mktemp("calibrations")))
        patch.setenv("TRACEKIT_INDEXES", str(tmp_path_factory.mktemp("indexes")))
        yield


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A command that a test runs in this process ignores what would stop it, once it has its result."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [(number, signal.getsignal(number)) for number in numbers]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def pytest_collectstart(collector: pytest.Collector) -> None:
    """On another system than Linux, skip a module that needs it before it is imported, and say why."""
    if sys.platform == "linux" or not isinstance(collector, pytest.Module):
        return
    if reason := needs_linux.why(collector.path):

        def skip() -> Never:
            pytest.skip(f"needs Linux: {reason}", allow_module_level=True)

        collector.collect = skip  # type: ignore[method-assign]
