"""Where the worker's time goes while it runs jobs that do nothing: py-spy beside a lap."""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.contenders.corral import Corral
from bench.measuring.child import ROOT, Command, run, started
from bench.page import grid
from bench.section import Table
from bench.servers import Servers

JOBS = 60_000
RATE = 500
"""Samples a second."""
SECONDS = 4
SHOWN = 25
PY_SPY = Path(sys.executable).with_name("py-spy")
"""Of the environment that runs this, from requirements/bench.txt."""
FRAME = re.compile(r"^(?P<function>.+) \((?P<file>[^:]+)(?::\d+)?\)$")


def profile(servers: Servers, say: Callable[[str], None]) -> str:
    """The tables of a profile, as Markdown. Raises: RuntimeError where py-spy may not attach."""
    corral = Corral(JOBS)
    servers.reset()
    corral.seed(servers)
    servers.settle()
    with started(corral.commands(servers)) as children, TemporaryDirectory() as folder:
        worker = children["worker"]
        while corral.left(servers) == JOBS:
            worker.check()
            time.sleep(0.05)
        into = Path(folder, "stacks")
        say(f"sampling the worker for {SECONDS} s")
        run(
            Command(
                [
                    *(PY_SPY, "record", "--pid", str(worker.pid), "--duration", str(SECONDS)),
                    *("--rate", str(RATE), "--format", "raw", "--output", into, "--gil"),
                ]
            )
        )
        if corral.left(servers) == 0:
            raise RuntimeError(f"{JOBS} jobs were done before the profile was")
        return _tables(into.read_text().splitlines())


def _tables(lines: Iterable[str]) -> str:
    """Share of samples with the interpreter lock held: in a function itself, and under a package."""
    own: Counter[str] = Counter()
    packages: Counter[str] = Counter()
    under: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = [frame for frame in stack.split(";") if FRAME.match(frame)]
        if not frames:
            continue
        own[frames[-1]] += int(count)
        packages[_package(frames[-1])] += int(count)
        for frame in {frame for frame in frames if "corral" in frame}:
            under[frame] += int(count)
    total = own.total()
    return "\n\n".join(
        grid(
            Table(
                (title, "%"),
                tuple((name, f"{100 * count / total:.1f}") for name, count in counter.most_common(SHOWN)),
            )
        )
        for title, counter in (
            ("Package of the innermost frame", packages),
            ("Innermost function", own),
            ("Function of Corral's, with what it calls", under),
        )
    )


def _package(frame: str) -> str:
    found = FRAME.match(frame)
    path = found["file"] if found else frame
    path = path.removeprefix(f"{ROOT}/")
    if "site-packages/" in path:
        path = path.partition("site-packages/")[2]
    return path.split("/", 1)[0]
