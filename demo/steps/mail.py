"""System 1: a mail by the routes that it had, with priorities, delays, errors and history."""

import time
from typing import Any

from demo.stage import Stage
from demo.waiting import until

TITLE = "mails by the routes of the publish/subscribe system"
FIELDS = [
    "job_id", "job_type", "status", "job_data", "result", "error_message", "created_at", "updated_at", "completed_at",
]  # fmt: skip
DELAY = 1.5
"""Seconds."""
MANY = 40


def run(stage: Stage) -> None:
    """Send mails that arrive, wait, are refused and are tried again."""
    _one(stage)
    _delayed(stage)
    _refused(stage)
    _many(stage)
    _results(stage)


def _send(stage: Stage, to: str, **more: Any) -> dict[str, Any]:
    body = {
        "type": "email",
        "data": {"to": to, "subject": "Welcome", "body": "Thanks for signing up"},
        **more,
    }
    made: dict[str, Any] = stage.post("/api/jobs", body)
    return made


def _ended(stage: Stage, job: str, seconds: float = 60) -> dict[str, Any]:
    return stage.until_status(f"/api/jobs/{job}", "completed", "failed", "cancelled", seconds=seconds)


def _one(stage: Stage) -> None:
    show, began = stage.account.show, time.monotonic()
    made = _send(stage, "user@example.com")
    milliseconds = 1000 * (time.monotonic() - began)
    show(
        "000-43 000-02 000-42", "POST /api/jobs", f"201 in {milliseconds:.0f} ms", holds=list(made) == FIELDS
    )
    done = _ended(stage, made["job_id"])
    seconds = time.monotonic() - began
    show(
        "000-44 000-07 000-41",
        "GET /api/jobs/{id}",
        f"{done['status']} after {seconds:.2f} s",
        holds=done["status"] == "completed",
    )
    mails = stage.mails("user@example.com")
    right = (
        len(mails) == 1 and mails[0].subject == "Welcome" and mails[0].text.strip() == "Thanks for signing up"
    )
    show("000-35 000-32", "the mail server has it", f"{len(mails)} mail, {mails[0].subject!r}", holds=right)
    same = done["job_data"] == made["job_data"] and done["result"]["message_id"] == str(
        mails[0].message["Message-ID"]
    )
    show("000-16 000-17 000-33", "its data and result", done["result"]["answer"], holds=same)
    later = [done["created_at"], done["completed_at"], done["updated_at"]]
    show("000-19", "its times", f"completed {done['completed_at'][11:23]}", holds=later == sorted(later))


def _delayed(stage: Stage) -> None:
    made = _send(stage, "later@example.com", delay=1000 * DELAY, priority="high")
    began = time.monotonic()
    until(lambda: stage.mails("later@example.com"), seconds=30, what="the delayed mail")
    seconds = time.monotonic() - began
    stage.account.show(
        "000-49",
        f"a delay of {DELAY} s",
        f"{made['status']}, there after {seconds:.2f} s",
        holds=DELAY - 0.1 <= seconds < DELAY + 3,
    )


def _refused(stage: Stage) -> None:
    show = stage.account.show
    done = _ended(stage, _send(stage, "refused@example.com")["job_id"])
    show(
        "000-18 000-15",
        "a mail that is refused",
        f"{done['status']}: {str(done['error_message'])[-40:]}",
        holds=done["status"] == "failed" and "550" in done["error_message"],
    )
    made = _send(stage, "deferred@example.com")
    done = _ended(stage, made["job_id"])
    tried = stage.get(f"/api/v1/jobs/{made['job_id']}")["attempt"]
    show(
        "000-08",
        "one that is deferred",
        f"{done['status']} at attempt {tried}",
        holds=done["status"] == "completed" and tried == 2,
    )
    answer = stage.http.post(
        "/api/jobs", json={"type": "email", "data": {"to": "x@example.com", "body": "y"}}
    )
    errors = answer.json()["errors"]
    show(
        "000-22",
        "one without a subject",
        f"{answer.status_code} {errors[0]['pointer']}",
        holds=answer.status_code == 422,
    )


def _many(stage: Stage) -> None:
    show = stage.account.show
    stage.post("/api/v1/queues/email/pause")
    jobs = {}
    for at in range(MANY):
        priority = "low" if at < MANY // 2 else "critical"
        jobs[_send(stage, f"m{at}@example.com", priority=priority)["job_id"]] = priority

    def queued() -> int:
        return int(stage.get("/api/v1/queues/email")["counts"].get("queued", 0))

    until(
        lambda: queued() == MANY, seconds=5, what="all of them are counted"
    )  # counts are a second old at most
    show("000-55", "the queue while it is paused", f"{queued()} queued", holds=queued() == MANY)
    began = time.monotonic()
    stage.post("/api/v1/queues/email/resume")

    def all_done() -> bool:
        items = stage.get("/api/results", type="email", limit=MANY)["items"]
        return all(one["status"] == "completed" for one in items)

    until(all_done, seconds=60, what=f"{MANY} mails are sent")
    seconds = time.monotonic() - began
    got = sum(len(stage.mails(f"m{at}@example.com")) for at in range(MANY))
    show("000-50 000-31", f"{MANY} mails", f"each once, {MANY / seconds:.0f} a second", holds=got == MANY)
    details = {job: stage.get(f"/api/v1/jobs/{job}") for job in jobs}
    started = sorted(details, key=lambda job: details[job]["started_at"])
    first = [jobs[job] for job in started[: MANY // 4]]
    urgent = first.count("critical")
    show(
        "000-48",
        "of the first quarter are urgent",
        f"{urgent} of {len(first)}",
        holds=urgent >= 0.8 * len(first),
    )


def _results(stage: Stage) -> None:
    show = stage.account.show
    page = stage.get("/api/results", type="email", status="failed")
    show(
        "000-45 000-54 000-38",
        "GET /api/results?status=failed",
        f"{len(page['items'])} found",
        holds=len(page["items"]) >= 1,
    )
    first = stage.get("/api/results", limit=5)
    second = stage.get("/api/results", limit=5, cursor=first["next"])
    ids = {one["job_id"] for one in first["items"] + second["items"]}
    show("000-45 000-53", "… page by page", f"{len(ids)} of two pages of 5", holds=len(ids) == 10)
    stats = stage.get("/api/v1/stats")
    mails = next(one for one in stats["groups"] if one["type"] == "email.send")
    figure = f"{mails['ended']} ended, mean {mails['run']['mean']:.3f} s"
    show("000-56 000-39 000-65", "statistics", figure, holds=mails["ended"] >= MANY)
    html = stage.http.get("/admin/queues", headers={"Accept": "text/html"}, follow_redirects=False)
    show(
        "000-21 004-42",
        "/admin/queues leads to",
        html.headers.get("location", ""),
        holds=html.status_code == 303,
    )
    health = stage.http.get("/health/workers")
    show("000-57 002-51", "GET /health/workers", health.status_code, holds=health.status_code == 200)
