"""``tracekit serve`` as a process, and a server of Prometheus that scrapes it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client.parser import text_string_to_metric_families

T = TypeVar("T")

SECONDS = float(os.environ.get("LIVE_SECONDS", "120"))
"""How long anything may take."""

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def until(found: Callable[[], T | None], what: str) -> T:
    """What is found once there is something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if (value := found()) is not None:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} has not come")


class Served:
    """A running ``tracekit serve``.

    Attributes:
        process: it.
        said: the lines on its standard error so far.
    """

    def __init__(self, words: tuple[str, ...], folder: Path | None, backend: str) -> None:
        argv = [sys.executable, "-m", "tracekit", "serve", "--backend", backend, *words]
        self.process = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))

    def child(self, name: str) -> int:
        """The process of this name that it started."""
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                with contextlib.suppress(FileNotFoundError):
                    if Path(f"/proc/{child}/comm").read_text().strip() == name:
                        return child
        raise AssertionError(f"there is no {name}")

    def line(self, pattern: str) -> re.Match[str]:
        """The first line that has a pattern, once it comes."""

        def found() -> re.Match[str] | None:
            if over := self.process.poll() is not None:
                self._reader.join()
            match = next(filter(None, (re.search(pattern, line) for line in [*self.said])), None)
            assert match or not over, self.said
            return match

        return until(found, pattern)

    def url(self) -> str:
        """Where its metrics are, once the probes are in place."""
        return self.line(r"metrics are at (\S+?)(?: and|$)")[1]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its status."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> int:
        """Its status once it has ended."""
        status = self.process.wait(SECONDS)
        self._reader.join()
        return status


@contextlib.contextmanager
def serve(*words: str, folder: Path | None = None, backend: str = "bpf") -> Iterator[Served]:
    """Start it, in a folder if one is named; it is killed at the end of the block, if it hasn't ended."""
    served = Served(words, folder, backend)
    try:
        yield served
    finally:
        served.process.kill()
        served.end()
        assert served.process.stderr is not None
        served.process.stderr.close()


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        text: str = answer.read().decode()
        return text


def samples(url: str) -> Samples:
    """What Prometheus's own reader finds on a page, by name and labels, each once."""
    found: Samples = {}
    for family in text_string_to_metric_families(fetch(url)):
        for sample in family.samples:
            place = (sample.name, tuple(sorted(sample.labels.items())))
            assert place not in found
            found[place] = sample.value
    return found


class Prometheus:
    """A running server of Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What a query gives now: each series with its labels, and its value as text."""
        words = urllib.parse.urlencode({"query": query})
        document = json.loads(fetch(f"{self.url}/api/v1/query?{words}"))
        assert document["status"] == "success", document
        result: list[dict[str, Any]] = document["data"]["result"]
        return result

    def number(self, query: str) -> float | None:
        """The value of a query's one series; None if it has none yet."""
        found = self.ask(query)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None


@contextlib.contextmanager
def prometheus(config: str, folder: Path) -> Iterator[Prometheus]:
    """Start a server with this configuration, on a free port, and end it."""
    (folder / "prometheus.yml").write_text(config)
    argv = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        port = until(lambda: _port(process, folder / "log"), "Prometheus's port")
        found = Prometheus(f"http://127.0.0.1:{port}")
        until(lambda: _ready(found.url), "Prometheus")
        yield found
    finally:
        process.terminate()
        process.wait(SECONDS)


def _port(process: subprocess.Popen[bytes], log: Path) -> int | None:
    """The port on which a process listens, by its sockets: it chose a free one itself."""
    assert process.poll() is None, log.read_text()
    inodes = set()
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            inodes.add(os.readlink(link))
    for row in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]:
        words = row.split()
        if words[3] == "0A" and f"socket:[{words[9]}]" in inodes:
            return int(words[1].rpartition(":")[2], 16)
    return None


def _ready(url: str) -> bool | None:
    with contextlib.suppress(urllib.error.HTTPError):
        return fetch(f"{url}/-/ready") != ""
    return None
