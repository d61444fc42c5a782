"""Makes the README's pictures: `python -m demo.pictures`. Each replaced system is used as in the demo, and its page is shot.

Needs Chromium (Debian: apt install chromium). The pictures have few colours, so that each stays small.
"""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyvips
from playwright.sync_api import FloatRect, Page, sync_playwright

from demo.__main__ import prepared
from demo.account import ROOT, Account, say
from demo.stage import Stage
from demo.waiting import until

FOLDER: Final = ROOT / "docs" / "images"
MOST_BYTES: Final = 120_000
"""Of one picture."""
WIDTH, HEIGHT = 1280, 640


def jobs(stage: Stage, page: Page) -> None:
    """System 1: the jobs of its four kinds."""
    _step("images", stage)
    sent = [
        {"type": "notification", "data": {"to": "on-call@example.com", "message": "The shop is closed."}},
        {"type": "report", "data": {"title": "Orders", "csv": "region,orders\nNorth,12\nSouth,7\n"}},
        {"type": "email", "data": {"to": "ann@example.com", "subject": "Welcome", "body": "It is ready."}},
        {
            "type": "email",
            "data": {"to": "ann@example.com", "subject": "Later", "body": "x"},
            "delay": 3_600_000,
        },
    ]
    for body in sent[:3]:
        made = stage.post("/api/jobs", body)
        stage.until_status(f"/api/jobs/{made['job_id']}", "completed", "failed")
    stage.post("/api/jobs", sent[3])
    page.goto("/jobs")


def reports(stage: Stage, page: Page) -> None:
    """System 2: reports, one of which is being made."""
    _step("reports", stage)
    report = {"title": "Sales of the quarter", "rows": [{"region": "North", "sales": 12}], "pace": [1, 12, 1]}
    started = stage.http.post("/reports", json=report).raise_for_status().json()["id"]

    def half_made() -> bool:
        return int(stage.get(f"/reports/{started}/status")["progress"]) >= 40

    until(half_made, seconds=60, what="a report is half made")
    page.goto("/reports")


def types(stage: Stage, page: Page) -> None:
    """System 3: what its definitions say, and how clients of them are made."""
    _step("typed", stage)
    page.goto("/types")
    page.locator("#clients-title").scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")


def areas(stage: Stage, page: Page) -> None:
    """System 4: an area that was fetched and measured."""
    _step("areas", stage)
    (newest, *_) = stage.get("/api/v1/areas")["items"]
    page.goto(f"/areas/{newest['id']}")


def imports(stage: Stage, page: Page) -> None:
    """System 5: the history of imports."""
    _step("feeds", stage)
    page.goto("/imports")


PICTURES: Final[dict[str, Callable[[Stage, Page], None]]] = {
    "jobs": jobs,
    "running-reports": reports,
    "types": types,
    "area": areas,
    "imports": imports,
}
"""By the name of the file: what brings its page up."""


def _step(name: str, stage: Stage) -> None:
    importlib.import_module(f"demo.steps.{name}").run(stage)


@contextmanager
def _browser(stage: Stage) -> Iterator[Page]:
    """A window of Chromium in which the owner is signed in."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise FileNotFoundError("pictures need Chromium (Debian: apt install chromium)")
    link = stage.installation.corral("sign-in").split()[-1]
    with sync_playwright() as playwright:
        # The kernel may grant no namespaces to root, and all that is shown is our own.
        browser = playwright.chromium.launch(executable_path=chromium, chromium_sandbox=False)
        page = browser.new_page(
            base_url=stage.installation.url, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light"
        )
        page.set_default_timeout(60_000)
        page.goto(link)
        page.get_by_role("button", name="Sign in").click()
        page.locator("#submit-title").wait_for()
        yield page
        browser.close()


def _shot(page: Page, file: Path) -> int:
    """Keep what the window shows, in few colours: its size in bytes."""
    page.evaluate("document.fonts.ready")
    png = page.screenshot(clip=FloatRect(x=0, y=0, width=WIDTH, height=HEIGHT), animations="disabled")
    picture = pyvips.Image.new_from_buffer(png, "")
    if picture.hasalpha():
        picture = picture.flatten(background=255)
    content = bytes(picture.pngsave_buffer(palette=True, Q=90, compression=9))
    file.write_bytes(content)
    return len(content)


def main(names: Sequence[str]) -> int:
    """Make all pictures or the named ones; 1 where one is too large or can't be made."""
    unknown = sorted(set(names) - PICTURES.keys())
    if unknown:
        say(f"there is no picture {', '.join(unknown)}; there are {', '.join(PICTURES)}")
        return 2
    too_large = []
    with prepared(Account()) as stage, _browser(stage) as page:
        for name in names or PICTURES:
            PICTURES[name](stage, page)
            size = _shot(page, FOLDER / f"{name}.png")
            say(f"docs/images/{name}.png: {size:,} bytes")
            if size > MOST_BYTES:
                too_large.append(name)
    for name in too_large:
        say(f"docs/images/{name}.png has more than {MOST_BYTES:,} bytes")
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
