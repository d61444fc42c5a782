"""Result 7. A team's own image with types of its own, on a pool that rests at zero: the first POST completes."""

from tests.cluster.cluster import until
from tests.cluster.goals import Goals
from tests.cluster.images import Images
from tests.cluster.node import ROOT
from tests.cluster.release import Release, pool

FOLDER = ROOT / "examples" / "own-image"
ORDER = {
    "customer": "Kestrel Events",
    "lines": [
        {"article": "Espresso beans, 1 kg", "price": "18.50", "quantity": 4},
        {"article": "Paper cups, 1,000", "price": "42.00", "quantity": 1},
    ],
}


def test_the_first_job_of_a_teams_own_type_completes(release: Release, images: Images, goals: Goals) -> None:
    images.build("acme-worker:cluster", FOLDER, "--build-arg", f"CORRAL_WORKER={images.name('worker')}")
    acme = pool("acme", ["quotes"], slots=4, maxReplicas=2)
    acme["scaleDown"] = {"stabilizationSeconds": 5}
    acme["image"] = {"repository": "acme-worker", "tag": "cluster"}
    release.install({"image": {"registry": ""}, "pools": [acme]})
    until(lambda: release.replicas("acme") == 0, "the pool rests at zero", 60)
    job = release.client.submit("acme.quote", ORDER, wait=90)
    assert job["state"] == "completed", job
    assert job["result"] == {"customer": "Kestrel Events", "total": "116.00"}
    goals.at_most("own image: claims of the first job beyond one", job["attempt"] - 1, 0)
    goals.at_most("own image: errors of the first job", job["errors"], 0)
