"""Ends servers that an earlier run left behind because it was killed with kill -9."""

from pathlib import Path

import psutil
import structlog

log = structlog.get_logger(__name__)

SHUTDOWN_SECONDS = 30.0
"""Seconds that such a server may take to shut down before it is killed."""


def stop_leftovers(program: str, home: Path, farewell: int) -> None:
    """End every process of `program` whose working folder is `home`.

    The caller holds the folder's lock, so no other process uses these servers. A server's working folder is its
    data folder: that, and no process id in a file, says which data it writes.
    """
    left = [process for process in psutil.process_iter(["name"]) if _works_in(process, program, home)]
    if not left:
        return
    log.warning("local.server_left_behind", program=program, data=str(home), pids=[p.pid for p in left])
    for process in left:
        try:
            if process.parent() not in left:  # its children stop with it
                process.send_signal(farewell)
                process.resume()  # a frozen one hears nothing
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(left, SHUTDOWN_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, SHUTDOWN_SECONDS)


def _works_in(process: psutil.Process, program: str, home: Path) -> bool:
    try:
        return process.info["name"] == program and process.cwd() == str(home)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False  # gone, or somebody else's, who could not write our data
