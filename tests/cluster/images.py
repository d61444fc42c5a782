"""The images that the tests install: those that CORRAL_IMAGE_TAG names, else built here, once per run."""

import os
import shlex
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.cluster.node import BESIDE, ROOT
from tests.cluster.program import run

TAG = "cluster"
BUILD_SECONDS = 900.0
VERSIONS = "services/shared/corral/store/migrations/versions"
NO_BUILDER = "nothing here builds images: CORRAL_IMAGE_BUILD names what does"


@dataclass(frozen=True)
class Images:
    """Where the three images are, and how more are built on them."""

    registry: str
    tag: str
    builder: tuple[str, ...] | None

    @classmethod
    def find(cls) -> Self:
        """As the environment says: CORRAL_IMAGE_REGISTRY and CORRAL_IMAGE_TAG, or CORRAL_IMAGE_BUILD, or neither."""
        command = builder()
        registry = os.environ.get("CORRAL_IMAGE_REGISTRY", "")
        if tag := os.environ.get("CORRAL_IMAGE_TAG"):
            return cls(registry, tag, command)
        assert command is not None, (
            "no images: CORRAL_IMAGE_TAG names those that are there, CORRAL_IMAGE_BUILD what builds them"
        )
        run(
            str(ROOT / "k8s" / "build"),
            TAG,
            seconds=BUILD_SECONDS,
            environment={"CORRAL_IMAGE_BUILD": shlex.join(command)},
        )
        return cls(registry, TAG, command)

    def name(self, service: str) -> str:
        """The full name of one of ours."""
        return f"{self.registry and self.registry.rstrip('/') + '/'}corral-{service}:{self.tag}"

    def build(self, name: str, folder: Path, *arguments: str) -> None:
        """Build another one into the cluster."""
        assert self.builder is not None, NO_BUILDER
        run(
            *self.builder,
            "-t",
            name,
            "-f",
            str(folder / "Dockerfile"),
            *arguments,
            str(folder),
            seconds=BUILD_SECONDS,
        )

    def build_previous(self, tag: str) -> str:
        """Build publisher and worker as they were on the schema's revision before the newest; the commit."""
        with tempfile.TemporaryDirectory() as made:
            commit = before_newest_migration(Path(made))
            for service in ("publisher", "worker"):
                dockerfile = str(Path(made) / f"Dockerfile.{service}")
                assert self.builder is not None, NO_BUILDER
                run(
                    *self.builder,
                    "-t",
                    f"corral-{service}:{tag}",
                    "-f",
                    dockerfile,
                    made,
                    seconds=BUILD_SECONDS,
                )
        return commit

    def derive(self, service: str, tag: str, *lines: str) -> None:
        """Build `corral-<service>:<tag>`: ours, and these lines of a Dockerfile."""
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "Dockerfile").write_text("\n".join([f"FROM {self.name(service)}", *lines, ""]))
            self.build(f"corral-{service}:{tag}", folder)


def builder() -> tuple[str, ...] | None:
    """The command that builds an image: what CORRAL_IMAGE_BUILD says, else that of the cluster beside the project."""
    words = shlex.split(os.environ.get("CORRAL_IMAGE_BUILD", ""))
    if not words and BESIDE.is_file() and os.geteuid() == 0:
        words = [str(BESIDE), "build"]
    return tuple(words) or None


def before_newest_migration(into: Path) -> str:
    """The sources of the last commit that knew nothing of the newest revision of the schema; that commit.

    What it lacks of today's way to build images is put beside it.
    """
    newest = max(path.name for path in (ROOT / VERSIONS).glob("[0-9]*.py"))
    added = _git("log", "--diff-filter=A", "--format=%H", "--", f"{VERSIONS}/{newest}").split()
    assert added, f"the history of {newest} is not here: a shallow clone has none"
    commit = _git("rev-parse", f"{added[-1]}^").strip()
    archive = into / "sources.tar"
    _git("archive", "--output", str(archive), commit)
    with tarfile.open(archive) as sources:
        sources.extractall(into, filter="data")
    for needed in (".dockerignore", "requirements", "Dockerfile.publisher", "Dockerfile.worker"):
        if (ROOT / needed).is_dir():
            shutil.copytree(ROOT / needed, into / needed, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / needed, into / needed)
    return commit


def _git(*arguments: str) -> str:
    return run("git", "-C", str(ROOT), *arguments)
