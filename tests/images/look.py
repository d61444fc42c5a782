"""Runs inside an image and prints, as JSON, what is there. It imports nothing but the standard library and Corral."""

import importlib
import importlib.metadata
import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

UNWANTED = ("pip", "pip3", "uv", "gcc", "cc", "make", "git", "curl", "wget")
TOPS = ("app", "etc", "home", "opt", "root", "srv", "usr", "var")
CACHES = ("/root/.cache", "/var/lib/apt/lists", "/build")


def below(folder: str) -> Iterator[Path]:
    """The folder and everything in it, on its own file system."""
    device = os.lstat(folder).st_dev
    for root, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if os.lstat(f"{root}/{one}").st_dev == device]
        yield Path(root)
        yield from (Path(root, one) for one in files)


def size(folder: str) -> int:
    """Bytes of the files in it."""
    return sum(one.lstat().st_size for one in below(folder) if not one.is_dir())


def writable(path: Path) -> bool:
    """Whether this user owns it or may write it."""
    status = path.lstat()
    anyone = status.st_mode & 0o002 and not status.st_mode & 0o1000 and not path.is_symlink()
    return status.st_uid == os.getuid() or bool(anyone)


def filled(folder: str) -> bool:
    """Whether there is something in it."""
    return os.access(folder, os.R_OK) and any(Path(folder).iterdir())


def found(modules: list[str]) -> list[str]:
    """Those of these modules that can be imported."""
    there = []
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        there.append(name)
    return there


def uncompiled(modules: list[str]) -> list[str]:
    """Modules that were imported from source because there is no bytecode."""
    for name in modules:
        importlib.import_module(name)
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if name != "__main__"
        and (getattr(module, "__file__", None) or "").endswith(".py")
        and getattr(module.__spec__, "origin", None) != "frozen"
        and not Path(getattr(module, "__cached__", None) or "/nothing").is_file()
    )


def orphans_left() -> int:
    """Leave a child's child behind, let it end, and count what nobody reaped."""
    subprocess.run(["sh", "-c", "sleep 0.1 & sleep 0.01 &"], check=True)
    time.sleep(0.5)
    states = [path.read_text().rpartition(")")[2].split()[0] for path in Path("/proc").glob("[0-9]*/stat")]
    return states.count("Z")


def main() -> None:
    packages = {one.name: one.version for one in importlib.metadata.distributions()}
    site = Path(importlib.import_module("corral").__file__ or "").parents[1]
    everything = [path for top in TOPS if Path(f"/{top}").is_dir() for path in below(f"/{top}")]
    report = {
        "packages": packages,
        "process_1": Path("/proc/1/comm").read_text().strip(),
        "uid": os.getuid(),
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "unwanted": [name for name in UNWANTED if shutil.which(name)],
        "caches": [folder for folder in CACHES if filled(folder)],
        "set_uid": [str(path) for path in everything if path.is_file() and path.lstat().st_mode & 0o6000],
        "sources": [str(path) for kind in ("c", "h", "pyx", "pxd") for path in site.rglob(f"*.{kind}")],
        "writable": [str(path) for path in everything if writable(path)],
        "found": found(sys.argv[1].split(",")),
        "uncompiled": uncompiled(sys.argv[2:]),
        "orphans_left": orphans_left(),
        "bytes": {"all": size("/"), "python": size("/usr/local"), "corral": size("/opt/corral")},
    }
    sys.stdout.write(json.dumps(report) + "\n")


main()
