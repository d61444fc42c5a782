"""What is in the images, seen from inside, as the user and with the file system that production has."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from tests.images.belonging import ABSENT, FOREIGN, IMAGES, ROOT, locked, normal, own
from tests.images.page import sizes_of_the_page
from tests.images.rig import Namespace
from tests.images.rig import image as name

MODULES = {
    "publisher": ["corral_publisher.run", "corral.cli.main"],
    "worker": ["corral_worker.worker", "corral.cli.main", "corral_jobs.report.handlers"],
    "worker-cpu": [
        "corral_worker.worker",
        "corral.cli.main",
        "corral_jobs.report.handlers",
        "corral_jobs.image.picture",
    ],
    "operator": ["corral_operator.main"],
}
LARGEST_MB = {"publisher": 140, "worker": 215, "worker-cpu": 400, "operator": 80}
"""What an image adds to its base, at most; of the worker's, 66 MB are typst, and libvips is 20 MB more, shapely, pyproj and numpy 101."""


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def seen(image: str, tag: str, namespace: Namespace, say: Callable[[str], None]) -> Any:
    return _look(image, tag, namespace, say)


@cache
def _look(image: str, tag: str, namespace: Namespace, say: Callable[[str], None]) -> Any:
    script = (ROOT / "tests" / "images" / "look.py").read_text()
    namespace.run(
        f"look-{image}",
        name(image, tag),
        args=["python", "-c", script, ",".join(ABSENT[image]), *MODULES[image]],
    )
    seen = json.loads(namespace.finish(f"look-{image}").splitlines()[-1])
    megabytes = {name: round(size / 1e6) for name, size in seen["bytes"].items()}
    packages = ", ".join(f"{name} {version}" for name, version in sorted(seen["packages"].items()))
    say(
        f"corral-{image}: {megabytes['all']} MB, of it Python {megabytes['python']} and Corral with what it needs"
        f" {megabytes['corral']}; {len(seen['packages'])} packages: {packages}"
    )
    return seen


def test_it_holds_its_lock_and_its_own_code_and_nothing_else(image, seen):
    packages = {normal(name) for name in seen["packages"]}
    assert packages - own(image) <= locked(image).keys()
    assert packages >= own(image)
    assert not packages & FOREIGN[image]


def test_nothing_can_be_imported_that_does_not_belong(seen):
    assert seen["found"] == []


def test_no_installer_compiler_cache_or_source_of_compiled_modules_is_left(seen):
    assert (seen["unwanted"], seen["caches"], seen["sources"]) == ([], [], [])


def test_it_runs_as_a_named_user_that_owns_nothing_and_can_become_nobody_else(seen):
    assert (seen["uid"], seen["user"]) == (10001, "corral")
    assert (seen["writable"], seen["set_uid"]) == ([], [])


def test_everything_it_imports_is_compiled(seen):
    assert seen["uncompiled"] == []


def test_process_1_reaps_what_is_left_behind(seen):
    assert (seen["process_1"], seen["orphans_left"]) == ("tini", 0)


def test_it_is_no_larger_than_it_must_be(image, seen):
    assert seen["bytes"]["corral"] / 1e6 <= LARGEST_MB[image]


def test_the_page_says_how_large_it_is(image, seen):
    """docs/reference/images.md; the base differs by some MB from build to build, what Corral adds does not."""
    said = sizes_of_the_page()[image]
    assert said.corral == pytest.approx(seen["bytes"]["corral"] / 1e6, abs=8)
    assert said.all == pytest.approx(seen["bytes"]["all"] / 1e6, abs=20)
