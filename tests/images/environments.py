"""A virtual environment with what an image installs, made from its Dockerfile's own lines, on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from tests.images.belonging import ROOT, carried, dockerfile_of

INSTALLING_SECONDS = 900
COMMAND_SECONDS = 300

_LEFT_OUT = re.compile(r"cd \S*site-packages/(\S+) \\\n && rm -rf ([^\\\n]+)")
_IMPORTED = re.compile(r'^RUN PYTHONDONTWRITEBYTECODE= python -c "([^"]+)"', re.MULTILINE)


class Environment:
    """Of one image; `make` fills it."""

    def __init__(self, image: str, folder: Path) -> None:
        self.image, self.folder = image, folder
        self.python = str(folder / "bin" / "python")
        self._dockerfile = dockerfile_of(image).read_text()

    def make(self) -> None:
        """Install the lock and the wheels, and take out what the Dockerfile takes out."""
        wheels = self.folder / "wheels"
        _run(sys.executable, "-m", "venv", "--without-pip", str(self.folder))
        lock = str(ROOT / "requirements" / f"{self.image}.txt")
        self._install("--require-hashes", "--requirement", lock)
        for folder in carried(self.image):
            _run(
                *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"),
                *("--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT / "services" / folder)),
            )
        self._install("--no-index", "--no-deps", *(str(wheel) for wheel in wheels.glob("*.whl")))
        for package, names in _LEFT_OUT.findall(self._dockerfile):
            for name in names.split():
                if name.startswith("/"):
                    continue
                path = self.site / package / name
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    @cached_property
    def site(self) -> Path:
        """Where the packages are."""
        (found,) = self.folder.glob("lib/python3*/site-packages")
        return found

    @property
    def imported(self) -> str:
        """The line with which the image's own stage imports the service: the last one, or that of its target."""
        _, target, stage = self._dockerfile.partition(f"\nFROM runtime AS {self.image.partition('-')[2]}\n")
        return _IMPORTED.findall(stage)[0] if target else _IMPORTED.findall(self._dockerfile)[-1]

    def found(self, modules: tuple[str, ...]) -> list[str]:
        """Those of these modules that can be imported."""
        script = (
            "import importlib, json, sys\nthere = []\n"
            "for name in sys.argv[1:]:\n"
            "    try: importlib.import_module(name)\n"
            "    except ModuleNotFoundError: continue\n"
            "    there.append(name)\n"
            "print(json.dumps(there))\n"
        )
        found: list[str] = json.loads(self.run("-c", script, *modules).splitlines()[-1])
        return found

    def distributions(self) -> set[str]:
        """The names of all that is installed."""
        script = "import importlib.metadata as m; print(*(one.name for one in m.distributions()))"
        return set(self.run("-c", script).split())

    def run(self, *arguments: str, **environment: str) -> str:
        """What this Python prints, away from the repository; an AssertionError where it fails."""
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment}
        return _run(self.python, "-P", *arguments, folder=self.folder, environment=clean)

    def _install(self, *arguments: str) -> None:
        if uv := shutil.which("uv"):
            _run(uv, "pip", "install", "--quiet", "--python", self.python, *arguments)
        else:
            _run(sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", *arguments)


def _run(*command: str, folder: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    seconds = COMMAND_SECONDS if environment is not None else INSTALLING_SECONDS
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
    return done.stdout
