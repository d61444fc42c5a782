"""The values of each platform's section are taken, and the package says what it was made from."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from charts.package import published
from tests.chart.helm import ROOT, Helm, load
from tests.chart.objects import of_kind

PAGE = (ROOT / "docs/how-to/platforms.md").read_text()
SECTIONS = {
    section.split("\n", 1)[0]: "\n".join(re.findall(r"```yaml\n(.*?)```", section, re.DOTALL))
    for section in PAGE.split("\n## ")[1:]
}


@pytest.mark.parametrize("platform", [name for name, values in SECTIONS.items() if values])
def test_the_values_of_a_platform_are_rendered(helm: Helm, platform: str) -> None:
    objects = helm.render("--set", "existingSecret=x", values=SECTIONS[platform])
    assert of_kind(objects, "WorkerPool")


@pytest.mark.parametrize("platform", SECTIONS)
def test_each_platform_says_how_far_it_was_tried(platform: str) -> None:
    section = PAGE.split(f"\n## {platform}\n", 1)[1].split("\n## ", 1)[0].strip()
    assert section.startswith(("Run ", "Rendered")), platform


def test_the_package_says_what_it_was_made_from(helm: Helm, tmp_path: Path) -> None:
    source = "https://git.example.org/acme/corral"
    made = subprocess.run(
        [sys.executable, str(ROOT / "charts/package.py"), str(tmp_path)],
        check=True, capture_output=True, text=True, env=os.environ | {"SOURCE_URL": source, "HOME_URL": ""},
    ).stdout.split()  # fmt: skip
    package, beside = map(Path, made)
    told = json.loads(beside.read_text())
    assert package.is_file()
    assert told["package"] == package.name == f"corral-{told['chart']}.tgz"
    assert told["images"]["corral-worker"] == f"corral-worker:{told['appVersion']}"
    assert set(told["locks"]) == {"publisher.txt", "worker.txt", "worker-cpu.txt", "operator.txt"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in [told["sha256"], *told["locks"].values()])
    described = load(helm.run("show", "chart", str(package)))
    assert (described["home"], described["sources"]) == (source, [source])
    assert (told["home"], told["sources"]) == (source, [source])


@pytest.mark.parametrize(
    ("remote", "source"),
    {
        "https://git.example.org/acme/corral.git": "https://git.example.org/acme/corral",
        "https://token@git.example.org/acme/corral": "https://git.example.org/acme/corral",
        "https://me:secret@git.example.org:8443/corral.git": "https://git.example.org/corral",
        "git@git.example.org:acme/corral.git": "https://git.example.org/acme/corral",
        "ssh://git@git.example.org:2222/acme/corral.git": "https://git.example.org/acme/corral",
        "/srv/git/corral": None,
        "../corral": None,
        "": None,
    }.items(),
)
def test_the_package_names_the_repository_that_it_was_made_from(remote: str, source: str | None) -> None:
    expected = {"home": source, "sources": [source]} if source else {}
    assert published("", "", remote) == expected
    given = published("https://a.example/code", "https://a.example", remote)
    assert given == {"home": "https://a.example", "sources": ["https://a.example/code"]}


@pytest.mark.parametrize("given", ["a.example", "https://me:secret@a.example/code", "ftp://a.example"])
def test_an_address_that_no_browser_opens_is_refused_by_name(given: str) -> None:
    with pytest.raises(ValueError, match="SOURCE_URL"):
        published(given, "", "")
    with pytest.raises(ValueError, match="HOME_URL"):
        published("", given, "")
