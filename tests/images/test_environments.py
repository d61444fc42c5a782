"""Each service starts from what its image installs, and from nothing else: no cluster and no image is needed."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.fixtures.local_system import own_port
from tests.fixtures.waiting import START, eventually
from tests.images.belonging import ABSENT, FOREIGN, IMAGES, locked, normal, own
from tests.images.environments import Environment
from tests.images.test_contents import LARGEST_MB

pytestmark = pytest.mark.timeout(1200)
KEY = "corral_" + "a" * 43
SOURCES = {".c", ".h", ".pyx", ".pxd", ".pyi"}
"""What the Dockerfile removes."""


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Environment]:
    made = {image: Environment(image, tmp_path_factory.mktemp(image)) for image in IMAGES}
    for environment in made.values():
        environment.make()
    return made


@pytest.fixture(params=IMAGES)
def environment(request: pytest.FixtureRequest, environments: Mapping[str, Environment]) -> Environment:
    return environments[request.param]


def test_it_holds_what_belongs_and_nothing_else(environment):
    image, packages = environment.image, {normal(name) for name in environment.distributions()}
    assert packages - own(image) <= locked(image).keys()
    assert packages >= own(image)
    assert not packages & FOREIGN[image]
    assert environment.found(ABSENT[image]) == []


def test_the_dockerfile_imports_what_is_there(environment):
    environment.run("-c", environment.imported)


def test_a_worker_handles_pictures_where_their_library_is_and_declares_them_everywhere(environments):
    script = (
        "from corral.catalog import Catalog; from corral.catalog.catalog import handling_modules;"
        "types = Catalog.load(handling_modules((), (), demo=False));"
        "print('image.process' in types.types, 'image.process' in types.handled().types)"
    )
    said = {image: environments[image].run("-c", script).split() for image in ("worker", "worker-cpu")}
    assert said == {"worker": ["True", "False"], "worker-cpu": ["True", "True"]}


@pytest.mark.parametrize("image", ["worker", "worker-cpu"])
def test_what_a_worker_installs_stays_small(environments, image):
    """With its bytecode, without the sources of compiled modules, their symbols, tests and lexers: what the image adds to its base."""
    environment = environments[image]
    strip = shutil.which("strip")
    if strip is None:
        pytest.skip("there is no strip (binutils) here, so symbols would be counted")
    modules = [one for one in environment.site.rglob("*.so") if not one.parent.name.endswith(".libs")]
    subprocess.run([strip, "--strip-unneeded", *modules], check=True)
    environment.run("-m", "compileall", "-q", str(environment.site))
    kept = (one for one in environment.site.rglob("*") if one.is_file() and one.suffix not in SOURCES)
    kept = (one for one in kept if "tests" not in one.parts and "pygments/lexers/__pycache__" not in str(one))
    size = sum(one.lstat().st_size for one in kept) / 1e6
    assert size <= LARGEST_MB[image], f"{image} installs {size:.0f} MB"


@contextmanager
def running(environment: Environment, name: str, *module: str, **variables: str) -> Iterator[Path]:
    """A program of that Python, away from the repository; the file of what it says."""
    said = environment.folder / f"{name}.log"
    with said.open("w") as log:
        program = subprocess.Popen(
            [environment.python, "-P", "-m", *module],
            cwd=environment.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(environment.folder), **variables},
            stdout=log,
            stderr=log,
        )
    try:
        yield said
        assert program.poll() is None, said.read_text()
    finally:
        program.terminate()
        program.wait(60)


def test_the_services_run_a_report_and_a_demo_from_submission_to_result(
    environments, postgres_url, redis_url, tmp_path
):
    publisher, worker = environments["publisher"], environments["worker"]
    port = own_port()
    variables = {
        "CORRAL_DATABASE_URL": postgres_url,
        "CORRAL_REDIS_URL": redis_url,
        "CORRAL_METRICS_PORT": "0",
        "CORRAL_WORKER_PORT": "0",
        "CORRAL_PORT": str(port),
        "CORRAL_MAINTENANCE_ENABLED": "false",
        "CORRAL_BOOTSTRAP_KEY": KEY,
        "CORRAL_URL": f"http://127.0.0.1:{port}",
        "CORRAL_KEY": KEY,
        "CORRAL_DATA": str(tmp_path / "none"),
    }

    def corral(environment: Environment, *arguments: str) -> str:
        return environment.run("-m", "corral.cli", *arguments, **variables)

    corral(publisher, "migrate", "up")
    corral(worker, "types", "register")
    corral(publisher, "keys", "adopt", "--name", "admin", "--role", "admin")
    with (
        running(publisher, "publisher", "corral_publisher", **variables),
        running(publisher, "maintenance", "corral.maintenance", **variables) as duties,
        running(worker, "worker", "corral_worker", **variables),
    ):
        ready = f"http://127.0.0.1:{port}/readyz"
        eventually(lambda: httpx2.get(ready).is_success, timeout=START, ignoring=(httpx2.TransportError,))
        report = json.dumps({"title": "Orders", "csv": "month,orders\n2026-01,4\n2026-02,6\n"})
        for kind, payload in (("demo.echo", "7"), ("report.generate", report)):
            told = corral(publisher, "jobs", "submit", kind, "--payload", payload, "--wait", "120", "--json")
            assert json.loads(told)["state"] == "completed", told
        eventually(lambda: "leadership.taken" in duties.read_text(), timeout=START)


@pytest.mark.parametrize("image", ["publisher", "worker"])
def test_corral_up_says_there_what_it_lacks(environments, image):
    with pytest.raises(AssertionError, match="corral up needs the distribution corral-local"):
        environments[image].run("-m", "corral.cli", "up")


def test_the_operator_says_that_there_is_no_cluster(environments, redis_url, tmp_path):
    variables = {
        "CORRAL_REDIS_URL": redis_url,
        "KUBECONFIG": str(tmp_path / "none"),
    }
    with pytest.raises(AssertionError, match=r"(?i)kubeconfig|cluster") as told:
        environments["operator"].run("-m", "corral_operator", **variables)
    assert "Traceback" not in str(told.value)
