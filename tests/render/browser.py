"""A headless Chromium, spoken to through two pipes in the words of its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """A running browser with one tab."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._data = b""
        self._number = 0
        self._session: str | None = None
        self._script = True
        self.events: deque[dict[str, Any]] = deque()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and return its answer; what happens meanwhile goes to ``events``."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._data:
            data = os.read(self._answers, 1 << 16)
            assert data, "the browser has ended"
            self._data += data
        message, _, self._data = self._data.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, path: Path) -> list[dict[str, Any]]:
        """Load a file and wait until it is there; returns what went wrong, and what else was fetched."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())
        if self._script:
            self.value("new Promise(requestAnimationFrame).then(() => 1)")
        return [event for event in self.events if _is_bad(event, path.as_uri())]

    def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def key(self, key: str) -> None:
        """Press a key."""
        code = {"Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "End": 35, "Escape": 27}[key]
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def hover(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screen(self, width: int, height: int, *, dark: bool = False, script: bool = True) -> None:
        """How large the screen is, whether dark is preferred, and whether scripts run."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self._script = script
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def screenshot(self, path: Path) -> None:
        """Write what is seen, down to the page's end, as PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))


def _is_bad(event: dict[str, Any], own: str) -> bool:
    match event["method"]:
        case "Network.requestWillBeSent":
            return event["params"]["request"]["url"] != own
        case "Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded":
            return True
        case _:
            return event["method"] == "Page.javascriptDialogOpening"


def _high(end: int) -> int:
    found = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(end)
    return found


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, and end it."""
    # Above 9, so that putting them to 3 and 4, where Chromium looks, overwrites neither.
    theirs, commands, answers, out = (_high(end) for end in (*os.pipe(), *os.pipe()))

    def place() -> None:
        os.dup2(theirs, 3)
        os.dup2(out, 4)

    with tempfile.TemporaryDirectory(prefix="tracekit-browser-", ignore_cleanup_errors=True) as folder:
        argv = [PROGRAM or "chromium", *_FLAGS, f"--user-data-dir={folder}"]
        process = subprocess.Popen(
            argv, pass_fds=(3, 4), preexec_fn=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(out)
        try:
            found = Browser(commands, answers)
            yield found
            found._session = None
            found.call("Browser.close")
            process.wait(30)
        finally:
            process.kill()
            process.wait()
            os.close(commands)
            os.close(answers)
