"""A folder for programs and data of the embedded servers where root's own folders can't be read by their account.

A checkout below /root, a virtual environment made under umask 077, pytest's temporary folders: root may work
there and the account of the servers may not even look. Their programs are then copied, once per version, and
their data live, below one folder of the machine; a link stands where the data were asked for. Nothing is ever
opened up to others for it, and no server keeps a right of root.

Removing the link does not remove the data: data are never deleted on a guess, but named in the log.
"""

import os
import secrets
import shutil
from importlib.metadata import version
from pathlib import Path

import structlog

from corral_local.errors import LocalServerError, UnusableData
from corral_local.servers.account import Account

log = structlog.get_logger(__name__)

SHELTERS = (Path("/var/lib/corral"), Path("/var/tmp/corral"))  # noqa: S108  checked to be root's alone
"""Candidates for that folder; the first that can be created is used."""

UNNEEDED = shutil.ignore_patterns("*.a", "include", "doc", "pgxs", "pkgconfig", "__pycache__", "*.py")


class RootStorage:
    """One folder that root owns and that every account may enter."""

    def __init__(self, *candidates: Path) -> None:
        self._candidates = candidates or SHELTERS

    def data(self, wanted: Path, account: Account | None) -> Path:
        """The folder that stands for `wanted`: itself, or the sheltered one that it links to.

        The folder need not exist yet; the folder above it does. Data that the account can no longer reach
        (somebody closed a folder above them, or moved the checkout) move into the shelter.

        Raises: UnusableData for a link that leads nowhere good.
        """
        if wanted.is_symlink():
            return self._follow(wanted, account)
        if account is None or account.can_reach(wanted):
            return wanted
        folder = self._folder("data")
        if unlinked := _unlinked(folder):
            log.warning("local.sheltered_data_without_link", folders=unlinked, hint="delete them by hand")
        target = folder / f"{wanted.parent.name}-{secrets.token_hex(6)}"
        if wanted.exists():
            shutil.move(wanted, target)
            for path in (target, *target.rglob("*")):  # a move to another disk loses the owner
                os.chown(path, account.uid, account.gid, follow_symlinks=False)
        _origin(target).write_bytes(os.fsencode(f"{wanted}\n"))
        wanted.symlink_to(target)
        log.info("local.data_sheltered", wanted=str(wanted), at=str(target), account=account.name)
        return target

    def program(self, package: Path, program: str, distribution: str, account: Account | None) -> Path:
        """The path of `program`, given relative to `package`, in the package or in its sheltered copy.

        `package` is the installed package's folder; auditwheel's libraries beside it come along.
        """
        installed = package / program
        if account is None or (account.can_use(installed) and account.can_use(package)):
            return installed
        home = self._folder("programs") / f"{distribution}-{version(distribution)}"
        if not home.exists():
            self._copy(package, home)
        return home / package.name / program

    def discard(self, wanted: Path) -> None:
        """Delete what `wanted` stands for, when it links into a shelter; plain folders are the caller's."""
        if wanted.is_symlink():
            target = wanted.resolve()
            shutil.rmtree(target)
            _origin(target).unlink(missing_ok=True)
            wanted.unlink()

    def _copy(self, package: Path, home: Path) -> None:
        """Copy a package so that nobody ever sees half of it."""
        partial = home.with_name(f"{home.name}.{secrets.token_hex(4)}")
        try:
            for source in (package, package.with_name(f"{package.name}.libs")):
                if source.is_dir():
                    shutil.copytree(source, partial / source.name, ignore=UNNEEDED)
            for path in (partial, *partial.rglob("*")):
                executable = path.is_dir() or os.access(path, os.X_OK)
                path.chmod(0o755 if executable else 0o644)
            partial.rename(home)
        except OSError:
            if not home.exists():  # somebody else was not faster either
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _follow(self, link: Path, account: Account | None) -> Path:
        """Where `link` leads, unless it is the copy of a link that still stands."""
        target = link.resolve()
        if account is not None and not account.can_reach(target):
            raise UnusableData(link, f"it links to {target}, which {account.name} cannot reach")
        origin = _origin(target)
        if not origin.exists():
            return target
        first = _named_by(origin)
        if first != link and first.is_symlink() and first.resolve() == target:
            raise UnusableData(
                link, f"it is a copy of the link {first}, whose data it would share; remove it"
            )
        if first != link:
            origin.write_bytes(os.fsencode(f"{link}\n"))
        return target

    def _folder(self, name: str) -> Path:
        """`name` in the first shelter that is there, or can be made, and is root's alone."""
        reasons = []
        for root_storage in self._candidates:
            folder = root_storage / name
            try:
                for path in (root_storage, folder):
                    path.mkdir(exist_ok=True, parents=True)
                    found = path.lstat()
                    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
                        reasons.append(f"{path} is not root's alone")
                        break
                    path.chmod(0o755)  # whatever the umask
                else:
                    return folder
            except OSError as error:
                reasons.append(str(error))
        raise LocalServerError(f"no folder that an unprivileged user can reach: {'; '.join(reasons)}")


def _origin(target: Path) -> Path:
    """The file beside sheltered data that names the link to them."""
    return target.with_name(f"{target.name}.origin")


def _named_by(origin: Path) -> Path:
    """The link that such a file names."""
    return Path(os.fsdecode(origin.read_bytes().strip()))


def _unlinked(folder: Path) -> list[str]:
    """Sheltered data that no link leads to, as far as one can see: a disk may be away just now."""
    return [
        str(origin.with_suffix(""))
        for origin in sorted(folder.glob("*.origin"))
        if origin.with_suffix("").exists() and not _named_by(origin).is_symlink()
    ]
