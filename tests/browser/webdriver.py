"""A browser, driven through chromedriver: no more of WebDriver than these tests use.

Source: W3C WebDriver 2.
"""

import base64
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
from tests.fixtures.waiting import eventually

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def available() -> bool:
    return bool(shutil.which("chromedriver") and shutil.which("chromium"))


class Element:
    def __init__(self, browser: "Browser", element: str) -> None:
        self._browser = browser
        self.id = element

    def click(self) -> None:
        self._browser.call("POST", f"/element/{self.id}/click", {})

    def type(self, text: str) -> None:
        self._browser.call("POST", f"/element/{self.id}/value", {"text": text})

    def clear(self) -> None:
        self._browser.call("POST", f"/element/{self.id}/clear", {})

    @property
    def text(self) -> str:
        return str(self._browser.call("GET", f"/element/{self.id}/text"))

    def property(self, name: str) -> Any:
        return self._browser.call("GET", f"/element/{self.id}/property/{name}")


class Browser:
    """One window."""

    def __init__(self, driver: str, session: str, base: str) -> None:
        self._http = httpx2.Client(timeout=60)
        self._session = f"{driver}/session/{session}"
        self.base = base

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, self._session + path, json=body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{answer['error']}: {answer['message'].splitlines()[0]}")
        return answer

    def open(self, path: str) -> None:
        self.call("POST", "/url", {"url": f"{self.base}{path}"})

    @property
    def path(self) -> str:
        return str(self.call("GET", "/url")).removeprefix(self.base)

    def all(self, css: str) -> list[Element]:
        found = self.call("POST", "/elements", {"using": "css selector", "value": css})
        return [Element(self, item[ELEMENT]) for item in found]

    def one(self, css: str, timeout: float = 15) -> Element:
        """The first element, waited for."""
        return eventually(lambda: self.all(css), timeout=timeout)[0]

    def button(self, text: str) -> Element:
        xpath = f"//*[self::button or self::a][normalize-space()='{text}']"
        found = eventually(lambda: self.call("POST", "/elements", {"using": "xpath", "value": xpath}))
        return Element(self, found[0][ELEMENT])

    def choose(self, css: str, option: str) -> None:
        value = next(item for item in self.all(f"{css} option") if item.text == option)
        value.click()

    def script(self, source: str, *arguments: Any) -> Any:
        return self.call("POST", "/execute/sync", {"script": source, "args": list(arguments)})

    def later(self, source: str, *arguments: Any) -> Any:
        """A script that calls its last argument when it is done."""
        return self.call("POST", "/execute/async", {"script": source, "args": list(arguments)})

    def text(self) -> str:
        return self.one("body").text

    def console(self) -> list[str]:
        """Errors and warnings since the last look."""
        lines = self.call("POST", "/se/log", {"type": "browser"})
        return [line["message"] for line in lines if line["level"] in ("SEVERE", "WARNING")]

    def keys(self, *keys: str) -> None:
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self) -> None:
        self.call("DELETE", "")
        self._http.close()


def _end(profile: str) -> None:
    """End the browser of this profile: the driver closes the session and may leave its processes behind."""
    ours = [
        process for process in psutil.process_iter(["cmdline"]) if profile in (process.info["cmdline"] or [])
    ]
    for process in ours:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(ours, timeout=10)


class Driver:
    """A running chromedriver."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            ["chromedriver", f"--port={port}", "--silent"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(
            lambda: httpx2.get(f"{self.url}/status").json()["value"]["ready"],
            timeout=30,
            ignoring=(httpx2.TransportError,),
        )

    @contextmanager
    def browser(
        self, base: str, folder: Path, *, scripts: bool = True, dark: bool = False
    ) -> Iterator[Browser]:
        """A new window of a new profile; downloads go to `folder`."""
        profile = f"--user-data-dir={folder / str(time.monotonic_ns())}"
        arguments = [*ARGUMENTS, "--window-size=1280,900", profile]
        if dark:
            arguments.append("--force-dark-mode")
        preferences: dict[str, Any] = {
            "download.default_directory": str(folder),
            "profile.managed_default_content_settings.javascript": 1 if scripts else 2,
        }
        options = {"args": arguments, "prefs": preferences}
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        answer = httpx2.post(
            f"{self.url}/session", json={"capabilities": {"alwaysMatch": capabilities}}, timeout=60
        ).json()["value"]
        if "error" in answer:
            raise RuntimeError(answer["message"])
        browser = Browser(self.url, answer["sessionId"], base)
        try:
            yield browser
        finally:
            browser.close()
            _end(profile)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
