"""Settings for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine's load than about the code; benchmarks measure that.
settings.register_profile("tracekit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tracekit")


@pytest.fixture(scope="session", autouse=True)
def _own_calibrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the calibrations of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path_factory.mktemp("calibrations")))
        yield
