"""What all of the systems promised of their operation: events, pauses, counts, retries, clean-up, rates, schedules."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.stage import Stage
from demo.waiting import until

TITLE = "events, pauses, counts, retries, clean-up, a rate and a schedule"
RATE, PER, MAILS = 4, 2.0, 12
"""So many mails to one domain in so many seconds, and how many are sent."""


def run(stage: Stage) -> None:
    """Do what an operator does."""
    _follow(stage)
    _pause(stage)
    _failures(stage)
    _clean(stage)
    _bounds(stage)
    _rate(stage)
    _schedule(stage)


def _ended(stage: Stage, job: str) -> dict[str, Any]:
    return stage.until_status(f"/api/v1/jobs/{job}", "completed", "failed", "cancelled", field="state")


def _submit(stage: Stage, type_: str, payload: Any, **more: Any) -> str:
    return str(stage.post("/api/v1/jobs", {"type": type_, "payload": payload, **more})["id"])


def _follow(stage: Stage) -> None:
    job = _submit(stage, "demo.sleep", {"seconds": 1.5})
    kinds, percents, states = [], set(), []
    with stage.installation.client() as client:
        for kind, said in client.follow(job):
            kinds.append(kind)
            if kind == "job":
                percents.add(said["progress"])
                states.append(said["state"])
    path = " → ".join(dict.fromkeys(states))
    stage.account.show(
        "000-34 001-65",
        "a job's events, pushed",
        path,
        holds=kinds[-1] == "end" and states[-1] == "completed",
    )
    stage.account.show("000-52", "its progress, live", f"{len(percents)} values", holds=len(percents) >= 3)


def _pause(stage: Stage) -> None:
    show = stage.account.show
    stage.post("/api/v1/queues/demo/pause")
    job = _submit(stage, "demo.echo", {"hello": "pause"})
    time.sleep(1.0)  # that it does not start shows only in time
    state = stage.get(f"/api/v1/jobs/{job}")["state"]
    causes = stage.get(f"/api/v1/jobs/{job}/why")["causes"]
    show("004-33", "a second after a pause", f"{state}: {causes[0]['message'][:40]}", holds=state == "queued")
    began = time.monotonic()
    stage.post("/api/v1/queues/demo/resume")
    done = _ended(stage, job)
    show(
        "004-33 004-27",
        "after resuming",
        f"{done['state']} in {time.monotonic() - began:.2f} s",
        holds=done["state"] == "completed",
    )
    known = [done["id"], done["payload"], done["attempt"]]
    show(
        "004-30",
        "its id, data and attempts",
        f"{known[1]}, attempt {known[2]}",
        holds=known[1:] == [{"hello": "pause"}, 1],
    )


def _failures(stage: Stage) -> None:
    show = stage.account.show
    job = _submit(stage, "demo.fail", {"times": 1, "exception": "Discard"})
    failed = _ended(stage, job)
    found = [one["id"] for one in stage.get("/api/v1/jobs", state="failed", type="demo.fail")["items"]]
    show("004-32 004-09 001-75", "the list of failed jobs", f"{len(found)} of demo.fail", holds=job in found)
    reason = failed["error"]["message"]
    show("004-10 004-22", "with its reason", reason, holds=bool(reason))
    again = stage.http.post(f"/api/v1/jobs/{job}/retry").status_code
    until(
        lambda: stage.get(f"/api/v1/jobs/{job}")["attempt"] > failed["attempt"],
        seconds=30,
        what="it is retried",
    )
    show("004-49", "retried", again, holds=again == 200)
    slow = _submit(stage, "demo.sleep", {"seconds": 60}, timeout=1, retries=0)
    began = time.monotonic()
    ended = _ended(stage, slow)
    figure = f"{ended['error']['kind']} after {time.monotonic() - began:.1f} s"
    show("004-37", "a timeout of 1 s", figure, holds=ended["error"]["kind"] == "timeout")


def _clean(stage: Stage) -> None:
    show = stage.account.show
    _ended(stage, _submit(stage, "demo.echo", 1))

    def counted() -> dict[str, int]:
        found: dict[str, int] = stage.get("/api/v1/queues/demo")["counts"]
        return found if found.get("completed") else {}

    counts = until(counted, seconds=5, what="it is counted")  # counts are a second old at most
    figure = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    show("004-31 000-55", "counts per state", figure, holds=counts.get("completed", 0) > 0)
    removed = stage.post("/api/v1/queues/demo/clean", {"states": ["completed"], "older_than": 0})["removed"]
    show("004-34 004-39", "completed ones cleaned by age", f"{removed} removed", holds=removed > 0)
    left = stage.get("/api/v1/jobs", state="completed", queue="demo")["items"]
    kept = stage.get("/api/v1/jobs", state="failed", queue="demo")["items"]
    show(
        "004-14 004-34",
        "failures are kept",
        f"{len(kept)} failed, {len(left)} completed",
        holds=bool(kept) and not left,
    )


def _bounds(stage: Stage) -> None:
    large = stage.http.post("/api/v1/jobs", json={"type": "demo.echo", "payload": "x" * 1_100_000})
    stage.account.show("004-35", "data of 1.1 MB", large.status_code, holds=large.status_code == 413)
    missing = stage.http.post("/api/v1/jobs", json={"type": "email.send", "payload": {"to": 5}})
    fields = sorted(one["pointer"] for one in missing.json()["errors"])
    stage.account.show(
        "002-60 004-16",
        "wrong data",
        f"{missing.status_code} {' '.join(fields)[:40]}",
        holds=missing.status_code == 422,
    )


def _rate(stage: Stage) -> None:
    show = stage.account.show
    stage.http.patch(
        "/api/v1/limits/email-domain", json={"overrides": {"rate": RATE, "per": PER}}
    ).raise_for_status()
    mail = {"to": "r@rate.example", "subject": "s", "body": "b"}
    jobs = [_submit(stage, "email.send", mail) for _ in range(MAILS)]
    other = _submit(stage, "email.send", {**mail, "to": "r@other.example"})
    began = time.monotonic()
    _ended(stage, other)
    other_seconds = time.monotonic() - began
    starts = sorted(_time(_ended(stage, job)["started_at"]) for job in jobs)
    stage.post("/api/v1/limits/email-domain/reset")
    most = max(sum(at <= other < at + PER for other in starts) for at in starts)
    figure = f"at most {most} in any {PER:g} s, {starts[-1] - starts[0]:.1f} s in all"
    show(
        "002-09 002-10 003-05",
        f"{MAILS} mails to one domain, {RATE} in {PER:g} s",
        figure,
        holds=most <= RATE,
    )
    show(
        "003-05",
        "… and one to another domain",
        f"after {other_seconds:.2f} s",
        holds=other_seconds < PER * MAILS / RATE,
    )


def _schedule(stage: Stage) -> None:
    name, show = "demo-minute", stage.account.show
    stage.post(
        "/api/v1/schedules", {"name": name, "type": "demo.echo", "payload": 1, "cron": "*/2 * * * * *"}
    )
    until(lambda: len(_ticks(stage, name)) >= 2, seconds=30, what="two ticks")
    ticks = _ticks(stage, name)
    seconds = (max(ticks) - min(ticks)) / timedelta(seconds=1)
    stage.http.delete(f"/api/v1/schedules/{name}").raise_for_status()
    show(
        "001-72",
        "a schedule every two seconds",
        f"{len(ticks)} ticks within {seconds:g} s",
        holds=seconds % 2 == 0,
    )


def _ticks(stage: Stage, name: str) -> list[datetime]:
    items = stage.get(f"/api/v1/schedules/{name}/ticks")["items"]
    return [datetime.fromisoformat(one["tick"]).astimezone(UTC) for one in items if one.get("job")]


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
