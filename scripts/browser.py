"""A headless Chromium, driven through pipes by its own protocol: for pictures and for tests.

No library is needed. What a page says on its console, what it throws, and every address that it
asks for are kept, so that a test can hold them against what they should be.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)
PATIENCE_S = 60.0
WATCHED = ("Page", "Runtime", "Log", "Network")


class NoBrowser(RuntimeError):
    """There is none here; the text says what to install."""


class BrowserError(RuntimeError):
    """It refused a command, or said nothing any more."""


def find_browser() -> str:
    """Its path. Raises NoBrowser."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise NoBrowser("there is no Chromium here: apt-get install chromium")
    return found


class Browser:
    """One page at a time. Use it in a `with` statement.

    `requests` are the addresses that pages asked for, `complaints` what they said on the console or
    threw, and what was blocked.
    """

    def __init__(self, width: int = 1280, height: int = 900, *, scale: float = 1.0) -> None:
        """Raises NoBrowser."""
        self.program = find_browser()
        self.size = width, height, scale
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._next, self._buffer = 0, b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: list[str] = []
        self._session = ""

    def __enter__(self) -> Self:
        self._profile = tempfile.TemporaryDirectory(prefix="thinker-browser-")
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 50) for fd in (theirs_in, theirs_out)]

        def place() -> None:
            os.dup2(given[0], 3)
            os.dup2(given[1], 4)

        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [self.program, *FLAGS, *root, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=place,
        )
        for fd in (theirs_in, theirs_out, *given):
            os.close(fd)
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in WATCHED:
            self.send(f"{domain}.enable")
        self.resize(*self.size)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrowserError, OSError):
            self._session = ""
            self.send("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        with contextlib.suppress(OSError):
            self._profile.cleanup()

    def resize(self, width: int, height: int, scale: float = 1.0) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=scale, mobile=width < 600,
        )  # fmt: skip

    def prefer(self, theme: str) -> None:
        """`light` or `dark`, as the person's system says; no motion."""
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.send("Emulation.setEmulatedMedia", features=features)

    def open(self, url: str) -> None:
        """And wait until it is there."""
        self._events.clear()
        self.send("Page.navigate", url=url)
        self._until(lambda: "Page.loadEventFired" in self._events, f"{url} did not load")

    def run(self, script: str) -> Any:
        """The value of an expression in the page. Raises BrowserError where it throws."""
        found = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise BrowserError(json.dumps(found["exceptionDetails"])[:2000])
        return found["result"].get("value")

    def key(self, name: str) -> None:
        """A key such as Tab, Enter or ArrowRight, pressed and let go."""
        codes = {"Tab": 9, "Enter": 13, " ": 32, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}
        key = {"key": name, "code": name, "windowsVirtualKeyCode": codes[name]}
        typed = {"text": text} if (text := {"Enter": "\r", " ": " "}.get(name)) else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", **key, **typed)
        self.send("Input.dispatchKeyEvent", type="keyUp", **key)

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of the first element that the selector finds."""
        self.run(f"{_element(selector)}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        left, top, width, height = self.box(selector)
        x, y = left + width / 2, top + height / 2
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y,
                **({} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}),
            )  # fmt: skip

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height in the window of the first element that it finds."""
        script = (
            f"(r => [r.x, r.y, r.width, r.height])({_element(selector)}.getBoundingClientRect())"
        )
        left, top, width, height = self.run(script)
        return left, top, width, height

    def picture(self, path: Path, *, whole: bool = False, clip: str = "") -> None:
        """A PNG of what is seen, of the whole page, or of the element that `clip` selects."""
        arguments: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole or bool(clip)}
        if clip:
            left, top, width, height = self.box(clip)
            x, y = self.run("[scrollX, scrollY]")
            arguments["clip"] = _clip(x + left, y + top, width, height)
        elif whole:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            arguments["clip"] = _clip(0, 0, size["width"], size["height"])
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", **arguments)["data"]))

    # -- the protocol ------------------------------------------------------------------------------

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command's result. Raises BrowserError."""
        self._next += 1
        number = self._next
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._to, json.dumps(message).encode() + b"\0")
        except OSError as error:
            raise BrowserError(f"the browser is gone: {error}") from error
        self._until(lambda: number in self._answers, f"no answer to {method}")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        found: dict[str, Any] = answer["result"]
        return found

    def settle(self, seconds: float = 0.3) -> None:
        """Take what the page says for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._take(left)

    def _until(self, is_done: Any, otherwise: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_done():
            if (left := end - time.monotonic()) <= 0:
                raise BrowserError(f"{otherwise} within {PATIENCE_S:g} s")
            self._take(left)

    def _take(self, seconds: float) -> None:
        if not select.select([self._from], [], [], seconds)[0]:
            return
        piece = os.read(self._from, 1 << 20)
        if not piece:
            raise BrowserError("the browser ended")
        *whole, self._buffer = (self._buffer + piece).split(b"\0")
        for raw in whole:
            self._note(json.loads(raw))

    def _note(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
            return
        name, told = message.get("method", ""), message.get("params", {})
        self._events.append(name)
        match name:
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told)[:2000])
            case "Log.entryAdded":
                self.complaints.append(str(told["entry"].get("text")))


def _element(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


def _clip(x: float, y: float, width: float, height: float) -> dict[str, float]:
    return {"x": x, "y": y, "width": width, "height": height, "scale": 1}
