"""What starting takes: a command that explains itself, one that asks a publisher, and a worker until its first claim."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import web
from bench.measuring.child import ROOT, started
from bench.section import Section, Table
from bench.servers import Servers

RUNS = 20
WORKERS = 10
CLAIM_LIMIT = 30.0
"""Seconds in which a new worker must claim."""
POLL_SECONDS = 0.005
TEXT = """\
Each process is started anew, with its modules compiled before. Time is from its start to its end, or for a worker to
the start of its first job, by the clock that both share; CPU is user and system time of the command."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    installation = Installation.fresh(servers)
    key, port = installation.key(), web.free_port()
    with started({"publisher": installation.publisher(port, WEB_WORKERS="1")}) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        env = {"CORRAL_URL": f"http://127.0.0.1:{port}", "CORRAL_KEY": key}
        runs = max(3, round(RUNS * effort.share))
        told = _command(["--help"], env, runs)
        listed = _command(["jobs", "list"], env, runs)
    claims = [_first_claim(installation, servers) for _ in range(max(3, round(WORKERS * effort.share)))]
    claimed = sorted(claims)[min(len(claims) - 1, int(0.9 * len(claims)))]
    say(f"help {told[0]:.0f} ms, jobs list {listed[0]:.0f} ms, first claim {1000 * claimed:.0f} ms (p90)")
    return Section(
        title="Starting",
        text=TEXT,
        tables=(
            Table(
                ("Command", "median ms", "CPU ms"),
                (
                    ("corral --help", f"{told[0]:.0f}", f"{told[1]:.0f}"),
                    ("corral jobs list", f"{listed[0]:.0f}", f"{listed[1]:.0f}"),
                    ("worker to its first claim, p90", f"{1000 * claimed:.0f}", ""),
                ),
            ),
        ),
        goals=(
            Goal("start_help_ms", told[0], "<=", 150, "ms"),
            Goal("start_jobs_list_ms", listed[0], "<=", 300, "ms"),
            Goal("start_worker_to_first_claim_p90_s", claimed, "<=", 1, "s"),
        ),
    )


def _command(arguments: Sequence[str], env: dict[str, str], runs: int) -> tuple[float, float]:
    """Milliseconds that the command takes, and its CPU: medians."""
    program = [sys.executable, str(Path(sys.executable).with_name("corral")), *arguments]
    found = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        process = subprocess.Popen(
            program,
            env={**os.environ, **env, "PYTHONDONTWRITEBYTECODE": ""},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{program} ended with {process.returncode}")
        found.append((1000 * (time.perf_counter() - began), 1000 * (used.ru_utime + used.ru_stime)))
    times, cpu = zip(*found[1:], strict=True)  # the first may have compiled modules
    return statistics.median(times), statistics.median(cpu)


def _first_claim(installation: Installation, servers: Servers) -> float:
    """Seconds from the start of a worker's process to the start of the one job that waits."""
    installation.seed(1)
    with psycopg.connect(servers.dsn(), autocommit=True) as connection:
        began = time.time()
        with started({"worker": installation.worker()}) as children:
            while time.time() < began + CLAIM_LIMIT:
                row = connection.execute(
                    "SELECT extract(epoch FROM max(started_at)) FROM corral.jobs WHERE started_at > to_timestamp(%s)",
                    (began,),
                ).fetchone()
                if row is not None and row[0] is not None:
                    return float(row[0]) - began
                children["worker"].check()
                time.sleep(POLL_SECONDS)
    raise RuntimeError(f"no claim within {CLAIM_LIMIT:.0f} s")
