"""A page in a headless Chromium, driven over its debugging socket on loopback."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

__all__ = ["Page", "needs_chromium", "opened"]

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here")
KEYS = {"Enter": 13, " ": 32, "Tab": 9, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36}


class Page:
    """One tab. `requests`: addresses that it asked for; `faults`: what its console complained."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.requests: list[str] = []
        self.faults: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method", ""), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.faults.append(told["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.faults.append(json.dumps(told["args"]))

    def go(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self.call("Page.navigate", url=address)
        there = f"location.href.startsWith({json.dumps(address.partition('#')[0])})"
        for _ in range(2000):
            if self.value(f"document.readyState === 'complete' && {there}"):
                return
        raise AssertionError(f"{address} did not load")

    def value(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def becomes(self, expression: str) -> Any:
        """The value of an expression once it is true; what a mouse does takes a frame or two."""
        for _ in range(500):
            found = self.value(expression)
            if found:
                return found
            self.value("new Promise(done => setTimeout(done, 20))")
        raise AssertionError(f"{expression} did not become true")

    def press(self, key: str) -> None:
        """A key, as from a keyboard."""
        code = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key)
        typed = {"text": text} if text else {}
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code="Space" if key == " " else key,
                windowsVirtualKeyCode=code,
                **(typed if kind == "keyDown" else {}),
            )

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self.call("Input.insertText", text=text)

    def move(self, x: float, y: float) -> None:
        """Move the mouse there."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def size(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def scheme(self, name: str) -> None:
        """`light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextmanager
def opened(folder: Path) -> Iterator[Page]:
    """An empty tab of a Chromium that keeps its files in `folder`."""
    assert PROGRAM is not None
    command = [
        PROGRAM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "about:blank",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(_tab(folder), max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _tab(folder: Path) -> str:
    """Address of the debugging socket of the only tab, once the browser has written its port."""
    file, end = folder / "DevToolsActivePort", time.monotonic() + 60
    while not (file.exists() and len(file.read_text("utf-8").splitlines()) == 2):
        assert time.monotonic() < end, "Chromium did not start"
        time.sleep(0.05)
    port, whole = file.read_text("utf-8").splitlines()
    with connect(f"ws://127.0.0.1:{port}{whole}") as browser:
        browser.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
        while True:
            message = json.loads(browser.recv(timeout=60))
            if message.get("id") == 1:
                break
    (tab,) = [each for each in message["result"]["targetInfos"] if each["type"] == "page"]
    return f"ws://127.0.0.1:{port}/devtools/page/{tab['targetId']}"
