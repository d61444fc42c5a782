"""The pages in a real browser: live, under their strict policy, by keyboard, and without scripts."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.browser.conftest import Site
from tests.browser.webdriver import Browser, Driver
from tests.fixtures.waiting import eventually

from corral.actions.principal import Role

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
ROWS = "date,region,units\n" + "".join(
    f"2026-0{1 + n % 9}-01,{('North', 'South', 'East')[n % 3]},{n}\n" for n in range(500)
)
PAGES = ["/", "/?type=report.generate", "/jobs", "/jobs?state=failed", "/queues", "/pools", "/workers"]


def submit(site: Site, key: str, **body: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx2.post(f"{site.publisher.url}/api/v1/jobs", json=body, headers=headers)
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


def test_a_report_from_a_file_is_watched_and_downloaded(browser: Browser, tmp_path: Path):
    source = tmp_path / "sales.csv"
    source.write_text(ROWS)
    browser.open("/?type=report.generate")
    browser.one("#field-title").type("Sales in a browser")
    browser.one("#field-csv-file").type(str(source))
    browser.button("Submit").click()
    browser.one("h1")
    assert browser.path.startswith("/jobs/")
    browser.one(".badge.completed", timeout=60)
    browser.button("Download").click()
    (pdf,) = eventually(lambda: list(tmp_path.glob("*.pdf")), timeout=20)
    eventually(lambda: pdf.read_bytes().startswith(b"%PDF"))


def test_progress_moves_without_a_reload(browser: Browser):
    browser.open("/?type=demo.sleep")
    field = browser.one("#field-seconds")
    field.clear()
    field.type("4")
    browser.button("Submit").click()
    browser.one(".badge.running")
    browser.script("window.still = true")
    seen: set[int] = set()

    def ended() -> bool:
        for bar in browser.all("progress"):
            seen.add(
                int(
                    browser.script(
                        "return arguments[0].value", {"element-6066-11e4-a52e-4f735466cecf": bar.id}
                    )
                )
            )
        return bool(browser.all(".badge.completed"))

    eventually(ended, timeout=30, ignoring=(RuntimeError,))
    assert browser.script("return window.still") is True
    assert len(seen) >= 3, seen


def test_the_list_of_jobs_moves_by_itself(browser: Browser, site: Site):
    key = site.key(Role.OPERATOR)
    browser.open("/jobs")
    browser.one("table, .empty")
    job = submit(site, key, type="demo.echo", payload={"hello": "list"})
    browser.one(f"#job-{job['id']} .badge.completed", timeout=20)


def test_choosing_a_type_shows_its_form_at_once(browser: Browser):
    browser.open("/")
    browser.choose("#type", "demo.fail")
    browser.one("#field-exception")
    assert browser.path == "/?type=demo.fail"


def test_a_running_job_is_cancelled_from_its_page(browser: Browser, site: Site):
    job = submit(site, site.key(Role.OPERATOR), type="demo.sleep", payload={"seconds": 300})
    browser.open(f"/jobs/{job['id']}")
    browser.one(".badge.running")
    browser.button("Cancel").click()
    browser.one(".badge.cancelled", timeout=20)
    browser.button("Run again").click()
    browser.one(".badge.running", timeout=20)
    browser.button("Cancel").click()
    browser.one(".badge.cancelled", timeout=20)


def test_a_stream_that_stops_says_since_when(browser: Browser, site: Site):
    browser.open("/jobs")
    browser.one("table, .empty")
    browser.script("window.dispatchEvent(new Event('x')); document.querySelector('#stale').hidden = true")
    browser.script(
        "document.querySelector('[hx-nonce]').dispatchEvent(new CustomEvent('htmx:sse:error', {bubbles: true}))"
    )
    assert "No live updates since" in browser.one("#stale").text


def test_the_slash_key_leads_to_the_search(browser: Browser):
    browser.open("/jobs")
    browser.one("#error")
    browser.keys("/")
    assert browser.script("return document.activeElement.id") == "error"


def test_everything_is_reached_by_the_tabulator(browser: Browser):
    browser.open("/")
    browser.one("#type")
    reached = []
    for _ in range(60):
        browser.keys("\ue004")
        reached.append(browser.script("return document.activeElement.textContent.trim().split('\\n')[0]"))
    assert reached[0] == "Skip to the content"
    for name in (
        "Corral",
        "Jobs",
        "Queues",
        "Pools",
        "Workers",
        "Sign out",
        "Submit",
        "Start the load",
        "All jobs",
    ):
        assert name in reached, reached


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_has_a_fault_that_axe_finds(driver: Driver, site: Site, tmp_path: Path, dark: bool):
    key = site.key(Role.OPERATOR)
    failed = submit(site, key, type="demo.fail", payload={"times": 9}, retries=0)
    waiting = submit(site, key, type="demo.echo", delay=3000, tags=["slow"])
    pages = [*PAGES, f"/jobs/{failed['id']}", f"/jobs/{waiting['id']}"]
    with driver.browser(site.publisher.url, tmp_path, dark=dark) as window:
        window.open("/sign-in")
        assert window.script("return matchMedia('(prefers-color-scheme: dark)').matches") is dark
        faults = {"/sign-in": axe(window)}
        window.open(site.link("ann", Role.ADMIN))
        faults["link"] = axe(window)
        window.button("Sign in").click()
        window.one("#submit-title")
        for path in pages:
            window.open(path)
            window.one("main")
            faults[path] = axe(window)
    assert {path: found for path, found in faults.items() if found} == {}


def axe(window: Browser) -> list[str]:
    """What axe finds wrong by WCAG 2.2 AA."""
    window.script(AXE.read_text())
    result = window.later(
        "const done = arguments[arguments.length - 1];"
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(done)"
    )
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in result["violations"]]


def test_without_scripts_everything_still_works(driver: Driver, site: Site, tmp_path: Path):
    with driver.browser(site.publisher.url, tmp_path, scripts=False) as window:
        window.open("/jobs?state=queued")
        window.one("#key").type(site.key(Role.OPERATOR))
        window.button("Sign in").click()
        window.one("h1")
        assert window.path == "/jobs?state=queued"
        window.open("/")
        window.choose("#type", "demo.sleep")
        window.button("Show its form").click()
        field = window.one("#field-seconds")
        field.clear()
        field.type("200")
        window.button("Submit").click()
        window.one(".heading")

        def running() -> bool:
            window.call("POST", "/refresh", {})
            return bool(window.all(".badge.running"))

        eventually(running, timeout=20)
        window.button("Cancel").click()

        def cancelled() -> bool:
            window.call("POST", "/refresh", {})
            return bool(window.all(".badge.cancelled"))

        eventually(cancelled, timeout=20)
        window.open("/queues")
        window.button("Pause").click()
        window.one(".badge.paused")
        window.button("Resume").click()
        eventually(lambda: not window.all(".badge.paused"))
        window.button("Sign out").click()
        window.one("#key")


def test_scripts_of_others_do_not_run(browser: Browser, site: Site):
    evil = "<img src=x onerror='window.evil = 1'><script>window.evil = 1</script>"
    job = submit(site, site.key(Role.OPERATOR), type="demo.echo", payload={"a": evil}, tags=["<b>x</b>"])
    browser.open(f"/jobs/{job['id']}")
    browser.one(".badge.completed", timeout=20)
    assert evil in browser.text().replace('\\"', '"')
    assert browser.script("return window.evil === undefined") is True
    refused = browser.script(
        "try { document.body.insertAdjacentHTML('beforeend', '<p>x</p>'); return 'allowed' } catch (e) { return e.name }"
    )
    assert refused == "TypeError"
    browser.console()  # the refusal is told there, as it should be
