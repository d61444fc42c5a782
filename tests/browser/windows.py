"""Windows of Chromium: each with cookies of its own, watched for complaints, and traced until its test has passed."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
KEPT = Path(__file__).resolve().parents[2] / "build" / "browser"
"""Where traces and screenshots of failed tests are kept, a folder each."""
TIMEOUT_SECONDS = 60
"""For each wait; generous, because a passing test never spends it."""
DESK, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)


@dataclass(frozen=True)
class Window:
    """One window, and what stood in its console as an error or a warning."""

    context: BrowserContext
    page: Page
    complaints: list[str]


class Windows:
    """The windows of one test on one site."""

    def __init__(self, browser: Browser, site: str) -> None:
        self._browser, self._site = browser, site
        self._opened: list[Window] = []

    async def open(self, *, scripts: bool = True, dark: bool = False, phone: bool = False) -> Page:
        """A new one, in which nobody is signed in; paths are of the site."""
        context = await self._browser.new_context(
            base_url=self._site,
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            viewport=PHONE if phone else DESK,
            is_mobile=phone,
            has_touch=phone,
        )
        context.set_default_timeout(1000 * TIMEOUT_SECONDS)
        await context.tracing.start(snapshots=True)
        window = Window(context, await context.new_page(), [])
        window.page.on("console", lambda message: _note(window, message))
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        self._opened.append(window)
        return window.page

    def complaints(self) -> list[str]:
        """Errors and warnings since the last look, of all windows."""
        found = [line for window in self._opened for line in window.complaints]
        for window in self._opened:
            window.complaints.clear()
        return found

    async def close(self, test: pytest.Item, *, failed: bool) -> None:
        """Close all. Of a failed test, keep a trace and a screenshot of each, and say where."""
        for number, window in enumerate(self._opened):
            if failed:
                await _keep(window, KEPT / re.sub(r"\W+", "-", test.name).strip("-"), number)
            else:
                await window.context.tracing.stop()
            await window.context.close()


def _note(window: Window, message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        window.complaints.append(f"{message.type}: {message.text}")


async def _keep(window: Window, folder: Path, number: int) -> None:
    picture, trace = folder / f"window-{number}.png", folder / f"window-{number}.zip"
    await window.context.tracing.stop(path=trace)
    sys.stdout.write(f"trace, for `playwright show-trace`: {trace}\n")
    await window.page.screenshot(path=picture, full_page=True)
    sys.stdout.write(f"screenshot of {window.page.url}: {picture}\n")
