"""System 1: notifications by signed webhook, and by mail where the webhook's receiver is down; events of jobs."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from demo.stage import Stage
from demo.waiting import until

TITLE = "notifications by webhook and mail, and events of jobs"
SIGNED, DOWN, EVENTS, GATHERED = "demo-signed", "demo-down", "demo-events", "demo-gathered"
DIGEST = "notification.digest"
READER = "on-call@example.com"
CUSTOMER = "customer@example.com"


def run(stage: Stage) -> None:
    """Make webhooks, notify, and check what the receiver got."""
    show = stage.account.show
    set_at = _set_window(stage, 2)
    secrets = {name: _webhook(stage, name, path) for name, path in ((SIGNED, "/hook"), (DOWN, "/down"))}
    made = _notify(stage, {"to": SIGNED, "message": "The report is ready.", "data": {"rows": 3}})
    show(
        "000-14 000-50",
        "notification",
        f"{made['status']} via {made['result']['via']}",
        holds=made["status"] == "completed",
    )
    show(
        "000-31",
        "its queue",
        _queue(stage, made["job_id"]),
        holds=_queue(stage, made["job_id"]) == "notifications",
    )
    (request,) = _requests(stage, "/hook")
    good = _signature(request, secrets[SIGNED]) in request["headers"]["webhook-signature"].split()
    show("000-50", "signed as Standard Webhooks says", request["headers"]["webhook-id"][:20], holds=good)
    other = _notify(stage, {"to": [DOWN, READER], "message": "The shop is closed.", "tries": 1})
    sent = other["result"] or {}
    until(lambda: stage.mails(READER), seconds=60, what=f"a mail to {READER}")
    figure = f"{len(_requests(stage, '/down'))} refused, then {sent.get('via')}"
    show("000-35 000-50", "a receiver that is down, then a mail", figure, holds=sent.get("via") == "email")
    _digest(stage, set_at)
    _webhook(stage, EVENTS, "/events", events=["job.completed"], types=["demo.echo"])

    def told() -> bool:
        stage.post("/api/v1/jobs", {"type": "demo.echo", "payload": "told"})
        return bool(_requests(stage, "/events"))

    # The first webhook of an installation is told of jobs that end a heartbeat later.
    until(told, seconds=30, what="an event of a job")
    event = json.loads(_requests(stage, "/events")[0]["body"])
    show("000-34", "an event of a job, pushed", event["type"], holds=event["type"] == "job.completed")
    for name in (SIGNED, DOWN, EVENTS, GATHERED):
        stage.http.delete(f"/api/v1/webhooks/{name}").raise_for_status()


def _digest(stage: Stage, set_at: datetime) -> None:
    """Four orders within a window of two seconds, one of them cancelled in time: one message of three, and one mail."""
    _webhook(stage, GATHERED, "/gathered")
    until(
        lambda: _all_beat(stage, set_at), seconds=60, what="each worker has beaten since the window was set"
    )
    jobs = {to: [_order(stage, to, number) for number in range(4)] for to in (GATHERED, CUSTOMER)}
    for orders in jobs.values():
        stage.http.post(f"/api/v1/jobs/{orders[3]}/cancel").raise_for_status()
    ended = {
        to: [
            stage.until_status(f"/api/v1/jobs/{one}", "completed", "failed", field="state")
            for one in orders[:3]
        ]
        for to, orders in jobs.items()
    }
    _set_window(stage, None)
    requests = _requests(stage, "/gathered")
    items = [one["title"] for request in requests for one in json.loads(request["body"])["data"]["items"]]
    counts = [one["result"]["count"] for one in ended[GATHERED]]
    stage.account.show(
        "000-50",
        "three notifications within a window, and one that was cancelled",
        f"{len(requests)} message of {len(items)}",
        holds=items == ["Order 0", "Order 1", "Order 2"] and counts == [3, 3, 3],
    )
    until(lambda: stage.mails(CUSTOMER), seconds=60, what=f"a mail to {CUSTOMER}")
    mails = stage.mails(CUSTOMER)
    subject = mails[0].subject
    stage.account.show(
        "000-35 000-50",
        "the same by mail",
        f"{len(mails)} mail: {subject}",
        holds=(len(mails), subject) == (1, "3 notifications"),
    )


def _order(stage: Stage, to: str, number: int) -> str:
    payload = {"to": to, "title": f"Order {number}", "message": "It was sent."}
    return str(stage.post("/api/v1/jobs", {"type": DIGEST, "payload": payload})["id"])


def _set_window(stage: Stage, seconds: float | None) -> datetime:
    """How long notifications to one recipient are gathered (None: as declared); when it was set, by the server's clock."""
    overrides = {"overrides": {"batch": {"wait": seconds}}}
    answer = stage.http.patch(f"/api/v1/types/{DIGEST}", json=overrides).raise_for_status()
    return parsedate_to_datetime(answer.headers["date"])


def _all_beat(stage: Stage, since: datetime) -> bool:
    """Whether each live worker has beaten since: with its beat it learns what is set."""
    workers = [one for one in stage.get("/api/v1/workers")["items"] if one["state"] == "active"]
    beats = [datetime.fromisoformat(one["seen_at"]) for one in workers]
    return bool(beats) and min(beats) > since + timedelta(seconds=1)


def _webhook(stage: Stage, name: str, path: str, **more: Any) -> str:
    """Make a webhook at the receiver: its secret."""
    url = f"{stage.receiver.url}{path}"
    return str(stage.post("/api/v1/webhooks", {"name": name, "url": url, "events": [], **more})["secret"])


def _notify(stage: Stage, data: dict[str, Any]) -> dict[str, Any]:
    made = stage.post("/api/jobs", {"type": "notification", "data": data})
    return stage.until_status(f"/api/jobs/{made['job_id']}", "completed", "failed")


def _queue(stage: Stage, job: str) -> str:
    return str(stage.get(f"/api/v1/jobs/{job}")["queue"])


def _requests(stage: Stage, path: str) -> list[dict[str, Any]]:
    """What the receiver was sent below a path."""
    file = stage.receiver.folder / "requests"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [one for one in map(json.loads, lines) if one["path"] == path]


def _signature(request: dict[str, Any], secret: str) -> str:
    """Source: the specification of Standard Webhooks, "Signature scheme"."""
    headers = request["headers"]
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{request['body']}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
