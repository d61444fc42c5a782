"""The page of reports, used without scripts."""

import json
from uuid import UUID

import httpx2
import pytest
from tests.integration.publisher.page import FORM, page_of, send
from tests.integration.publisher.reports.report_worker import ROWS, Worker, asked, register, status

from corral.job.outcome import Succeeded
from corral.store import Store


@pytest.fixture(autouse=True)
async def worker(store: Store) -> Worker:
    return await register(store)


async def test_a_person_without_scripts_makes_cancels_and_repeats_a_report(
    browser: httpx2.AsyncClient, api: httpx2.AsyncClient, worker: Worker
):
    made = await send(browser, "/reports")
    assert (made.status_code, made.headers["location"]) == (303, "/reports")
    (item,) = (await api.get("/reports")).json()["items"]
    assert "PENDING" in (await page_of(browser, "/reports")).text
    await send(browser, f"/reports/{item['id']}/cancel")
    assert (await status(api, item["id"]))["status"] == "CANCELLED"
    assert (await send(browser, f"/reports/{item['id']}/cancel")).status_code == 409
    assert (await send(browser, f"/reports/{item['id']}/retry")).status_code == 303
    attempt = await worker.claim(item["id"])
    shown = await page_of(browser, "/reports?status=RUNNING")
    assert any(tag == "progress" for tag, _ in shown.tags)
    await worker.end(item["id"], attempt, Succeeded('{"name": "report.pdf"}'))
    shown = await page_of(browser, "/reports")
    assert any(attrs.get("href") == f"/reports/{item['id']}/download" for _, attrs in shown.tags)
    assert "No reports match." in (await page_of(browser, "/reports?status=FAILED")).text


async def test_a_form_of_another_page_makes_no_report(browser: httpx2.AsyncClient, api: httpx2.AsyncClient):
    answer = await browser.post("/reports", data={"csrf": "forged"}, headers=FORM)
    assert answer.status_code == 403
    assert (await api.get("/reports")).json()["items"] == []


async def test_its_data_are_downloaded_beside_the_pdf(api: httpx2.AsyncClient, store: Store, worker: Worker):
    job = await asked(api, title="Orders", rows=ROWS)
    attempt = await worker.claim(job)
    names = {"report.pdf": b"%PDF-1.7", "report.csv": b"region,orders", "report.xlsx": b"PK"}
    kinds = {
        "csv": "text/csv",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pdf": "application/pdf",
    }
    for name, content in names.items():
        kind = kinds[name.rpartition(".")[2]]
        file = await store.artifacts.put(UUID(job), attempt, name, kind, content)
        await store.artifacts.publish(UUID(job), attempt, [file])
    files = [
        {"name": f"report.{one}", "media_type": kinds[one], "size_bytes": 2, "sha256": "0" * 64}
        for one in ("csv", "xlsx")
    ]
    made = {"name": "report.pdf", "size_bytes": 8, "sha256": "0" * 64, "pages": 1, "rows": 1,
            "seconds": {"fetch": 0, "process": 0, "render": 0}, "files": files}  # fmt: skip
    await worker.end(job, attempt, Succeeded(json.dumps(made)))
    (listed,) = (await api.get("/reports")).json()["items"]
    assert (listed["title"], listed["formats"]) == ("Orders", ["pdf", "csv", "xlsx"])
    for one in ("csv", "xlsx", "pdf"):
        answer = await api.get(f"/reports/{job}/download?format={one}")
        assert answer.content == names[f"report.{one}"]
        assert f'filename="report.{one}"' in answer.headers["content-disposition"]
    refused = await api.get(f"/reports/{job}/download?format=docx")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "format")
    old = await asked(api, rows=ROWS)
    await worker.ready(old)
    assert (await api.get(f"/reports/{old}/download?format=csv")).status_code == 404
