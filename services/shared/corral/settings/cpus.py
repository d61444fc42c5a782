"""How many CPUs this process may use."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""`<microseconds or max> <period>`. Source: Linux, cgroup-v2, cpu.max."""


def cpu_limit(quota: Path = _QUOTA) -> int:
    """Whole CPUs this process may use: its affinity, or its container's quota where that is less."""
    try:
        affinity = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        affinity = os.cpu_count() or 1
    try:
        spent, period = quota.read_text().split()
        return max(1, min(affinity, math.ceil(int(spent) / int(period))))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return affinity
