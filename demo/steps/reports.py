"""System 2: a report is asked for, watched, mailed and downloaded by the link in its mail."""

import re
import time

import httpx2

from demo.stage import Stage
from demo.waiting import until

TITLE = "a report with a mail, whose link downloads it"
READER = "reader@example.com"
PACE = [0.6, 0.6, 0.6]
"""Seconds of the phases fetch, process and render, so that they can be seen."""
BODY = {
    "title": "Orders by region",
    "rows": [{"region": "North", "orders": 12}, {"region": "South", "orders": 7}],
    "email": READER,
    "pace": PACE,
}


def run(stage: Stage) -> None:
    """Do what the README of the old system does with curl, and look."""
    show = stage.account.show
    began = time.monotonic()
    answer = stage.http.post("/reports", json=BODY)
    milliseconds = 1000 * (time.monotonic() - began)
    started = answer.json()
    accepted = answer.status_code == 202 and started["message"] == "Report generation started"
    show("001-10 001-01", "POST /reports", f"{answer.status_code}, {milliseconds:.0f} ms", holds=accepted)
    path = f"/reports/{started['id']}"
    _watch(stage, path)
    _mail(stage, path)
    _empty_body(stage)
    _list(stage, started["id"])
    _cancel(stage)


def _watch(stage: Stage, path: str) -> None:
    show = stage.account.show
    seen: list[tuple[str, int, str | None]] = []

    def look() -> bool:
        now = stage.get(f"{path}/status")
        one = (now["status"], now["progress"], now["progress_message"])
        if not seen or seen[-1] != one:
            seen.append(one)
        return now["status"] in ("READY", "FAILED")

    until(look, seconds=60, what=f"{path} is READY")
    statuses = list(dict.fromkeys(status for status, _, _ in seen))
    in_order = [one for one in ("PENDING", "RUNNING", "READY") if one in statuses] == statuses
    show(
        "001-06 001-38 001-13", "the status", " → ".join(statuses), holds=in_order and statuses[-1] == "READY"
    )
    running = [progress for status, progress, _ in seen if status == "RUNNING"]
    rising = bool(running) and running == sorted(running) and min(running) >= 10 and max(running) <= 100
    show(
        "001-19 001-39",
        "progress while RUNNING",
        f"{len(running)} values, {running[0]} to {running[-1]}",
        holds=rising,
    )
    phases = list(
        dict.fromkeys(str(text).partition(":")[0] for status, _, text in seen if status == "RUNNING" and text)
    )
    show("001-54", "phases", ", ".join(phases), holds=phases == ["fetch", "process", "render"])
    ready = stage.get(f"{path}/status")
    whole = ready["progress"] == 100 and ready["file_path"] is not None
    show("001-20", "READY", f"{ready['progress']} %, {ready['file_path'].rpartition('/')[2]}", holds=whole)


def _mail(stage: Stage, path: str) -> None:
    show = stage.account.show
    began = time.monotonic()
    until(lambda: stage.mails(READER), seconds=30, what=f"a mail to {READER}")
    mails = stage.mails(READER)
    seconds = time.monotonic() - began
    show(
        "001-08 001-55",
        "the mail after READY",
        f"{len(mails)} mail after {seconds:.2f} s",
        holds=len(mails) == 1,
    )
    link = re.search(r"https?://\S+/reports/\S+/download\?token=\S+", mails[0].text)
    assert link is not None, mails[0].text
    with httpx2.Client(timeout=30, trust_env=False) as stranger:  # has no key
        file = stranger.get(link[0])
        refused = stranger.get(f"{stage.installation.url}{path}/download")
    good = file.status_code == 200 and file.content.startswith(b"%PDF-")
    show(
        "001-14 001-41",
        "the link, without a key",
        f"{file.status_code}, PDF of {len(file.content):,} bytes",
        holds=good,
    )
    show(
        "001-59",
        "the download without key or link",
        refused.status_code,
        holds=refused.status_code in (401, 303),
    )
    again = stage.http.get(f"{path}/download").content
    show("001-42", "the download with a key", f"{len(again):,} bytes, the same", holds=again == file.content)
    until(
        lambda: stage.get(f"{path}/status")["email_status"] == "sent", seconds=30, what="email_status is sent"
    )
    show("001-08", "email_status", "sent")


def _empty_body(stage: Stage) -> None:
    started = stage.http.post("/reports")
    done = stage.until_status(f"/reports/{started.json()['id']}/status", "READY", "FAILED")
    figure = f"{started.status_code}, then {done['status']}"
    stage.account.show("001-11", "POST /reports with an empty body", figure, holds=done["status"] == "READY")
    stage.account.show(
        "001-20", "… and no mail for it", done["email_status"], holds=done["email_status"] == "none"
    )


def _list(stage: Stage, report: str) -> None:
    every = stage.get("/reports")["items"]
    narrowed = stage.get("/reports", q=report[:13], status="READY")["items"]
    found = [one["id"] for one in narrowed]
    stage.account.show(
        "001-12 001-56", "GET /reports", f"{len(every)} reports, the newest first", holds=len(every) >= 2
    )
    stage.account.show("001-32", "… by id and status", f"{len(found)} found", holds=report in found)
    titles = [one["title"] for one in every]
    stage.account.show(
        "001-28", "… with their titles", " · ".join(titles[:2]), holds="Orders by region" in titles
    )


def _cancel(stage: Stage) -> None:
    show = stage.account.show
    running = stage.post("/reports", {**BODY, "email": None, "pace": [20, 20, 20]})["id"]
    stage.until_status(f"/reports/{running}/status", "RUNNING")
    began = time.monotonic()
    asked = stage.http.delete(f"/reports/{running}")
    stage.until_status(f"/reports/{running}/status", "CANCELLED", seconds=10)
    seconds = time.monotonic() - began
    show(
        "001-16",
        "DELETE of a RUNNING one",
        f"{asked.status_code}, CANCELLED in {seconds:.1f} s",
        holds=seconds < 5 and asked.status_code == 202,
    )
    stage.post("/api/v1/queues/reports/pause")
    waiting = stage.post("/reports")["id"]
    before = stage.get(f"/reports/{waiting}/status")
    figure = f"{before['status']}, {before['progress']} %"
    show("001-18", "progress while PENDING", figure, holds=figure == "PENDING, 0 %")
    gone = stage.http.delete(f"/reports/{waiting}")
    status = stage.get(f"/reports/{waiting}/status")["status"]
    stage.post("/api/v1/queues/reports/resume")
    show(
        "001-04 001-15 001-22",
        "DELETE of a PENDING one",
        f"{gone.status_code}, {status}",
        holds=(gone.status_code, status) == (200, "CANCELLED"),
    )
    twice = stage.http.delete(f"/reports/{waiting}").status_code
    early = stage.http.get(f"/reports/{waiting}/download").status_code
    show("001-17", "DELETE of a CANCELLED one", twice, holds=twice == 409)
    show("001-14", "the download before READY", early, holds=early == 409)
