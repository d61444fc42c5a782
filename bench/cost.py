"""What processes cost: CPU seconds and memory, read from the kernel before and after, never sampled."""

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


def cpu_seconds(pid: int) -> float:
    """CPU seconds of the process, its children, and those of its children that ended and were waited for."""
    return sum(_cpu(process) for process in _family(pid))


def resident(pid: int) -> float:
    """Resident memory of the process and its children now, in MiB."""
    return sum(_rss(process) for process in _family(pid)) / MIB


def peak_resident(pid: int) -> float:
    """The sum of the peaks of the process and its living children, in MiB.

    Source: VmHWM in proc(5); elsewhere than on Linux the memory of now.
    """
    return sum(_peak(process) for process in _family(pid)) / MIB


def processes(pid: int) -> int:
    return len(_family(pid))


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _peak(process: psutil.Process) -> int:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return _rss(process)
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) * 1024 if line else _rss(process)
