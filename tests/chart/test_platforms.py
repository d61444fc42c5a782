"""The values of each platform's section are taken, and the package says what it was made from."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chart.helm import ROOT, Helm
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
    made = subprocess.run(
        [sys.executable, str(ROOT / "charts/package.py"), str(tmp_path)],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    package, beside = map(Path, made)
    told = json.loads(beside.read_text())
    assert package.is_file()
    assert told["package"] == package.name == f"corral-{told['chart']}.tgz"
    assert told["images"]["corral-worker"] == f"corral-worker:{told['appVersion']}"
    assert set(told["locks"]) == {"publisher.txt", "worker.txt", "worker-cpu.txt", "operator.txt"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in [told["sha256"], *told["locks"].values()])
