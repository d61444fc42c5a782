"""Two releases side by side in one namespace: each has its pools, and neither speaks of the other's."""

from collections.abc import Iterator

import pytest
from tests.cluster.cluster import until
from tests.cluster.images import Images
from tests.cluster.release import Json, Release, pool

POOLS = {"pools": [pool("io", ["demo"], maxReplicas=2)]}
OTHER = "corral-mail"
"""It contains the chart's name, so its objects are named after it alone."""


@pytest.fixture(scope="module")
def both(release: Release, images: Images) -> Iterator[tuple[Release, Release]]:
    """The second one without the Lease, as Argo CD would install it."""
    other = Release(release.namespace, images, name=OTHER)
    release.install(POOLS)
    other.install({**POOLS, "operator": {"lease": {"create": False}}})
    yield release, other
    other.close()


def test_both_run_jobs_of_the_same_queue_each_with_its_own_pool(both: tuple[Release, Release]) -> None:
    for release in both:
        job = release.client.submit("demo.echo", {"from": release.name}, wait=120)
        assert job["state"] == "completed", job
        assert release.client.pool("io")["name"] == "io", "its name on pages carries no release"


def test_no_pool_is_taken_or_forbidden(both: tuple[Release, Release]) -> None:
    def all_ready() -> bool:
        return {name: conditions(both[0], name).get("Ready") for name in names(both)} == dict.fromkeys(
            names(both), "True"
        )

    until(all_ready, "each operator scales the pool of its release", 60)
    for name in names(both):
        wrong = {
            kind
            for kind, status in conditions(both[0], name).items()
            if status == "True" and kind in {"Forbidden", "TargetTaken"}
        }
        assert not wrong, f"{name}: {wrong}"
    reasons = {event["reason"] for event in both[0].namespace.every("events")}
    assert not reasons & {"Forbidden", "TargetTaken", "NotSelected", "NoLeader"}


def test_the_operator_makes_the_lease_that_nobody_made(both: tuple[Release, Release]) -> None:
    lease = both[1].namespace.get("leases", f"{OTHER}-operator")
    assert lease["spec"]["holderIdentity"].startswith(f"{OTHER}-operator-")


def names(both: tuple[Release, Release]) -> list[str]:
    return [release.deployment("io") for release in both]


def conditions(release: Release, name: str) -> dict[str, str]:
    status: Json = release.namespace.get("workerpools", name).get("status", {})
    return {one["type"]: one["status"] for one in status.get("conditions", ())}
