"""`helm template | kubectl apply` without the Lease, as Argo CD installs: the operator makes it, or says why it can't."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from tests.cluster.cluster import NotThere, apply, until
from tests.cluster.goals import Goals
from tests.cluster.images import Images
from tests.cluster.namespace import Namespace
from tests.cluster.program import ProgramFailed, run
from tests.cluster.release import CHART, WAIT_SECONDS, Json, Release, pool, written

SECRET = "corral-credentials"
KEYS = ("admin-key", "database-password", "database-superuser-password", "redis-password")
LEASE = "corral-operator"
POOLS = {"existingSecret": SECRET, "pools": [pool("io", ["demo"], maxReplicas=2)]}


@dataclass(frozen=True)
class Applied:
    """What was seen while nobody might create the Lease; since then the operator may."""

    release: Release
    manifests: list[Json]
    lease_before: bool
    condition: Json
    events: list[Json]


@pytest.fixture(scope="module")
def applied(release: Release, images: Images) -> Applied:
    """Applied first with a Role that lets nobody create a Lease, then as the chart renders it."""
    namespace = release.namespace
    data = {key: secrets.token_hex(16) for key in KEYS}
    metadata = {"name": SECRET, "namespace": namespace.name}
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    manifests = _rendered(release, images)
    assert [one["metadata"]["name"] for one in manifests if one["kind"] == "Lease"] == [LEASE]
    without_lease = [one for one in manifests if one["kind"] != "Lease"]
    apply(*map(_without_right_to_create, without_lease))
    namespace.wait_ready("operator", 1, WAIT_SECONDS)
    namespace.wait_jobs(WAIT_SECONDS)
    condition = until(lambda: _ready(namespace, "False"), "the pool says that it is not scaled", 90)
    events = until(lambda: _events(namespace, "NoLeader"), "an event says so", 30)
    lease_before = _lease(namespace) is not None
    apply(*without_lease)
    return Applied(release, without_lease, lease_before, condition, events)


def test_where_nobody_may_create_the_lease_condition_and_event_say_so(applied: Applied) -> None:
    assert not applied.lease_before
    assert applied.condition["reason"] == "NoLeader"
    told = [applied.condition["message"], *(event["note"] for event in applied.events)]
    for message in told:
        for words in (LEASE, "nothing is scaled", "create"):
            assert words in message, message
    assert {event["type"] for event in applied.events} == {"Warning"}


def test_where_it_may_the_operator_makes_it_and_scales(applied: Applied, goals: Goals) -> None:
    release = applied.release
    lease = until(lambda: _lease(release.namespace), "the operator makes the Lease", 60)
    until(lambda: _lease(release.namespace)["spec"].get("holderIdentity"), "and takes it", 60)
    assert not lease["metadata"].get("labels"), "nobody else made it"
    job = release.client.submit("demo.echo", {"by": "argo"}, wait=120)
    assert job["state"] == "completed", job
    goals.at_most("argo cd: claims of the first job beyond one", job["attempt"] - 1, 0)
    until(lambda: _ready(release.namespace, "True"), "the pool says that it is scaled", 30)


def test_what_was_applied_is_what_is_there(applied: Applied) -> None:
    """Else Argo CD would show the release as out of sync for ever."""
    text = yaml.safe_dump_all(applied.manifests)
    try:
        run("kubectl", "diff", "--namespace", applied.release.namespace.name, "-f", "-", given=text)
    except ProgramFailed as error:
        pytest.fail(f"it drifts: {error}")


def _rendered(release: Release, images: Images) -> list[Json]:
    """What `helm template` prints, without hooks, which are helm's own."""
    version = json.loads(run("kubectl", "version", "-o", "json"))["serverVersion"]["gitVersion"]
    text = run(
        *("helm", "template", release.name, str(CHART), "--namespace", release.namespace.name),
        *("--no-hooks", "--kube-version", version, "--values", "-"),
        given=written(images, POOLS),
    )
    return [one for one in yaml.safe_load_all(text) if one]


def _without_right_to_create(manifest: Json) -> Json:
    if manifest["kind"] != "Role":
        return manifest
    rules = [
        rule for rule in manifest["rules"] if (rule["resources"], rule["verbs"]) != (["leases"], ["create"])
    ]
    assert len(rules) == len(manifest["rules"]) - 1
    return manifest | {"rules": rules}


def _ready(namespace: Namespace, status: str) -> Json:
    """The pool's condition Ready where it has that status; else None."""
    told = namespace.get("workerpools", "corral-worker-io").get("status", {}).get("conditions", ())
    return next((one for one in told if (one["type"], one["status"]) == ("Ready", status)), None)


def _events(namespace: Namespace, reason: str) -> list[Json]:
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace.name}/events"
    every: list[dict[str, Any]] = namespace.cluster.ask(path)["items"]
    return [event for event in every if event["reason"] == reason]


def _lease(namespace: Namespace) -> Json:
    try:
        return namespace.get("leases", LEASE)
    except NotThere:
        return None
