"""The folder of one embedded server: its lock, its password, its port and its log."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from corral_local.errors import DataInUse, UnusableData
from corral_local.folder_lock import FolderLocked, lock
from corral_local.processes.log_file import ROTATE_BYTES, LogFile
from corral_local.servers.account import Account

MARKS = frozenset({"lock", "password", "port", "server.log"})
"""Files that mark a folder as one of Corral's. A folder with only other files is not used."""


class DataFolder:
    """The data folder of an embedded server, with lock, password, port and log. One process at a time may hold it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "server.log"
        self._lock: int | None = None

    def hold(self) -> Self:
        """Create the folder if necessary and lock it until `release` or the end of the process.

        Raises: UnusableData, DataInUse.
        """
        if self._lock is not None:
            return self
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            self._lock = lock(self.path / "lock", 0o644)
        except FolderLocked as other:
            raise DataInUse(self.path, other.owner) from None
        except FileExistsError:
            raise UnusableData(self.path, "it is a file") from None
        except OSError as error:
            raise UnusableData(self.path, error.strerror or str(error)) from error
        return self

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def admit(self, account: Account | None) -> None:
        """Let the server's account pass through this folder, without seeing what is in it."""
        if account is not None:
            self.path.chmod(0o711)

    def password(self) -> str:
        """The server's password, made at first use; only the owner of the folder can read the file."""
        file = self.path / "password"
        if not file.exists():
            partial = self.path / "password.partial"
            partial.unlink(missing_ok=True)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writer:
                writer.write(secrets.token_urlsafe(24))
            partial.rename(file)
        return file.read_text().strip()

    @property
    def has_password(self) -> bool:
        """Whether a password was made before."""
        return (self.path / "password").exists()

    @property
    def port(self) -> int | None:
        """The port of the last start, which is used again so that addresses stay valid."""
        try:
            return int((self.path / "port").read_text())
        except (FileNotFoundError, ValueError):
            return None

    @port.setter
    def port(self, port: int) -> None:
        (self.path / "port").write_text(f"{port}\n")

    @contextmanager
    def appending(self) -> Iterator[int]:
        """A descriptor to append to the log. A long one is set aside first; one old log is kept."""
        if self.log_size() > ROTATE_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        with LogFile(self.log).appending() as descriptor:
            yield descriptor

    def log_size(self) -> int:
        """The size of the log in bytes: what the next start writes begins there."""
        return LogFile(self.log).size()

    def log_since(self, start: int) -> str:
        """The log from byte `start` on; only the end of it where it is long."""
        return LogFile(self.log).tail(start)

    def _refuse_foreign(self) -> None:
        found = {entry.name for entry in self.path.iterdir()}
        if found and not found & MARKS:
            raise UnusableData(
                self.path,
                f"it holds other things ({', '.join(sorted(found)[:3])}); give an empty or a new folder",
            )
