"""System 2: a report fails four times, at exact intervals, and is made when a person asks again."""

from datetime import datetime
from itertools import pairwise

from demo.stage import Stage

TITLE = "retries after 2, 4 and 8 seconds, FAILED, retried by a person, READY"
WAITS = (2.0, 4.0, 8.0)
TOLERANCE = 0.3


def run(stage: Stage) -> None:
    """Let it fail, measure the waits, and retry it."""
    show = stage.account.show
    report = stage.post("/reports", {"title": "Fails four times", "fail_times": 1 + len(WAITS)})["id"]
    failed = stage.until_status(f"/reports/{report}/status", "FAILED", "READY", seconds=90)
    show("001-26", "tried", f"{failed['attempts']} times", holds=failed["attempts"] == 1 + len(WAITS))
    attempts = sorted(stage.get(f"/api/v1/jobs/{report}/attempts")["items"], key=lambda one: one["attempt"])
    waits = [_time(after["started_at"]) - _time(before["ended_at"]) for before, after in pairwise(attempts)]
    exact = len(waits) == len(WAITS) and all(
        abs(wait - wanted) <= TOLERANCE for wait, wanted in zip(waits, WAITS, strict=True)
    )
    figure = ", ".join(f"{wait:.2f}" for wait in waits)
    show("001-02", "waited between tries", f"{figure} s (±{TOLERANCE:g})", holds=exact)
    show("001-57 001-38", "then", failed["status"], holds=failed["status"] == "FAILED")
    message = failed["error_message"]
    show("001-21 001-09", "its error", message, holds=bool(message))
    answer = stage.http.post(f"/reports/{report}/retry")
    again = answer.json()["status"]
    show(
        "001-05 001-17",
        "POST /reports/{id}/retry",
        f"{answer.status_code} {again}",
        holds=(answer.status_code, again) == (202, "PENDING"),
    )
    done = stage.until_status(f"/reports/{report}/status", "READY", "FAILED", seconds=60)
    show(
        "001-57 000-51",
        "then",
        f"{done['status']}, attempt {done['attempts']}",
        holds=done["status"] == "READY",
    )
    kept = stage.http.post(f"/reports/{report}/retry").status_code
    show("001-17 001-07", "a retry of a READY one", kept, holds=kept == 409)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
