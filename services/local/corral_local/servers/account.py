"""The user account for the embedded servers: never root, because Postgres refuses to run as root."""

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corral_local.errors import UnusableData

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """A user account, with its primary group."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The user's name, or its number when it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"user {self.uid}"

    def can_use(self, path: Path) -> bool:
        """Whether the account can reach the existing `path` and read it (a folder: list and enter it).

        From the permission bits alone; access lists are not asked.
        """
        real = path.resolve()
        wanted = stat.S_IROTH | (stat.S_IXOTH if real.is_dir() or os.access(real, os.X_OK) else 0)
        return self._has(real, wanted) and self.can_reach(path)

    def can_reach(self, path: Path) -> bool:
        """Whether the account may enter every folder above `path`, as far as those exist."""
        return all(self._has(folder, stat.S_IXOTH) for folder in _existing_parents(path))

    def _has(self, path: Path, bits: int) -> bool:
        """Whether the account has `bits`, given as those of others, on `path`."""
        found = path.stat()
        if found.st_uid == self.uid:
            bits <<= 6
        elif found.st_gid == self.gid:
            bits <<= 3
        return found.st_mode & bits == bits


def account_for(data: Path) -> Account | None:
    """The account to run a server on `data` under; None means as we are.

    Only root changes: to the owner of data that is there already, else to who called sudo, else to nobody.
    `data` is the folder that the server itself writes.

    Raises: UnusableData when the data belongs to somebody we cannot become, or nobody is unknown here.
    """
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            belongs_to = Account(owner.st_uid, owner.st_gid).name
            raise UnusableData(data, f"it belongs to {belongs_to}; run as that user or as root")
        return None
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    caller = os.environ.get("SUDO_UID", "")
    try:
        entry = pwd.getpwuid(int(caller)) if caller.isdecimal() and int(caller) else pwd.getpwnam(NOBODY)
    except KeyError:
        raise UnusableData(data, f"Postgres refuses root, and there is no user {NOBODY} to run as") from None
    return Account(entry.pw_uid, entry.pw_gid)


def _existing_parents(path: Path) -> Iterator[Path]:
    for folder in path.resolve().parents:
        if folder.is_dir():
            yield folder
