"""What processes cost: CPU seconds and memory, read from the kernel before and after, never sampled."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """CPU in seconds, memory as the peak of resident MiB summed over a process and its children."""

    cpu: float
    peak: float
    processes: int


def of(pid: int) -> Cost:
    """What the process and its children took until now."""
    members = family(pid)
    return Cost(sum(map(_with_ended, members)), sum(map(_peak, members)) / MIB, len(members))


def cpu_seconds(pid: int) -> float:
    """CPU seconds of the process, its children, and those of its children that ended and were waited for."""
    return sum(map(_with_ended, family(pid)))


def family(pid: int) -> list[psutil.Process]:
    """The process and its children, theirs too; nothing when it has ended."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def own_cpu(process: psutil.Process) -> float:
    """CPU seconds of this process alone; 0 when it has ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def own_cpu_milliseconds(pid: int) -> float:
    """CPU of this process alone, to the microsecond; 0 where the kernel does not tell, or it has ended.

    Source: the first number of /proc/pid/task/*/schedstat, in nanoseconds.
    """
    used = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            used += int(thread.read_text().split()[0])
    return used / 1e6


def own_resident(process: psutil.Process) -> int:
    """Bytes of memory of this process now; 0 when it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def own_share(process: psutil.Process) -> int:
    """Bytes of memory of this process now, a page that several processes share counted for each in part.

    Over the processes of a pod they add up to what its limit counts. Source: Pss in proc(5); elsewhere than on Linux,
    or of another account's process, all that is resident.
    """
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return own_resident(process)
    line = next((line for line in lines if line.startswith("Pss:")), None)
    return int(line.split()[1]) * 1024 if line else own_resident(process)


def _with_ended(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _peak(process: psutil.Process) -> int:
    """Bytes at its highest. Source: VmHWM in proc(5); elsewhere than on Linux the memory of now."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return own_resident(process)
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) * 1024 if line else own_resident(process)
