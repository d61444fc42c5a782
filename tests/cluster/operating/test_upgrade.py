"""Result 4. New images under load, and back: nothing is lost, nobody is turned away, nothing short is interrupted."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.cluster.goals import Goals
from tests.cluster.images import Images
from tests.cluster.load.ledger import Ledger
from tests.cluster.load.load import Load
from tests.cluster.release import Release, pool

NEXT = "next"
PREVIOUS = "previous"
GRACE = 30
RATE = 5.0
SECONDS = 8
"""Of each job: shorter than the grace, long enough that every worker that goes has some."""


def with_images(publisher: str, worker: str) -> dict[str, Any]:
    """Values with these tags, two publishers, and two to four workers."""
    io = pool("io", ["demo"], minReplicas=2, maxReplicas=4, slots=25, grace=GRACE)
    return {
        "image": {"registry": ""},
        "publisher": {"replicas": 2, "image": {"tag": publisher}},
        "poolDefaults": {"image": {"tag": worker}},
        "pools": [io],
    }


@pytest.fixture(scope="module")
def built(release: Release, images: Images) -> Images:
    """Images that differ from today's: newer ones, the same but for a label."""
    if images.registry or images.builder is None:
        pytest.skip("other images can't be built into this cluster: CORRAL_IMAGE_BUILD names what does")
    for service in ("publisher", "worker"):
        images.derive(service, NEXT, "LABEL dev.corral.test=next")
    return images


def under_load(release: Release, tag: str, change: Callable[[], float], goals: Goals) -> None:
    """Change the release while jobs are posted and run; say what became of them."""
    with Load(release, tag, "demo.sleep", f'{{"seconds": {SECONDS}}}', RATE) as load:
        release.client.wait_running("demo", int(RATE * SECONDS / 2), 60)
        seconds = change()
    goals.note(f"{tag}: helm took {seconds:.0f} s, {len(load.answers.accepted)} jobs were posted meanwhile")
    for line in (load.answers.refused + load.answers.broken)[:3]:
        goals.note(f"{tag}: not accepted: {line}")
    goals.none(f"{tag}: answers of 5xx", sum(answer.startswith("5") for answer in load.answers.refused))
    goals.none(f"{tag}: requests without an answer", len(load.answers.broken))
    release.client.wait_quiet("demo", 120)
    Ledger.of(release.client, tag, load.answers.accepted).check(goals, tag)


def images_of(release: Release, component: str) -> set[str]:
    """What its pods run."""
    return {pod["spec"]["containers"][0]["image"] for pod in release.namespace.pods(component)}


def test_an_upgrade_from_the_previous_schema_loses_nothing(
    release: Release, built: Images, goals: Goals
) -> None:
    commit = built.build_previous(PREVIOUS)
    goals.note(f"migration: from the images of commit {commit[:12]}")
    release.install(with_images(PREVIOUS, PREVIOUS))
    under_load(release, "migration", lambda: release.upgrade(with_images(built.tag, built.tag)), goals)
    assert images_of(release, "worker") == {f"corral-worker:{built.tag}"}


def test_an_upgrade_to_other_images_loses_nothing(release: Release, built: Images, goals: Goals) -> None:
    under_load(release, "upgrade", lambda: release.upgrade(with_images(NEXT, NEXT)), goals)
    assert images_of(release, "worker") == {f"corral-worker:{NEXT}"}


def test_a_rollback_loses_nothing(release: Release, built: Images, goals: Goals) -> None:
    before = release.replicas("io")
    under_load(release, "rollback", release.rollback, goals)
    assert images_of(release, "worker") == {f"corral-worker:{built.tag}"}
    assert images_of(release, "publisher") == {f"corral-publisher:{built.tag}"}
    assert release.replicas("io") >= 2, f"{before} replicas before"
