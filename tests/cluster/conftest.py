"""Fixtures of the tests on a cluster: one namespace and one release per module, everything removed afterwards."""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.goals import Goals
from tests.cluster.images import Images
from tests.cluster.namespace import Namespace
from tests.cluster.node import ROOT, Node
from tests.cluster.program import ProgramFailed, run
from tests.cluster.release import CRDS, Release
from tests.fixtures import leaks
from tests.fixtures.terminal import line_writer

FOLDER = Path(__file__).parent
SELECTION = {
    "test_install",
    "test_scale_down",
    "test_refusals_and_uninstall",
    "test_own_image",
    "test_readme",
}
"""What CI has time for; of the bursts and of the five systems, those that are marked so themselves."""
MORE = {"test_both_helms", "test_backup", "test_rotation", "test_drain", "test_skaffold"}
"""What `make test-cluster-more` runs, so that `make test-cluster` stays under forty minutes."""
TIMEOUT = 600
"""Seconds for one test; conditions have shorter deadlines of their own."""
KEPT = ROOT / "build" / "cluster"
"""What is known of failures."""
ORDER = [
    "test_install",
    "test_readme",
    "test_refusals_and_uninstall",
    "test_own_image",
    "test_five_systems",
    "test_argo_cd",
    "test_bursts",
    "test_scale_down",
    "test_both_helms",
    "test_upgrade",
    "test_outages",
    "test_backup",
    "test_rotation",
    "test_network",
    "test_readers",
    "test_skaffold",
    "test_drain",
]

_goals = pytest.StashKey[Goals]()


def pytest_configure() -> None:
    """The cluster of this machine, where none is named."""
    found = Node.find()
    if found is not None and not os.environ.get("KUBECONFIG"):
        with contextlib.suppress(ProgramFailed):
            os.environ.update(found.environment())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick ones first, and those of a module as they stand there: each goes on where the one before ended."""
    ours = [item for item in items if FOLDER in item.path.parents]
    for item in ours:
        if item.path.stem in SELECTION:
            item.add_marker(pytest.mark.ci)
        item.add_marker(leaks.SHARED)
        if item.path.stem in MORE:
            item.add_marker(pytest.mark.more)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT))
    if len(ours) == len(items):
        items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, str, int]:
    """Of a test: its module's, and its line there."""
    stem = item.path.stem
    return ORDER.index(stem) if stem in ORDER else len(ORDER), stem, item.reportinfo()[1] or 0


@pytest.fixture(scope="session")
def goals_of_the_run(pytestconfig: pytest.Config) -> Goals:
    goals = Goals(line_writer(pytestconfig))
    pytestconfig.stash[_goals] = goals
    return goals


@pytest.fixture
def goals(goals_of_the_run: Goals, request: pytest.FixtureRequest) -> Iterator[Goals]:
    """Promises: a test that misses one fails, if not earlier then here, while its namespace can still be described."""
    before = len(goals_of_the_run.all)
    yield goals_of_the_run
    missed = goals_of_the_run.missed(before)
    namespace = request.node.funcargs.get("namespace")
    if missed and isinstance(namespace, Namespace):
        missed.append(namespace.describe(kept(request.node)))
    assert not missed, "\n".join(missed)


def kept(item: pytest.Item) -> Path:
    """The folder of what is known of this test's failure."""
    return KEPT / re.sub(r"\W+", "-", item.nodeid)


@pytest.fixture(scope="session")
def node() -> Node | None:
    """The node of this machine, where the cluster is one that the tests may hurt."""
    found = Node.find()
    if not os.environ.get("KUBECONFIG"):
        pytest.exit(
            "no cluster: KUBECONFIG must name one, or CORRAL_TEST_CLUSTER the command that rules one", 2
        )
    return found if found is not None and found.serves(os.environ["KUBECONFIG"]) else None


@pytest.fixture(scope="session")
def hurtable(node: Node | None) -> Node:
    """The same, or the test is skipped."""
    if node is None:
        pytest.skip(
            "the cluster's own parts can't be stopped here: CORRAL_TEST_CLUSTER names the command that does"
        )
    return node


@pytest.fixture(scope="session")
def cluster(node: Node | None) -> Iterator[Cluster]:
    """The cluster, with this release's CRD."""
    try:
        run("kubectl", "get", "--raw", "/readyz", "--request-timeout=10s")
    except ProgramFailed as error:
        pytest.exit(f"the cluster that KUBECONFIG names does not answer: {error}", 2)
    if run("kubectl", "get", "--ignore-not-found", "-o", "name", "-f", str(CRDS)):  # helm never upgrades one
        run("kubectl", "apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    with Cluster() as found:
        yield found


@pytest.fixture(scope="session")
def images(node: Node | None) -> Images:
    """The images, built if need be."""
    return Images.find()


@pytest.fixture(scope="module")
def namespace(request: pytest.FixtureRequest, cluster: Cluster, images: Images) -> Iterator[Namespace]:
    """A namespace of the module's own."""
    found = Namespace(cluster, request.path.stem.removeprefix("test_"))
    yield found
    if os.environ.get("CORRAL_TEST_KEEP"):
        return
    found.remove()


@pytest.fixture(scope="module")
def release(namespace: Namespace, images: Images) -> Iterator[Release]:
    """A release that is not installed yet."""
    release = Release(namespace, images)
    yield release
    release.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[Any]") -> Any:
    """What the namespace looked like goes with the failure, before anything is removed."""
    report = yield
    namespace = getattr(item, "funcargs", {}).get("namespace")
    if report.failed and isinstance(namespace, Namespace) and call.when != "teardown":
        report.sections.append(("the namespace", namespace.describe(kept(item))))
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """All goals again, and what was not run and why."""
    goals = config.stash.get(_goals, None)
    if goals is not None:
        terminalreporter.section("goals")
        for goal in goals.all:
            terminalreporter.write_line(goal.line())
        for note in goals.notes:
            terminalreporter.write_line(f"note {note}")
    for report in terminalreporter.stats.get("skipped", ()):
        terminalreporter.write_line(f"NOT RUN {report.nodeid}: {report.longrepr[-1]}")
    if deselected := terminalreporter.stats.get("deselected", ()):
        counts = Counter(item.path.stem for item in deselected)
        shown = ", ".join(f"{stem} ({count})" for stem, count in sorted(counts.items()))
        terminalreporter.write_line(f"NOT RUN, left out by the selection: {shown}")
