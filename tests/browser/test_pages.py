"""The pages in a real browser: live, under their strict policy, by keyboard, and without scripts."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.async_api import Page, expect
from tests.browser.accessibility import faults
from tests.browser.conftest import Site
from tests.browser.windows import TIMEOUT_SECONDS, Windows
from tests.fixtures.waiting import eventually_async

from corral.actions.access.principal import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROWS = "date,region,units\n" + "".join(
    f"2026-0{1 + n % 9}-01,{('North', 'South', 'East')[n % 3]},{n}\n" for n in range(500)
)
PAGES = [
    "/",
    "/?type=report.generate",
    "/jobs",
    "/jobs?state=failed",
    "/queues",
    "/types",
    "/schedules",
    "/limits",
    "/providers",
    "/webhooks",
    "/pools",
    "/workers",
]
SEE_PROGRESS = """() => {
    window.seen = new Set();
    const look = () => document.querySelectorAll("progress").forEach(bar => window.seen.add(bar.value));
    new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true});
    look();
}"""


async def submit(site: Site, **body: Any) -> dict[str, Any]:
    async with await operator(site) as client:
        answer = await client.post("/api/v1/jobs", json=body)
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


async def cancel(site: Site, job: str) -> None:
    async with await operator(site) as client:
        (await client.post(f"/api/v1/jobs/{job}/cancel")).raise_for_status()


async def operator(site: Site) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {await site.key(Role.OPERATOR)}"}
    return httpx2.AsyncClient(base_url=site.publisher.url, headers=headers, timeout=60)


async def test_a_report_from_a_file_is_watched_and_downloaded(page: Page, tmp_path: Path):
    source = tmp_path / "sales.csv"
    source.write_text(ROWS)
    await page.goto("/?type=report.generate")
    await page.locator("#field-title").fill("Sales in a browser")
    await page.locator("#field-csv-file").set_input_files(source)
    await page.get_by_role("button", name="Submit", exact=True).click()
    await expect(page).to_have_url(re.compile("/jobs/"))
    await expect(page.locator(".badge.completed")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name=re.compile(r"^Download .*\.pdf$")).click()
    pdf = tmp_path / (await download.value).suggested_filename
    assert pdf.suffix == ".pdf"
    await (await download.value).save_as(pdf)
    assert pdf.read_bytes().startswith(b"%PDF")


async def test_progress_moves_without_a_reload(page: Page, site: Site):
    await page.goto("/?type=demo.sleep")
    await page.locator("#field-seconds").fill("100")
    await page.get_by_role("button", name="Submit", exact=True).click()
    await expect(page.locator(".badge.running")).to_be_visible()
    await page.evaluate(SEE_PROGRESS)
    await eventually_async(lambda: page.evaluate("window.seen.size >= 3"), timeout=TIMEOUT_SECONDS)
    await cancel(site, page.url.rpartition("/")[2])
    await expect(page.locator(".badge.cancelled")).to_be_visible()
    assert await page.evaluate("window.seen.size") >= 3, "a reload would have forgotten them"


async def test_the_list_of_jobs_moves_by_itself(page: Page, site: Site):
    await page.goto("/jobs")
    await expect(page.locator("table, .empty")).to_be_visible()
    await page.evaluate("window.still = true")
    job = await submit(site, type="demo.echo", payload={"hello": "list"})
    await expect(page.locator(f"#job-{job['id']} .badge.completed")).to_be_visible()
    assert await page.evaluate("window.still")


async def test_choosing_a_type_shows_its_form_at_once(page: Page):
    await page.goto("/")
    await page.locator("#type").select_option("demo.fail")
    await expect(page.locator("#field-exception")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/\?type=demo\.fail$"))


async def test_a_running_job_is_cancelled_from_its_page(page: Page, site: Site):
    job = await submit(site, type="demo.sleep", payload={"seconds": 300})
    await page.goto(f"/jobs/{job['id']}")
    await expect(page.locator(".badge.running")).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".badge.cancelled")).to_be_visible()
    await page.get_by_role("button", name="Run again").click()
    await expect(page.locator(".badge.running")).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".badge.cancelled")).to_be_visible()


async def test_a_stream_that_stops_says_since_when(page: Page, site: Site):
    await page.goto("/jobs")
    await expect(page.locator("table, .empty")).to_be_visible()
    # The stream may open again at any moment, which hides the words: they are read in the same step.
    said = await page.evaluate(
        """() => {
            const stale = document.querySelector("#stale");
            stale.hidden = true;
            document.querySelector("[hx-nonce]").dispatchEvent(new CustomEvent("htmx:sse:error", {bubbles: true}));
            return stale.hidden ? "" : stale.innerText;
        }"""
    )
    assert "No live updates since" in said


async def test_the_slash_key_leads_to_the_search(page: Page):
    await page.goto("/jobs")
    await expect(page.locator("#error")).to_be_visible()
    await page.keyboard.press("/")
    await expect(page.locator("#error")).to_be_focused()
    await expect(page.locator("#error")).to_have_value("")


async def test_everything_is_reached_by_the_tabulator(page: Page):
    await page.goto("/")
    await expect(page.locator("#type")).to_be_visible()
    reached = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate("document.activeElement.textContent.trim().split('\\n')[0]"),
        )
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
async def test_no_page_has_a_fault_that_axe_finds(windows: Windows, site: Site, dark: bool):
    failed = await submit(site, type="demo.fail", payload={"times": 9}, retries=0)
    waiting = await submit(site, type="demo.echo", delay=3000, tags=["slow"])
    pages = [*PAGES, f"/jobs/{failed['id']}", f"/jobs/{waiting['id']}"]
    page = await windows.open(dark=dark)
    await page.goto("/sign-in")
    assert await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    found = {"/sign-in": await faults(page)}
    await page.goto(await site.link("ann", Role.ADMIN))
    found["link"] = await faults(page)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#submit-title")).to_be_visible()
    for path in pages:
        await page.goto(path)
        await expect(page.locator("main")).to_be_visible()
        found[path] = await faults(page)
    assert {path: said for path, said in found.items() if said} == {}


async def test_without_scripts_everything_still_works(windows: Windows, site: Site):
    page = await windows.open(scripts=False)
    await page.goto("/jobs?state=queued")
    await page.locator("#key").fill(await site.key(Role.OPERATOR))
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("h1")).to_have_text("Jobs")
    await expect(page).to_have_url(re.compile(r"/jobs\?state=queued$"))
    await page.goto("/")
    await page.locator("#type").select_option("demo.sleep")
    await page.get_by_role("button", name="Show its form").click()
    await page.locator("#field-seconds").fill("200")
    await page.get_by_role("button", name="Submit", exact=True).click()
    await expect(page).to_have_url(re.compile("/jobs/"))
    await reloaded_until(page, ".badge.running")
    async with page.expect_navigation():  # a reload before it would ask for the form's address
        await page.get_by_role("button", name="Cancel").click()
    await reloaded_until(page, ".badge.cancelled")
    await page.goto("/queues")
    await page.locator("#queue-demo").get_by_role("button", name="Pause").click()
    await expect(page.locator("#queue-demo .badge.paused")).to_be_visible()
    await page.locator("#queue-demo").get_by_role("button", name="Resume").click()
    await expect(page.locator("#queue-demo .badge.live")).to_be_visible()
    await expect(page.locator("#queue-demo .badge.paused")).to_have_count(0)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#key")).to_be_visible()


async def reloaded_until(page: Page, css: str) -> None:
    """Ask again and again, as people do where nothing moves by itself."""

    async def seen() -> bool:
        await page.reload()
        return await page.locator(css).is_visible()

    await eventually_async(seen, timeout=TIMEOUT_SECONDS)


async def test_scripts_of_others_do_not_run(page: Page, site: Site, windows: Windows):
    evil = "<img src=x onerror='window.evil = 1'><script>window.evil = 1</script>"
    job = await submit(site, type="demo.echo", payload={"a": evil}, tags=["<b>x</b>"])
    await page.goto(f"/jobs/{job['id']}")
    await expect(page.locator(".badge.completed")).to_be_visible()
    await expect(page.locator("body")).to_contain_text(json.dumps(evil)[1:-1])
    assert await page.evaluate("window.evil === undefined") is True
    assert windows.complaints() == []
    refused = await page.evaluate(
        "() => { try { document.body.insertAdjacentHTML('beforeend', '<p>x</p>'); return 'allowed' } catch (e) { return e.name } }"
    )
    assert refused == "TypeError"
    assert "TrustedHTML" in "".join(windows.complaints())
