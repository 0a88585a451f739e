"""``tracekit serve``: live runs as metrics, for a real Prometheus and a collector of OpenTelemetry's."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest
from tests.live.endless import endless
from tests.live.serving import Prometheus, fetch, prometheus, samples, serve, until
from tests.workflow.serving.collector import Collector, collector

import tracekit as tk
from tracekit.core.histogram import Histogram

HAS_BPFTRACE = shutil.which(os.environ.get("TRACEKIT_BPFTRACE", "bpftrace")) is not None

pytestmark = [pytest.mark.live, pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root")]

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/serve.md").read_text()
OLD = {"interval": "1s", "collector": "http://127.0.0.1:4318", "pid": "-p 1234"}
"""What the document's commands have where a test has something else."""

FREE = ("--listen", "127.0.0.1:0", "--interval", "200ms")


@pytest.fixture
def there() -> Iterator[Collector]:
    """A collector that doesn't run yet."""
    with collector() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with the program of the document."""
    source = ROOT / "examples/cache/c/itest.c"
    subprocess.run(["gcc", "-O2", "-g", "-o", tmp_path / "itest.test", source], check=True)
    return tmp_path


def blocks(language: str) -> list[str]:
    """The blocks of the document in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


def words_of(command: str, **other: str) -> list[str]:
    """The words of a command of the document, with others in place of some, and on a free port."""
    for text, new in other.items():
        assert OLD[text] in command
        command = command.replace(OLD[text], new)
    return [*FREE, *shlex.split(command)[2:]]


def agree(server: Prometheus, name: str, histogram: Histogram) -> None:
    """Prometheus has a result's counts, and for the quantile amid each bucket's values the bucket's middle."""
    assert server.number(f"{name}_count") == histogram.count
    assert server.number(f"{name}_sum") == histogram.sum
    below = 0
    for bucket in histogram.buckets:
        assert bucket.lo is not None
        q = (below + bucket.count / 2) / histogram.count
        ours = attrs.evolve(histogram, min=None, max=None).quantile(q)  # Prometheus knows of neither
        assert (ours.lo, ours.hi) == (bucket.lo, bucket.hi)
        found = server.number(f"histogram_quantile({q!r}, {name}_bucket)")
        assert found is not None
        # Nothing is below 0, which it takes for granted of the first bucket.
        low = max(0, bucket.lo - 1)
        assert found == pytest.approx(low if bucket.hi is None else (low + bucket.hi - 1) / 2)
        below += bucket.count


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Debian's package prometheus")
def test_a_real_prometheus_agrees(folder: Path) -> None:
    """Its quantiles are in our buckets, where its rule puts them; its counts are ours, and never go down.

    Command, configuration and queries are those of the document.
    """
    with contextlib.ExitStack() as stack:
        words = words_of(blocks("sh")[0], interval="200ms")
        served = stack.enter_context(serve(*words, folder=folder))
        config = blocks("yaml")[0].replace("127.0.0.1:9464", urlsplit(served.url()).netloc)
        config = config.replace("scrape_interval: 15s", "scrape_interval: 100ms")
        server = stack.enter_context(prometheus(config, folder))
        until(lambda: server.number("changes(tracekit_value_count[1h]) > 3"), "a fifth count")
        os.kill(served.child("itest.test"), signal.SIGKILL)
        until(lambda: server.number("tracekit_run_ended == 1"), "the last scrape")
        result = tk.load_run((folder / "run.json").read_bytes())
        assert result.whole
        agree(server, "tracekit_value", result.histogram(""))
        assert server.number("max(resets(tracekit_value_bucket[1h]))") == 0
        # Each query for numbers has one, and of the alerts only that the run has ended.
        queries = [line for block in blocks("promql") for line in block.splitlines()]
        assert [len(server.ask(query)) for query in queries] == [1, 1, 1, 1, 0, 1, 0]
        assert served.stop() == 0


def test_scrapes_and_collectors_come_and_go(there: Collector, folder: Path) -> None:
    """Counts go on through both, and end with SIGTERM as the result that is written; the process goes on."""

    def count() -> float:
        return samples(url)["tracekit_value_count", ()]

    def sent() -> int:
        number: int = there.last["tracekit.value"].histogram.data_points[0].count
        return number

    target = ("nice", str(folder / "itest.test"), "1000000000000")
    with endless(*target) as pid, contextlib.ExitStack() as stack:
        words = words_of(blocks("sh")[1], collector=there.url, pid=f"-p {pid} -o run.json")
        served = stack.enter_context(serve(*words, folder=folder))
        url = served.url()
        served.line("takes no metrics: connection refused; it is tried again")
        with there.running():
            there.wait(2)
        before = sent()
        served.line("takes all metrics again")
        with ThreadPoolExecutor(8) as pool:
            pages = list(pool.map(lambda _: fetch(url), range(32)))
        assert all(page.startswith("# HELP tracekit_value ") for page in pages)
        middle = count()
        until(lambda: count() > middle or None, "a further count")
        with there.running():
            there.wait()
            assert served.stop() == 0
        result = tk.load_run((folder / "run.json").read_bytes())
        assert result.whole and before < sent() == result.histogram("").count
        assert there.last["tracekit.run.ended"].gauge.data_points[0].as_int == 1
        with socket.create_server(("127.0.0.1", urlsplit(url).port or 0)):
            pass  # the port is free again


def test_hostile_keys_are_served_until_ctrl_c(binaries: Callable[[str], Path], tmp_path: Path) -> None:
    """After the target's end the last numbers stay; keys of any bytes are labels that differ as they do."""
    calls, run = str(binaries("calls")), tmp_path / "run.json"
    words = (calls, "text", "count()", "--by", "str(arg0), comm", *FREE, "-o", str(run), "--", calls, "texts")
    with serve(*words) as served:
        url = served.url()
        served.line("the run has ended; its last metrics are served until Ctrl-C")
        found = samples(url)
        assert all(line.isprintable() for line in fetch(url).split("\n"))
        assert served.stop(signal.SIGINT) == 0
    keys = tk.load_run(run.read_bytes())[""].entries
    labels = {dict(labels)["str_arg0"] for name, labels in found if name == "tracekit_value_total"}
    assert len(labels) == len(keys) == 25
    assert {"new\\nline", "\\x01\\x1f\\x7f", "bad\\xff\\xfe", "back\\\\slash", 'quote"d', ""} < labels


def test_a_collector_alone_has_the_last_word(there: Collector, binaries: Callable[[str], Path]) -> None:
    """With --otlp alone, the command waits for the collector after the target's end, and ends by itself."""
    hot = str(binaries("hot"))
    words = (
        hot,
        "insert",
        "stats((uint64)arg0)",
        "--otlp",
        there.url,
        "--interval",
        "200ms",
        "--",
        hot,
        "1000",
    )
    with serve(*words) as served:
        assert served.line(r"metrics (go to \S+)$")[1] == f"go to {there.url}/v1/metrics"
        served.line("takes no metrics")
        served.line("the command ended with status 7")
        with there.running():
            assert served.end() == 0
    (events,) = there.last["tracekit.value.events"].sum.data_points
    assert events.as_int == 1000
    assert there.last["tracekit.value.sum"].gauge.data_points[0].as_int == 499_500


@pytest.mark.skipif(not HAS_BPFTRACE, reason="there is no bpftrace here: 'make test' installs it")
def test_an_engine_that_dies_is_told(binaries: Callable[[str], Path], tmp_path: Path) -> None:
    """The numbers stay, marked as incomplete, while the command goes on; so does the status in the end."""
    hot = str(binaries("hot"))
    words = (hot, "insert", "count()", *FREE, "--", hot, "-1", "500")
    with serve(*words, backend="bpftrace") as served:
        url = served.url()
        until(lambda: samples(url).get(("tracekit_value_total", ())) or None, "a count")
        assert samples(url)["tracekit_complete", ()] == 1
        os.kill(served.child("bpftrace"), signal.SIGKILL)
        served.line("the engine has died: nothing more is counted; the command goes on")
        until(lambda: samples(url)["tracekit_complete", ()] == 0 or None, "the mark")
        found = samples(url)
        assert found["tracekit_run_ended", ()] == 0 and found["tracekit_value_total", ()] > 0
        assert found["tracekit_losses", (("kind", "incomplete"), ("map", ""))] == 1
        assert served.stop() == 1
