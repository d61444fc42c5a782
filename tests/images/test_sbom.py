"""The list of what is in each image (SBOM) that `make images` writes: complete for Python, and with Debian's packages."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.images.belonging import IMAGES, ROOT, normal, own

SYFT = ROOT / ".tools" / "bin" / "syft"
REQUIRED = {"publisher": "fastapi", "worker": "typst", "worker-cpu": "pyvips", "operator": "kopf"}
"""One package that each image is known by."""


@pytest.fixture(scope="module")
def lists(tag: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the lists, made by the script that `make images` runs."""
    if not SYFT.exists() and shutil.which("syft") is None:
        subprocess.run(["make", SYFT.with_name(".syft")], cwd=ROOT, check=True, timeout=300)
    folder = tmp_path_factory.mktemp("sbom")
    done = subprocess.run(
        [ROOT / "k8s" / "sbom", tag, folder],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env=os.environ,
    )
    if not done.stdout:
        pytest.skip(done.stderr.strip())
    return folder


@pytest.mark.parametrize("image", IMAGES)
def test_a_list_names_what_the_image_holds(image: str, tag: str, lists: Path):
    told = json.loads((lists / f"corral-{image}-{tag}.cdx.json").read_text())
    assert told["bomFormat"] == "CycloneDX"
    assert told["metadata"]["component"]["name"] == f"corral-{image}"
    named = {one.get("purl", "").partition("@")[0] for one in told["components"]}
    python = {normal(one.removeprefix("pkg:pypi/")) for one in named if one.startswith("pkg:pypi/")}
    assert python >= own(image) | {REQUIRED[image]}
    assert any(one.startswith("pkg:deb/") and one.endswith("/libc6") for one in named)
