"""Fresh, upgraded, rolled back and removed with `--wait`, by each helm that is there."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.chart.helm import Helm, found
from tests.cluster.cluster import Cluster, until
from tests.cluster.goals import Goals
from tests.cluster.images import Images
from tests.cluster.namespace import Namespace
from tests.cluster.release import Release, pool

HELMS: list[Helm | None] = [*found()]
REPLICAS = 2
WAIT_SECONDS = 150


def with_pool(note: str, **more: Any) -> dict[str, Any]:
    """Values with one pool; `note` makes its pods and the publisher's new ones."""
    io = pool("io", ["demo"], maxReplicas=4, podAnnotations={"tests/note": note}, **more)
    return {"pools": [io], "publisher": {"podAnnotations": {"tests/note": note}}}


@pytest.fixture(params=HELMS or [None], ids=lambda helm: f"helm{helm.version}" if helm else "no-helm")
def each_release(request: pytest.FixtureRequest, cluster: Cluster, images: Images) -> Iterator[Release]:
    """A release of this helm's, not installed yet, in a namespace of its own."""
    if request.param is None:
        pytest.skip("there is no helm here: install it, or run `make tools`")
    namespace = Namespace(cluster, f"helm{request.param.version}")
    release = Release(namespace, images, request.param.program)
    yield release
    release.close()
    namespace.remove()


def test_a_release_lives_from_install_to_uninstall(each_release: Release, goals: Goals) -> None:
    """Replicas stay what the operator made them: paused, it would leave a number that helm reset as it is."""
    release = each_release
    name = release.namespace.name.split("-")[2]
    goals.at_most(
        f"{name} install --wait, seconds", release.install(with_pool("1", minReplicas=REPLICAS)), WAIT_SECONDS
    )
    until(lambda: release.replicas("io") == REPLICAS, "the operator made its minimum", 30)
    release.test()
    password = release.namespace.secret("corral-credentials", "database-password")

    goals.at_most(
        f"{name} upgrade --wait, seconds",
        release.upgrade(with_pool("2", minReplicas=REPLICAS, paused=True)),
        WAIT_SECONDS,
    )
    assert release.replicas("io") == REPLICAS
    release.upgrade(with_pool("3", minReplicas=1, paused=True))
    assert release.replicas("io") == REPLICAS
    goals.at_most(f"{name} rollback --wait, seconds", release.rollback(), WAIT_SECONDS)
    assert release.replicas("io") == REPLICAS
    assert {
        pod["metadata"]["annotations"]["tests/note"] for pod in release.namespace.pods("worker", "io")
    } == {"2"}

    assert release.namespace.secret("corral-credentials", "database-password") == password
    assert release.client.submit("demo.echo", name, wait=30)["result"] == name
    goals.at_most(f"{name} uninstall --wait, seconds", release.uninstall(), WAIT_SECONDS)
