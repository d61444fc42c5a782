"""The machine that the numbers belong to; a number without it says nothing."""

import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import redis
from rq.version import VERSION

from bench.servers import DATA, Servers

SYNCS = 200


def describe(servers: Servers) -> dict[str, str]:
    """Facts by name, in the order to print."""
    with psycopg.connect(servers.dsn("postgres")) as connection:
        settings = connection.execute(
            "SELECT name, current_setting(name) FROM unnest(ARRAY['server_version', 'shared_buffers', 'fsync', "
            "'synchronous_commit', 'commit_delay', 'max_connections']) AS name"
        ).fetchall()
    found = {name: str(value) for name, value in settings}
    info = redis.Redis.from_url(servers.redis_url).info("server")
    return {
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "System": f"{platform.system()} {platform.release()}, Python {platform.python_version()}, Node {_node()}",
        "One fdatasync of 8 KiB": f"{_sync_time() * 1e6:.0f} µs",
        "Postgres": f"{found.pop('server_version')} ("
        + ", ".join(f"{k} {v}" for k, v in found.items())
        + ")",
        "Redis": f"Valkey {info.get('valkey_version', '?')}"
        if "valkey_version" in info
        else f"Redis {info['redis_version']}",
        "RQ": VERSION,
        "Load of the machine at the start": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _node() -> str:
    if shutil.which("node") is None:
        return "missing"
    return (
        subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
        .stdout.strip()
        .lstrip("v")
    )


def _sync_time() -> float:
    """Seconds of one small synced write: what bounds commits that aren't grouped."""
    with tempfile.TemporaryFile(dir=DATA) as file:
        start = time.perf_counter()
        for _ in range(SYNCS):
            os.pwrite(file.fileno(), b"x" * 8192, 0)
            os.fdatasync(file.fileno())
        return (time.perf_counter() - start) / SYNCS
