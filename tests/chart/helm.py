"""Helm, where it is to be had: as `make tools` unpacked it, or from PATH. Renders the chart."""

import hashlib
import os
import pickle
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
    """One helm program. It needs a fifth of a second of a core for a rendering, so nothing is rendered twice."""

    program: str
    version: str
    shelf: Path | None = None
    """Where processes that test at the same time share what they rendered."""

    @classmethod
    def of(cls, program: str) -> "Helm":
        """This program, asked for its version."""
        asked = [program, "version", "--short"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        return cls(program, said.strip().lstrip("v").split(".")[0] or "4")

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Its output. It ends before its garbage needs to be collected, which costs a quarter of its time."""
        done = subprocess.run(
            [self.program, *arguments],
            input=stdin, capture_output=True, text=True, check=False, env=os.environ | {"GOGC": "off"},
        )  # fmt: skip
        if done.returncode:
            raise Refused(done.stderr + done.stdout)
        return done.stdout

    def text(self, *arguments: str, values: Any = None, release: str = "corral", chart: Path = CHART) -> str:
        """The chart, rendered with these further arguments and values (an object, or the text of a file)."""
        given = values if isinstance(values, str) else yaml.safe_dump(values or {})
        return self._text(arguments, given, release, chart)

    def render(
        self, *arguments: str, values: Any = None, release: str = "corral", chart: Path = CHART
    ) -> list[Manifest]:
        """The same, as objects that are the caller's own."""
        given = values if isinstance(values, str) else yaml.safe_dump(values or {})
        objects: list[Manifest] = pickle.loads(self._parsed(arguments, given, release, chart))
        return objects

    def variant(self, name: str) -> list[Manifest]:
        """The chart with one of the variants' values."""
        return self.render(values=(VARIANTS / f"{name}.yaml").read_text())

    @cache  # noqa: B019  one helm lives as long as the tests
    def _parsed(self, arguments: tuple[str, ...], values: str, release: str, chart: Path) -> bytes:
        """Pickled: that is read in a hundredth of the time that YAML takes."""
        return pickle.dumps(load_all(self._text(arguments, values, release, chart)))

    @cache  # noqa: B019
    def _text(self, arguments: tuple[str, ...], values: str, release: str, chart: Path) -> str:
        what = ["template", release, str(chart), "--namespace", "jobs", "--kube-version", f"{NEWEST}.0"]
        if self.shelf is None or chart != CHART:
            return self.run(*what, "--values", "-", *arguments, stdin=values)
        digest = hashlib.sha256(repr((self.program, what, arguments, values)).encode()).hexdigest()
        kept = self.shelf / f"{digest}.yaml"
        if not kept.exists():
            made = self.run(*what, "--values", "-", *arguments, stdin=values)
            unfinished = kept.with_suffix(f".{os.getpid()}")
            unfinished.write_text(made)
            unfinished.replace(kept)
        return kept.read_text()


def found() -> list[Helm]:
    """Helm 4 and helm 3, those that there are."""
    helms: dict[str, Helm] = {}
    for name in ("helm", "helm3"):
        program = shutil.which(name, path=str(TOOLS)) or shutil.which(name)
        if program is not None:
            helm = Helm.of(program)
            helms.setdefault(helm.version, helm)
    return list(helms.values())
