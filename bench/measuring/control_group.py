"""A control group of Linux: the processes in it share so much of the processor and of memory, as those of a pod do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from bench.measuring import waiting
from bench.measuring.child import Command

PERIOD_MICROSECONDS = 100_000
"""In which a share of the processor is counted, as Kubernetes sets it."""
EMPTY_LIMIT = 15.0
"""Seconds in which the kernel must let go of a group whose processes have ended."""
PROCESS = Path("/proc/self")


class NoControlGroupError(Exception):
    """No group can be made here; the message says why."""


@dataclass(frozen=True)
class ControlGroup:
    """A group that bounds the processor, and memory where `bounds_memory` says so."""

    folder: Path
    bounds_memory: bool

    def inside(self, command: Command) -> Command:
        """The same command, as a process of this group from its first instruction on."""
        enter = 'echo $$ > "$0" && exec "$@"'
        return replace(command, argv=["sh", "-c", enter, str(self.folder / "cgroup.procs"), *command.argv])


@contextmanager
def control_group(
    processors: float, memory: int, process: Path = PROCESS, limit: float = EMPTY_LIMIT
) -> Iterator[ControlGroup]:
    """A group for that many processors and bytes of memory, removed at the end, when its processes have ended:
    within so many seconds, the `limit`.

    With version 1 of control groups the processor alone is bounded.

    Raises: NoControlGroupError where none can be made. RuntimeError when it cannot be removed.
    """
    quota = round(processors * PERIOD_MICROSECONDS)
    parent, version = _parent(process)
    if version == 2:
        bounds = {"cpu.max": f"{quota} {PERIOD_MICROSECONDS}", "memory.max": str(memory)}
    else:
        bounds = {"cpu.cfs_period_us": str(PERIOD_MICROSECONDS), "cpu.cfs_quota_us": str(quota)}
    try:
        folder = Path(mkdtemp(prefix="corral-bench-", dir=parent))
    except OSError as error:
        raise NoControlGroupError(f"{parent} takes no new group: {error.strerror}") from error
    try:
        for name, bound in bounds.items():
            _write(folder / name, bound)
        yield ControlGroup(folder, bounds_memory=version == 2)
    finally:
        waiting.until(lambda: _removed(folder), seconds=limit, what=f"{folder} can be removed")


def _parent(process: Path) -> tuple[Path, int]:
    """The folder in which a group can be made, and the version of control groups there.

    Of version 2 it is the nearest group above this process that hands the processor and memory on to its
    children; nothing is changed in it.
    """
    places = {(kind, options): Path(at) for at, kind, options in _mounts(process)}
    own = _own(process)
    for (kind, _), root in places.items():
        if kind == "cgroup2":
            here = root / own.get("", "")
            for group in (here, *here.parents):
                if {"cpu", "memory"} <= set(_words(group / "cgroup.subtree_control")):
                    return group, 2
                if group == root:
                    break
    for (kind, options), root in places.items():
        if kind == "cgroup" and "cpu" in options.split(","):
            return root / own.get("cpu", ""), 1
    raise NoControlGroupError("no group above this process hands the processor and memory on to new ones")


def _mounts(process: Path) -> Iterator[Sequence[str]]:
    """Where file systems are, of which kind, and their options. Source: proc(5), /proc/pid/mounts."""
    try:
        lines = (process / "mounts").read_text().splitlines()
    except OSError as error:
        raise NoControlGroupError(f"this system has no control groups: {error}") from error
    return (line.split()[1:4] for line in lines)


def _own(process: Path) -> dict[str, str]:
    """The group of this process by controller; that of version 2 has no name. Source: cgroups(7)."""
    found = {}
    for line in (process / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path.strip("/"))
    return found


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _write(file: Path, bound: str) -> None:
    try:
        file.write_text(bound)
    except OSError as error:
        raise NoControlGroupError(f"{file} cannot be written: {error.strerror}") from error


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # its last process is still ending
        return not folder.exists()
    return True
