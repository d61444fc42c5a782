"""Files of jobs: whole, by range, and safe to look at."""

from uuid import UUID

import httpx2
import pytest
from tests.integration.publisher.conftest import Hand, Submit

from corral.job.outcome import Finished, Succeeded
from corral.store import Store
from corral.store.artifacts.storage import CHUNK_BYTES

CONTENT = bytes(range(256)) * (CHUNK_BYTES // 256) + b"the end"
SIZE = len(CONTENT)


@pytest.fixture
async def job(submit: Submit, hand: Hand, store: Store) -> str:
    """A completed job with three files."""
    made = await submit()
    job_id = UUID(made["id"])
    attempt = await hand.claim(job_id)
    files = [
        await store.artifacts.put(job_id, attempt, name, media, content)
        for name, media, content in [
            ('ein "Bericht" ä.pdf', "application/pdf", CONTENT),
            ("folder/page.html", "text/html", b"<script>alert(1)</script>"),
            ("odd", "text/plain\r\nset-cookie: a=b", b""),
        ]
    ]
    await store.attempts.finish(
        hand.id, [Finished(job_id, attempt, Succeeded(None))], artifacts={job_id: files}
    )
    return made["id"]


def path(job: str, name: str = 'ein "Bericht" ä.pdf') -> str:
    return f"/api/v1/jobs/{job}/artifacts/{name}"


async def test_files_are_listed_and_downloaded(api: httpx2.AsyncClient, job: str):
    items = (await api.get(f"/api/v1/jobs/{job}/artifacts")).json()["items"]
    assert [(item["name"], item["size"]) for item in items] == [
        ('ein "Bericht" ä.pdf', SIZE),
        ("folder/page.html", 25),
        ("odd", 0),
    ]
    answer = await api.get(path(job))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["accept-ranges"] == "bytes"
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment;")
    assert "filename*=UTF-8''ein%20%22Bericht%22%20%C3%A4.pdf" in disposition
    assert answer.headers["etag"] == f'"{items[0]["sha256"]}"'


async def test_every_answer_is_of_a_type_that_the_document_names(api: httpx2.AsyncClient, job: str):
    document = (await api.get("/api/v1/openapi.json")).json()
    described = document["paths"]["/api/v1/jobs/{job_id}/artifacts/{name}"]["get"]["responses"]
    whole = await api.get(path(job))
    answers = [
        whole,
        *[await api.get(path(job, name)) for name in ("folder/page.html", "odd", "none")],
        await api.get(path(job), headers={"Range": "bytes=0-9"}),
        await api.get(path(job), headers={"Range": f"bytes={SIZE}-"}),
        await api.get(path(job), headers={"If-None-Match": whole.headers["etag"]}),
        await api.get(path(job), params={"inline": "perhaps"}),
        await api.get("/api/v1/jobs/x/artifacts/y"),
    ]
    assert [one.status_code for one in answers] == [200, 200, 200, 404, 206, 416, 304, 422, 404]
    for answer in answers:
        ranges = described[str(answer.status_code)].get("content", {})
        kind = answer.headers.get("content-type")
        assert kind is None or kind in ranges or "*/*" in ranges, (answer.status_code, kind, ranges)
        assert ("content-type" in answer.headers) == bool(ranges)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        (f"bytes={CHUNK_BYTES - 2}-{CHUNK_BYTES + 2}", CHUNK_BYTES - 2, CHUNK_BYTES + 3),
        ("bytes=-7", SIZE - 7, SIZE),
        (f"bytes={SIZE - 3}-", SIZE - 3, SIZE),
        (f"bytes=10-{SIZE * 10}", 10, SIZE),
        (f"bytes=-{SIZE * 10}", 0, SIZE),
    ],
)
async def test_a_range_is_that_part(api: httpx2.AsyncClient, job: str, wanted: str, start: int, end: int):
    answer = await api.get(path(job), headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", f"bytes={SIZE * 2}-{SIZE * 3}", "bytes=-0"])
async def test_a_range_outside_is_416(api: httpx2.AsyncClient, job: str, wanted: str):
    answer = await api.get(path(job), headers={"Range": wanted})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "wanted", ["bytes=5-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=" + "9" * 30 + "-"]
)
async def test_a_range_that_makes_no_sense_is_ignored(api: httpx2.AsyncClient, job: str, wanted: str):
    answer = await api.get(path(job), headers={"Range": wanted})
    assert (answer.status_code, len(answer.content)) == (200, SIZE)


async def test_what_the_client_has_is_not_sent_again(api: httpx2.AsyncClient, job: str):
    etag = (await api.get(path(job))).headers["etag"]
    same = await api.get(path(job), headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    part = {"Range": "bytes=0-1"}
    assert (await api.get(path(job), headers=part | {"If-Range": etag})).status_code == 206
    assert (await api.get(path(job), headers=part | {"If-Range": '"other"'})).status_code == 200


async def test_only_harmless_files_are_shown_in_place(api: httpx2.AsyncClient, job: str):
    shown = await api.get(path(job), params={"inline": "true"})
    assert shown.headers["content-disposition"].startswith("inline;")
    page = await api.get(path(job, "folder/page.html"), params={"inline": "true"})
    assert page.headers["content-disposition"].startswith('attachment; filename="page.html"')
    for answer in (shown, page):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_media_type_can_not_add_headers(api: httpx2.AsyncClient, job: str):
    answer = await api.get(path(job, "odd"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "set-cookie" not in answer.headers


async def test_a_file_that_is_not_there_is_404(api: httpx2.AsyncClient, job: str):
    answer = await api.get(path(job, "none"))
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no artifact none")


async def test_the_page_of_a_job_shows_its_pictures_and_only_those(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    job_id = UUID((await submit())["id"])
    attempt = await hand.claim(job_id)
    files = [
        await store.artifacts.put(job_id, attempt, name, media, b"x")
        for name, media in [
            ("a b.avif", "image/avif"),
            ("b.svg", "image/svg+xml"),
            ("c.pdf", "application/pdf"),
        ]
    ]
    await store.attempts.finish(
        hand.id, [Finished(job_id, attempt, Succeeded(None))], artifacts={job_id: files}
    )
    page = (await api.get(f"/jobs/{job_id}", headers={"Accept": "text/html"})).text
    shown = f'<img src="/api/v1/jobs/{job_id}/artifacts/a%20b.avif?inline=true" alt="a b.avif"'
    assert (shown in page, page.count("<img ")) == (True, 1)
    assert (
        "inline"
        in (await api.get(path(str(job_id), "a b.avif"), params={"inline": True})).headers[
            "content-disposition"
        ]
    )
