"""Result 16. The five systems on real pods: each has a pool of its own that rests at zero and comes when it is needed."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import EmailMessage

import httpx2
import pytest
from tests.cluster.cluster import apply, until
from tests.cluster.files import Files
from tests.cluster.goals import Goals
from tests.cluster.images import Images
from tests.cluster.load.outside import FEEDS, PROVIDERS, RECEIVER, Outside
from tests.cluster.node import ROOT
from tests.cluster.release import Json, Release, pool
from tests.cluster.watch import Watch

TYPED = Files.of("typed-definitions", ROOT / "examples/typed_definitions", ["definitions.py", "typed_client"])
CPU = {
    "image": {"repository": "corral-worker-cpu"},
    "slots": 2,
    "executors": {"async": 2, "thread": 2, "process": 2},
    "resources": {
        "requests": {"cpu": "10m", "memory": "64Mi"},
        "limits": {"cpu": "2", "memory": "1536Mi"},
    },
}
OWN = {
    "jobs": ["definitions"],
    "handlers": ["typed_client.workers.emails"],
    "env": [{"name": "SMTP_HOST", "value": "corral-mail-sink"}, {"name": "SMTP_PORT", "value": "1025"}],
    "volumes": [TYPED.volume()],
    "volumeMounts": [{"name": TYPED.name, "mountPath": "/app"}],
}
"""A team's own types, whose handler sends its mails itself."""
POOLS = {
    "mail": pool("mail", ["email"]),
    "reports": pool("reports", ["reports"]),
    "typed": pool("typed", ["emails"], **OWN),
    "notifications": pool("notifications", ["notifications"]),
    "images": pool("images", ["images"], **CPU),
    "feeds": pool("feeds", ["feeds", "feed-items"]),
    "areas": pool("areas", ["areas", "requests"], **CPU),
}
QUICK = {"maxReplicas": 2, "scaleDown": {"stabilizationSeconds": 5}}
JOB_SECONDS = 90.0
REST_SECONDS = 120.0
READER, ADA = "reader@example.com", "ada@example.com"
PICTURE = ROOT / "examples/harbour.png"
ITEMS = 60
AREA = {"south": 47.3, "west": 8.4, "north": 47.4, "east": 8.5, "tags": {"landuse": "forest"}, "piece_degrees": 0.1}  # fmt: skip


@dataclass(frozen=True)
class Systems:
    """The release, what is outside of it, and what its Deployments went through."""

    release: Release
    outside: Outside
    deployments: Watch
    http: httpx2.Client
    """With the admin's key."""

    def get(self, path: str) -> Json:
        return self.http.get(path).raise_for_status().json()

    def post(self, path: str, body: Json, status: int) -> Json:
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def until_status(self, path: str, wanted: str, field: str = "status") -> Json:
        def there() -> Json:
            found = self.get(path)
            assert found[field] not in {"FAILED", "failed", "dead"}, found
            assert found[field] == wanted, found
            return found

        return until(there, f"{path} is {wanted}", JOB_SECONDS)

    def mail_to(self, recipient: str) -> EmailMessage:
        """The mail that the sink's page shows for somebody."""

        def there() -> EmailMessage | None:
            page = self.http.get("/mails", headers={"Accept": "text/html"}).raise_for_status().text
            for mail in dict.fromkeys(re.findall(r'href="/mails/([^"/?]+)"', page)):
                source = self.http.get(f"/mails/{mail}/source", headers={"Accept": "text/html"}).text
                message = message_from_string(source, _class=EmailMessage, policy=policy.default)
                if recipient in str(message["To"]):
                    return message
            return None

        return until(there, f"a mail to {recipient} is in the sink", JOB_SECONDS)

    def came_and_went(self, name: str, goals: Goals) -> None:
        """Wait until the pool has no worker again; it had none before, got one for the job, and why is told."""
        done = time.monotonic()
        deployment = self.release.deployment(name)

        def seen() -> list[tuple[float, int]]:
            steps = self.deployments.replicas(deployment)
            counts = [count for _, count in steps]
            assert len(steps) >= 3, f"{name}: {counts}"
            assert counts[0] == counts[-1] == 0, f"{name}: {counts}"
            return steps

        steps = until(seen, f"{name} comes from zero and goes back", REST_SECONDS)
        goals.at_most(f"five systems: ups and downs of {name}", len(steps) - 1, 6)
        came, went = done - steps[1][0], steps[-1][0] - done
        goals.note(
            f"five systems: {name} had its job done {came:.1f} s after it came, and was gone {went:.1f} s later"
        )
        decisions = self.release.client.decisions(name)
        assert any(one["before"] == 0 < one["after"] for one in decisions), decisions


@pytest.fixture(scope="module")
def systems(release: Release, images: Images) -> Iterator[Systems]:
    feed = {"news.xml": _rss({n: f"Title {n}" for n in range(ITEMS)})}
    outside = Outside(release.namespace, images, feed)
    apply(TYPED.config_map(release.namespace.name))
    release.install(
        {
            "mail": {"sink": True},
            "pools": [one | QUICK for one in POOLS.values()],
            "settings": {"CORRAL_OUTGOING_ALLOW": f"{outside.address}/32"},
            "networkPolicy": {"workerEgress": [outside.allowed()]},
        }
    )
    outside.wait(60)
    until(lambda: not any(map(release.replicas, POOLS)), "every pool rests at zero", REST_SECONDS)
    headers = {"Authorization": f"Bearer {release.admin_key()}"}
    assert release.client
    with (
        Watch(release.namespace.cluster, "deployments", release.namespace.name) as deployments,
        httpx2.Client(base_url=release.forward.url, headers=headers, timeout=30) as http,
    ):
        yield Systems(release, outside, deployments, http)


@pytest.mark.ci
def test_a_report_is_mailed_and_the_link_in_its_mail_downloads_it(systems: Systems, goals: Goals) -> None:
    rows = [{"region": "North", "orders": 12}, {"region": "South", "orders": 7}]
    started = systems.post("/reports", {"title": "Orders by region", "rows": rows, "email": READER}, 202)
    assert started["message"] == "Report generation started"
    path = f"/reports/{started['id']}"
    ready = systems.until_status(f"{path}/status", "READY")
    goals.at_most("five systems: attempts of the report beyond one", ready["attempts"] - 1, 0)
    body = systems.mail_to(READER).get_body(("plain",))
    assert body is not None
    link = re.search(r"https?://[^/\s]+(/reports/\S+/download\?token=\S+)", body.get_content())
    assert link is not None, body.get_content()
    with httpx2.Client(base_url=systems.release.forward.url, timeout=30) as stranger:  # has no key
        file = stranger.get(link[1])
        assert stranger.get(f"{path}/download").status_code in {303, 401}
    assert file.content.startswith(b"%PDF-")
    systems.until_status(f"{path}/status", "sent", field="email_status")
    systems.came_and_went("reports", goals)
    systems.came_and_went("mail", goals)


def test_a_notification_reaches_its_receiver_signed(systems: Systems, goals: Goals) -> None:
    url = f"{systems.outside.url(RECEIVER)}/hook"
    hook = systems.post("/api/v1/webhooks", {"name": "on-call", "url": url, "events": []}, 201)
    data = {"to": "on-call", "message": "The report is ready.", "data": {"rows": 2}}
    made = systems.post("/api/jobs", {"type": "notification", "data": data}, 201)
    done = systems.until_status(f"/api/jobs/{made['job_id']}", "completed")
    assert done["result"]["via"] == "standard", done
    (request,) = systems.outside.received()
    assert _signature(request, hook["secret"]) in request["headers"]["webhook-signature"].split()
    systems.came_and_went("notifications", goals)


def test_a_teams_own_typed_job_sends_its_mail(systems: Systems, goals: Goals) -> None:
    job = systems.release.client.submit("email.welcome", {"to": ADA, "name": "Ada"}, wait=JOB_SECONDS)
    assert job["result"] == {"to": ADA, "subject": "Welcome, Ada!"}, job
    assert str(systems.mail_to(ADA)["Subject"]) == "Welcome, Ada!"
    systems.came_and_went("typed", goals)


def test_a_picture_becomes_thumbnails(systems: Systems, goals: Goals) -> None:
    upload = systems.http.post(
        "/api/v1/uploads", params={"name": PICTURE.name}, content=PICTURE.read_bytes()
    ).raise_for_status()
    outputs = [
        {"width": 320, "format": "webp"},
        {"width": 96, "height": 96, "resize": "fill", "format": "jpeg"},
    ]
    data = {"upload": upload.json()["id"], "outputs": outputs}
    made = systems.post("/api/jobs", {"type": "image", "data": data}, 201)
    done = systems.until_status(f"/api/jobs/{made['job_id']}", "completed")
    first, second = done["result"]["images"]
    assert (first["width"], second["width"], second["height"]) == (320, 96, 96)
    file = systems.http.get(f"/api/v1/jobs/{made['job_id']}/artifacts/{second['name']}")
    assert file.content.startswith(b"\xff\xd8")
    systems.came_and_went("images", goals)


def test_a_feed_is_imported_once(systems: Systems, goals: Goals) -> None:
    url = f"{systems.outside.url(FEEDS)}/news.xml"
    for expected in ((ITEMS, 0), (0, ITEMS)):
        started = systems.http.post("/imports", json={"url": url}).raise_for_status().json()

        def finished(path: str = f"/imports/{started['id']}") -> Json:
            found = systems.get(path)
            return found if found["finished_at"] else None

        done = until(finished, "the import is finished", JOB_SECONDS)
        assert (done["new"], done["unchanged"]) == expected, done
    systems.came_and_went("feeds", goals)


def test_an_area_is_fetched_within_its_providers_rules_and_measured(systems: Systems, goals: Goals) -> None:
    url = f"{systems.outside.url(PROVIDERS)}/overpass/api/"
    values = {"url": url, "slots": 2, "per_second": 10, "per_day": 10_000}
    systems.http.patch("/api/v1/providers/overpass", json={"values": values}).raise_for_status()
    started = systems.post("/areas", AREA, 202)
    found = systems.until_status(f"/api/v1/areas/{started['id']}", "ready")
    assert found["measured"]["polygons"] > 50, found
    assert 0 < found["measured"]["covered_m2"] < found["measured"]["box_m2"]
    told = systems.outside.counts()["overpass"]
    assert told["counts"]["200"] >= 1
    assert not told["violations"]
    systems.came_and_went("areas", goals)


def _rss(titles: dict[int, str]) -> str:
    items = "".join(
        f"<item><guid>item-{n}</guid><title>{title}</title><link>https://example.com/{n}</link></item>"
        for n, title in titles.items()
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'


def _signature(request: Json, secret: str) -> str:
    """Source: the specification of Standard Webhooks, "Signature scheme"."""
    headers = request["headers"]
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{request['body']}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
