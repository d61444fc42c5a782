"""The folder of a local system (`.corral`): its lock, its secrets, its logs, and the addresses for clients."""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil

from corral_local.errors import SystemInUse, UnusableData
from corral_local.folder_lock import FolderLocked, lock
from corral_local.processes.processes import SupervisedProcess

MARK = "corral.lock"
BENCH = "bench"
"""The beginning of the names that benchmarks use in the same folder."""
WORKER_LOGS = "up-*.log*"
KEPT_LOGS = 20
ORPHAN_GRACE_SECONDS = 5.0
"""Seconds that processes of a killed `corral up` have to end by themselves."""


class Home:
    """A `.corral` folder. One `corral up` at a time may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        """The folder with the logs of Corral's processes."""
        return self.folder / "logs"

    @property
    def client_file(self) -> Path:
        """The file from which the command line reads how to reach this system."""
        return self.folder / "client.toml"

    @property
    def services_file(self) -> Path:
        """The settings that services need to join this system, as an env file."""
        return self.folder / "services.env"

    @property
    def _record(self) -> Path:
        return self.folder / "up.json"

    def hold(self) -> None:
        """Create the folder and lock it until the end of this process.

        Raises:
            SystemInUse: another `corral up` runs on it.
            UnusableData: it can't be made, or holds other things.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = sorted(entry.name for entry in self.folder.iterdir() if not entry.name.startswith(BENCH))
            if found and MARK not in found:
                raise UnusableData(
                    self.folder,
                    f"it holds other things ({', '.join(found[:3])}); give an empty or a new folder",
                )
            self._lock = lock(self.folder / MARK, 0o600)  # first: by this file the folder is known as ours
            self.logs.mkdir(exist_ok=True)
        except FolderLocked as other:
            url = str(self._read_record().get("url", ""))
            raise SystemInUse(self.folder, other.owner or "unknown", url) from None
        except FileExistsError:
            raise UnusableData(self.folder, "it is a file") from None
        except OSError as error:
            raise UnusableData(self.folder, error.strerror or str(error)) from error

    def prune_logs(self) -> None:
        """Remove the oldest logs of workers: each new worker begins a new one."""
        logs = sorted(self.logs.glob(WORKER_LOGS), key=lambda path: path.stat().st_mtime)
        for log in logs[:-KEPT_LOGS]:
            log.unlink()

    def release(self) -> None:
        """Record that nothing runs here, and release the lock."""
        if self._lock is not None:
            self._record.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def record(self, url: str, kept: Iterable[SupervisedProcess]) -> None:
        """Record the running processes, so that the next run can end them if this one is killed with kill -9."""
        processes = [
            {"name": one.name, "pid": pid, "started": started}
            for one in kept
            if (pid := one.pid) is not None and (started := _started(pid)) is not None
        ]
        _write(self._record, json.dumps({"pid": os.getpid(), "url": url, "processes": processes}, indent=1))

    def end_leftovers(self) -> list[str]:
        """End processes that a killed run left behind; returns their names. Blocks."""
        found: dict[str, psutil.Process] = {}
        for entry in self._read_record().get("processes", ()):
            pid, started = int(entry["pid"]), float(entry["started"])
            if _started(pid) == started:  # and not another program that was given the number
                found[str(entry["name"])] = psutil.Process(pid)
        _, alive = psutil.wait_procs(list(found.values()), ORPHAN_GRACE_SECONDS if found else 0)
        for stop in (psutil.Process.terminate, psutil.Process.terminate, psutil.Process.kill):
            for process in alive:
                try:
                    stop(process)
                except psutil.NoSuchProcess:
                    continue
            _, alive = psutil.wait_procs(alive, ORPHAN_GRACE_SECONDS if alive else 0)
        return list(found)

    def client(self) -> dict[str, str]:
        """The content of the client file."""
        try:
            return {
                name: str(value)
                for name, value in tomllib.loads(self.client_file.read_text(encoding="utf-8")).items()
            }
        except (FileNotFoundError, tomllib.TOMLDecodeError):
            return {}

    def write_client(self, url: str, key: str) -> None:
        """Write the client file, by which the command line finds this system."""
        _write(self.client_file, f"url = {json.dumps(url)}\nkey = {json.dumps(key)}\n")

    def write_services(self, settings: Mapping[str, str]) -> None:
        """Write the services file, by which `corral worker` and other services started by hand join this system."""
        lines = [f"{name}='{value}'" for name, value in settings.items()]
        _write(self.services_file, "\n".join(["# Written by corral up at each start.", *lines, ""]))

    def _read_record(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._record.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return {}


def _started(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def _write(file: Path, text: str) -> None:
    """Write a file atomically, readable only by its owner."""
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(
        os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as writer:
        writer.write(text)
    partial.replace(file)
