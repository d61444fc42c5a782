"""System 2: the worker that makes a report is killed in the middle; another one makes it, once, with one mail."""

import time

from demo.installation import kill_worker
from demo.stage import Stage
from demo.waiting import until

TITLE = "kill -9 while a report is RUNNING"
READER = "crash@example.com"
AT_LEAST = 40
"""Percent of progress at which the worker is killed."""
SECONDS = 40.0
"""How long it may take from there to READY."""


def run(stage: Stage) -> None:
    """Kill the worker, and look at what comes of its report."""
    show = stage.account.show
    body = {"title": "Survives a crash", "email": READER, "pace": [0.5, 4, 0.5]}
    report = stage.post("/reports", body)["id"]

    def at_forty() -> bool:
        now = stage.get(f"/reports/{report}/status")
        return now["status"] == "RUNNING" and now["progress"] >= AT_LEAST

    until(at_forty, seconds=30, what="the report is at 40 %")
    job = stage.get(f"/api/v1/jobs/{report}")
    workers = {one["id"]: one for one in stage.get("/api/v1/workers")["items"]}
    worker = workers[job["worker"]]
    at = stage.get(f"/reports/{report}/status")["progress"]
    kill_worker(stage.installation, worker["pid"])
    began = time.monotonic()
    show("001-27", "kill -9 of its worker", f"{worker['name']}, process {worker['pid']}, at {at} %")
    done = stage.until_status(f"/reports/{report}/status", "READY", "FAILED", seconds=90)
    seconds = time.monotonic() - began
    good = done["status"] == "READY" and seconds <= SECONDS
    show("001-03 001-27 001-40", "… and READY after", f"{seconds:.1f} s of {SECONDS:g} s", holds=good)
    show("001-25 001-03", "its attempts", done["attempts"], holds=done["attempts"] == 2)
    lost = [
        one for one in stage.get(f"/api/v1/jobs/{report}/attempts")["items"] if one["outcome"] == "stalled"
    ]
    reason = lost[0]["reason"] if lost else "none was lost"
    show("001-09 002-41", "the lost one", reason, holds=len(lost) == 1)
    pdfs = [
        one for one in stage.get(f"/api/v1/jobs/{report}/artifacts")["items"] if one["name"].endswith(".pdf")
    ]
    show("001-07 001-36", "its documents", len(pdfs), holds=len(pdfs) == 1)
    until(lambda: stage.mails(READER), seconds=30, what=f"a mail to {READER}")
    until(
        lambda: stage.get(f"/reports/{report}/status")["email_status"] == "sent",
        seconds=30,
        what="the mail is sent",
    )
    mails = len(stage.mails(READER))
    show("001-08", "its mails", mails, holds=mails == 1)

    def back() -> bool:
        return len(stage.installation.worker_pids()) >= 2

    until(back, seconds=60, what="the killed worker is back")
    show("001-27 002-36 002-43", "the killed worker", "was started again")
