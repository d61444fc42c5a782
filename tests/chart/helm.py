"""Helm, where it is to be had: from PATH, or compiled by `make tools`. Renders the chart."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/corral"
VARIANTS = Path(__file__).parent / "variants"
TOOLS = ROOT / ".tools/bin"
NEWEST = "1.37"
"""The newest Kubernetes whose schemas are at hand; the oldest stands in Chart.yaml."""

Manifest = dict[str, Any]


class Refused(Exception):
    """Helm did not render; the message is what a person reads."""


@dataclass(frozen=True)
class Helm:
    """One helm program."""

    program: str
    version: str

    def run(self, *arguments: str) -> str:
        """Its output."""
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(done.stderr + done.stdout)
        return done.stdout

    @cache  # noqa: B019  one helm lives as long as the tests
    def text(self, *arguments: str) -> str:
        """The chart, rendered as release `corral` with these further arguments."""
        return self.run(
            "template",
            "corral",
            str(CHART),
            "--namespace",
            "jobs",
            "--kube-version",
            f"{NEWEST}.0",
            *arguments,
        )

    def render(self, *arguments: str) -> list[Manifest]:
        """The same, as objects."""
        return [found for found in yaml.safe_load_all(self.text(*arguments)) if found]

    def variant(self, name: str) -> list[Manifest]:
        """The chart with one of the variants' values."""
        return self.render("--values", str(VARIANTS / f"{name}.yaml"))


def found() -> list[Helm]:
    """Helm 4 and helm 3, those that there are."""
    helms: dict[str, Helm] = {}
    for name in ("helm", "helm3"):
        program = shutil.which(name) or shutil.which(name, path=str(TOOLS))
        if program is None:
            continue
        said = subprocess.run(
            [program, "version", "--short"], capture_output=True, text=True, check=False
        ).stdout
        version = said.strip().lstrip("v").split(".")[0] or "4"
        helms.setdefault(version, Helm(program, version))
    return list(helms.values())


if __name__ == "__main__":
    if not found():
        why = "run `make tools`" if shutil.which("go") else "install helm, or Go for `make tools`"
        sys.stdout.write(f"tests/chart did not render the chart: there is no helm here; {why}\n")
