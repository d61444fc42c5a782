"""skaffold: release images installed and verified, then edits of a handler that are live in seconds, and lose no job."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.goals import Goals
from tests.cluster.images import Images, builder
from tests.cluster.installing.skaffold import Checkout, Dev, Missing, Tools, docker_host
from tests.cluster.load.ledger import Ledger
from tests.cluster.load.load import Load
from tests.cluster.namespace import Namespace
from tests.cluster.node import Node
from tests.cluster.release import Release
from tests.cluster.restarts import Restart

HANDLERS = "services/jobs/corral_jobs/demo/handlers.py"
EDITS = 5
LIVE_SECONDS = 5
"""What is promised of the median."""
PATIENCE = 60
"""Seconds after which an edit is no longer waited for."""
RATE = 4.0
"""Jobs a second while code is edited; each takes two seconds."""
PAUSE = 0.1
"""Seconds between two questions for the new code's result."""


FULL_NAMES = "docker.io/library"
"""The same images by another name: into pods of the name that it deployed skaffold copies code, also into the load's."""


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """Like that of other modules; skaffold makes its images itself."""
    found = Namespace(cluster, "skaffold")
    yield found
    found.remove()


@pytest.fixture(scope="module")
def checkout(request: pytest.FixtureRequest, node: Node | None) -> Iterator[Checkout]:
    """The project's copy, or the module is skipped with what is missing."""
    with tempfile.TemporaryDirectory(prefix="corral-skaffold-") as made:
        folder = Path(made)
        try:
            tools = Tools.find(builder())
            with docker_host(node, folder) as docker:
                namespace: Namespace = request.getfixturevalue("namespace")
                yield Checkout(folder, namespace.name, tools, docker)
        except Missing as missing:
            pytest.skip(str(missing))


def installed(namespace: Namespace) -> Release:
    """What skaffold installed."""
    (publisher,) = namespace.pods("publisher")
    tag = publisher["spec"]["containers"][0]["image"].partition(":")[2]
    return Release(namespace, Images(FULL_NAMES, tag, None))


def test_run_installs_what_helm_test_and_verify_find_working(
    checkout: Checkout, namespace: Namespace, goals: Goals
) -> None:
    began = time.monotonic()
    checkout.skaffold("run", "--profile", "cluster")
    goals.note(f"skaffold run: built and installed in {time.monotonic() - began:.0f} s")
    assert "Phase:          Succeeded" in installed(namespace).test()
    checkout.verify("cluster")


def test_an_edited_handler_is_live_in_seconds_and_no_job_is_lost(
    checkout: Checkout, namespace: Namespace, goals: Goals
) -> None:
    began = time.monotonic()
    with checkout.dev("cluster-dev") as dev:
        goals.note(f"skaffold dev: built and installed in {time.monotonic() - began:.0f} s")
        assert httpx2.get(f"http://127.0.0.1:{checkout.port}/readyz").is_success
        release = installed(namespace)
        try:
            _edit_under_load(release, checkout, dev, goals)
        finally:
            release.close()


def _edit_under_load(release: Release, checkout: Checkout, dev: Dev, goals: Goals) -> None:
    (worker,) = release.namespace.wait_ready("worker", 1, 60, pool="io")
    with Load(release, "skaffold-dev", "demo.sleep", '{"seconds": 2}', RATE) as load:
        edits = [_edit(release, checkout, dev, number) for number in range(1, EDITS + 1)]
    release.client.wait_quiet("demo", 60)
    taken = [edit.live for edit in edits]
    goals.note(f"skaffold dev: seconds from edit to first new result: {', '.join(f'{s:.1f}' for s in taken)}")
    noticed = statistics.median(edit.noticed for edit in edits)
    goals.note(f"skaffold dev: skaffold begins to copy after {noticed:.1f} s (median)")
    if restarts := Restart.of(release.namespace.logs(worker["metadata"]["name"])):
        stopping = statistics.median(one.stopping for one in restarts)
        starting = statistics.median(one.starting for one in restarts)
        goals.note(
            f"skaffold dev: jobs given back in {stopping:.1f} s, ready {starting:.1f} s later (medians)"
        )
    ledger = Ledger.of(release.client, "skaffold-dev", load.answers.accepted)
    goals.note(
        f"skaffold dev: {len(ledger.accepted)} jobs, {len(ledger.interrupted)} of them given back once or more"
    )
    median = statistics.median(taken)
    goals.at_most(f"skaffold dev: edit to first new result, median of {EDITS}, seconds", median, LIVE_SECONDS)
    ledger.check(goals, "skaffold dev", undisturbed=False)


@dataclass(frozen=True)
class Edit:
    """Seconds after the file was saved."""

    noticed: float
    """skaffold begins to copy it."""
    live: float
    """A job has the new code's result."""


def _edit(release: Release, checkout: Checkout, dev: Dev, number: int) -> Edit:
    """Change what `demo.echo` answers, and wait until a job has the new answer."""
    before = {"edition": number - 1}
    old = "return payload" if number == 1 else f'return {{"edition": {number - 1}}}'
    release.client.wait_running("demo", int(RATE), PATIENCE)
    checkout.edit(HANDLERS, f"    {old}\n", f'    return {{"edition": {number}}}\n')
    saved = time.monotonic()
    while time.monotonic() - saved < PATIENCE:
        job = release.client.submit("demo.echo", before, wait=PATIENCE)
        assert job["state"] == "completed", job
        if job["result"] == {"edition": number}:
            live = time.monotonic()
            dev.wait_for("Watching for changes", PATIENCE, saved)  # it goes on to copy into the other images
            noticed = dev.when("Syncing 1 files for corral-worker", saved)
            assert noticed is not None, dev.end()
            return Edit(noticed - saved, live - saved)
        assert job["result"] == before, job
        time.sleep(PAUSE)  # between two questions
    raise AssertionError(f"edit {number} is not live after {PATIENCE} s\n{dev.end()}")
