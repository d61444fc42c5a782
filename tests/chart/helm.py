"""Helm, where it is to be had: as `make tools` unpacked it, or from PATH. Renders the chart."""

import shutil
import subprocess
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


def load_all(text: str) -> list[Any]:
    """The documents of a YAML file that are not empty, parsed by libyaml: ten times as fast."""
    return [found for found in yaml.load_all(text, Loader=yaml.CSafeLoader) if found]


def load(text: str) -> Any:
    """Its only document."""
    (found,) = load_all(text)
    return found


class Refused(Exception):
    """Helm did not render; the message is what a person reads."""


@dataclass(frozen=True)
class Helm:
    """One helm program."""

    program: str
    version: str

    @classmethod
    def of(cls, program: str) -> "Helm":
        """This program, asked for its version."""
        asked = [program, "version", "--short"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        return cls(program, said.strip().lstrip("v").split(".")[0] or "4")

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
        return load_all(self.text(*arguments))

    def variant(self, name: str) -> list[Manifest]:
        """The chart with one of the variants' values."""
        return self.render("--values", str(VARIANTS / f"{name}.yaml"))


def found() -> list[Helm]:
    """Helm 4 and helm 3, those that there are."""
    helms: dict[str, Helm] = {}
    for name in ("helm", "helm3"):
        program = shutil.which(name, path=str(TOOLS)) or shutil.which(name)
        if program is not None:
            helm = Helm.of(program)
            helms.setdefault(helm.version, helm)
    return list(helms.values())
