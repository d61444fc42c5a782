"""The locks of the images: hashed, without addresses, and without what doesn't belong."""

import re

import pytest
from tests.images.belonging import FOREIGN, IMAGES, ROOT, carried, declared, dockerfile_of, locked, own

import corral

ALL = (*IMAGES, "build", "reload")


def text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_nothing_that_does_not_belong(image):
    packages = locked(image)
    assert not FOREIGN[image] & packages.keys(), f"locked are {', '.join(packages)}"


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_all_that_its_service_declares(image):
    for folder in carried(image):
        if (image, folder) != ("operator", "shared"):  # of the engine the operator takes a part
            assert declared(folder) <= locked(image).keys()


def test_the_images_carry_the_engine_their_service_and_the_job_types_where_these_are_used():
    assert {image: own(image) for image in IMAGES} == {
        "publisher": {"corral", "corral-jobs", "corral-publisher"},
        "worker": {"corral", "corral-jobs", "corral-worker"},
        "worker-cpu": {"corral", "corral-jobs", "corral-worker"},
        "operator": {"corral", "corral-operator"},
    }


def test_a_worker_holds_what_the_handlers_need_and_a_publisher_does_not():
    assert "typst" in locked("worker")
    assert "typst" not in locked("publisher")


def test_the_cpu_image_holds_what_pictures_and_areas_need_beside_and_nothing_else():
    plain, cpu = locked("worker"), locked("worker-cpu")
    assert plain.items() <= cpu.items()
    assert cpu.keys() - plain.keys() == {
        *("pyvips", "pyvips-binary", "cffi", "pycparser"),
        *("shapely", "numpy", "pyproj"),
    }


@pytest.mark.parametrize("lock", ALL)
def test_every_requirement_has_a_hash_and_no_line_an_address(lock):
    requirements = re.split(r"\n(?=\S)", text(lock))
    unhashed = [one for one in requirements if "==" in one and "--hash=sha256:" not in one]
    assert not unhashed
    assert not re.findall(r"https?://|--(?:extra-)?index-url|--find-links|@ ", text(lock))


@pytest.mark.parametrize("image", IMAGES)
def test_what_is_tested_is_what_is_shipped(image):
    tested = locked("development")
    other = {
        name: (version, tested.get(name))
        for name, version in locked(image).items()
        if tested.get(name) not in {version, None}
    }
    assert not other


@pytest.mark.parametrize("image", IMAGES)
def test_the_label_of_an_image_says_the_version_of_its_code(image):
    dockerfile = dockerfile_of(image).read_text()
    assert set(re.findall(r"^ARG VERSION=(.+)$", dockerfile, re.MULTILINE)) == {corral.__version__}


@pytest.mark.parametrize("image", IMAGES)
def test_a_dockerfile_names_official_images_by_argument_alone(image):
    dockerfile = dockerfile_of(image).read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE))
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) - stages
    assert bases == {"${BASE}"}
    assert re.findall(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE) == ["python:3.13-slim"]
