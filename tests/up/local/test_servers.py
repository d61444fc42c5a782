"""Embedded servers: started twice, killed, fought over, refused."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.fixtures.waiting import eventually
from tests.up.local.kinds import Kind, Owner

from corral_local.errors import DataInUse, PortTaken, ServerFailed, UnusableData
from corral_local.ports import HOST
from corral_local.servers.orphans import SHUTDOWN_SECONDS
from corral_local.servers.server import EmbeddedServer, ServerPlace

Serve = Callable[..., EmbeddedServer]


def test_what_was_stored_is_there_at_the_second_start_at_the_same_address(kind: Kind, serve: Serve) -> None:
    with serve(kind) as first:
        kind.leave(first.url)
        url = first.url
    assert not first.running
    with serve(kind) as second:
        assert kind.find(second.url)
        assert second.url == url


def test_a_stopped_server_starts_again_from_the_same_object(kind: Kind, serve: Serve) -> None:
    server = serve(kind)
    server.start()
    kind.leave(server.url)
    pid, url = server.pid, server.url
    server.stop()
    assert server.pid is None
    server.start()
    assert server.pid != pid
    assert server.url == url
    assert kind.find(url)


def test_starting_a_running_server_changes_nothing(kind: Kind, serve: Serve) -> None:
    server = serve(kind)
    server.start()
    pid = server.pid
    server.start()
    assert server.pid == pid


def test_a_killed_server_is_seen_and_starts_again_with_its_data(kind: Kind, serve: Serve) -> None:
    server = serve(kind)
    server.start()
    kind.leave(server.url)
    url = server.url
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: not server.running)
    assert server.exit_code == 128 + signal.SIGKILL
    server.start()
    assert server.url == url
    assert kind.find(url)


def test_a_server_stops_when_its_parent_is_killed(kind: Kind, owner: Owner, serve: Serve) -> None:
    kind.leave(owner.url)
    owner.process.kill()
    eventually(lambda: not owner.server.is_running())
    with serve(kind) as server:
        assert server.url == owner.url
        assert kind.find(server.url)


@pytest.mark.needs("Linux", hasattr(os, "pidfd_open"), "its death signal")
def test_a_server_stops_when_its_guard_is_killed(kind: Kind, owner: Owner) -> None:
    owner.guard.kill()
    eventually(lambda: not owner.server.is_running())


def test_a_parent_killed_during_work_and_started_at_once_gets_its_data(
    kind: Kind, owner: Owner, serve: Serve
) -> None:
    kind.leave(owner.url)
    owner.process.kill()
    owner.process.wait()
    with serve(kind) as server:  # the old server may still be stopping
        assert kind.find(server.url)
        assert not owner.server.is_running()


def test_a_server_left_behind_is_ended_before_another_takes_its_data(kind: Kind, serve: Serve) -> None:
    first = serve(kind)
    first.start()
    kind.leave(first.url)
    home, port = first.home, first.port
    first.stop()
    left = _without_guard(first, home, port)
    try:
        eventually(lambda: kind.find(first.url), ignoring=(Exception,))
        with serve(kind) as second:
            assert left.poll() is not None
            assert kind.find(second.url)
            assert [process.pid for process in _serving(kind, home)] == [second.pid]
    finally:
        left.kill()
        left.wait()


def test_a_frozen_server_left_behind_is_woken_to_end_in_good_order(
    kind: Kind, owner: Owner, serve: Serve
) -> None:
    kind.leave(owner.url)
    owner.server.suspend()
    owner.guard.kill()
    owner.process.kill()
    owner.process.wait()
    begin = time.monotonic()
    with serve(kind) as server:
        assert time.monotonic() - begin < SHUTDOWN_SECONDS  # it was not killed for want of an answer
        assert not owner.server.is_running()
        assert kind.find(server.url)


def test_two_owners_of_one_folder_are_refused(kind: Kind, owner: Owner, serve: Serve, data: Path) -> None:
    with pytest.raises(DataInUse, match=str(data)) as refused:
        serve(kind).start()
    assert refused.value.owner == str(owner.process.pid)
    assert owner.server.is_running()


def test_so_are_two_in_one_process(kind: Kind, serve: Serve) -> None:
    serve(kind).start()
    with pytest.raises(DataInUse):
        serve(kind).start()


def test_a_server_outlives_the_thread_that_started_it(kind: Kind, serve: Serve) -> None:
    server = serve(kind)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    kind.leave(server.url)
    assert server.running


def test_the_terminal_does_not_reach_a_server(kind: Kind, serve: Serve) -> None:
    server = serve(kind)
    server.start()
    assert os.getsid(server.pid) != os.getsid(0)


def test_a_given_port_is_used(kind: Kind, serve: Serve) -> None:
    port = _free()
    with serve(kind, port=port) as server:
        assert server.port == port
        assert f"@{HOST}:{port}/" in server.url


def test_a_given_port_that_is_taken_is_named(kind: Kind, serve: Serve) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            serve(kind, port=port).start()


def test_the_last_port_is_given_up_when_it_is_taken(kind: Kind, serve: Serve) -> None:
    with serve(kind) as first:
        kind.leave(first.url)
        port = first.port
    with socket.create_server((HOST, port)), serve(kind) as second:
        assert second.port != port
        assert kind.find(second.url)


def test_a_port_taken_while_the_server_starts_is_passed_over(
    kind: Kind, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        ports = iter([taken.getsockname()[1], _free()])
        monkeypatch.setattr("corral_local.servers.server.free_ports", lambda: ports)
        with serve(kind) as server:
            assert server.port != taken.getsockname()[1]


def test_only_this_machine_can_connect_and_only_with_the_password(
    kind: Kind, serve: Serve, data: Path
) -> None:
    with serve(kind) as server:
        listening = [c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == "LISTEN"]
        assert listening == [HOST]
        password = (data / "password").read_text()
        assert len(password) >= 24
        assert password in server.url
        assert (data / "password").stat().st_mode & 0o777 == 0o600
        with pytest.raises(Exception, match=r"(?i)password"):
            kind.leave(server.url.replace(password, "guessed"))


def test_the_password_is_in_no_list_of_processes(kind: Kind, serve: Serve) -> None:
    with serve(kind) as server:
        shown = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        assert not [line for line in shown if server.folder.password() in line]
        environment = psutil.Process(server.pid).environ()
        assert environment.keys() <= {"PATH", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PGDATA"}


def test_a_folder_with_other_things_is_refused_and_left_alone(kind: Kind, serve: Serve, data: Path) -> None:
    data.mkdir()
    (data / "thesis.tex").write_text("x")
    before = data.stat().st_mode
    with pytest.raises(UnusableData, match=rf"{data} .*thesis\.tex"):
        serve(kind).start()
    assert [path.name for path in data.iterdir()] == ["thesis.tex"]
    assert data.stat().st_mode == before


def test_a_file_in_the_folder_s_place_is_refused(kind: Kind, serve: Serve, data: Path) -> None:
    data.write_text("x")
    with pytest.raises(UnusableData, match=f"{data} .*it is a file"):
        serve(kind).start()


def test_a_server_that_cannot_start_shows_what_it_said(kind: Kind, serve: Serve) -> None:
    server = serve(kind, settings=kind.settings | {"no_such_setting": "1"})
    with pytest.raises(ServerFailed, match=r"(?s)ended with 1.*no_such_setting"):
        server.start()
    assert not server.running
    with serve(kind) as again:  # and it holds nothing
        assert again.running


def test_a_server_that_is_not_ready_in_time_is_not_left_running(kind: Kind, serve: Serve) -> None:
    server = serve(kind)
    server.start()
    home = server.home
    server.stop()
    with pytest.raises(ServerFailed, match="not ready in time"):
        server.start(timeout=0)
    assert _serving(kind, home) == []


def test_discarded_data_are_gone(kind: Kind, serve: Serve, data: Path) -> None:
    with serve(kind) as server:
        server.discard()
    assert not data.exists()


def _without_guard(server: EmbeddedServer, home: Path, port: int) -> subprocess.Popen[bytes]:
    """The server's program on its data, started behind its back."""
    owner = home.stat()
    program = server._program(ServerPlace(home, port, None))
    become = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(
        program.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **become
    )
    process.stdin.write(program.given)
    process.stdin.close()
    return process


def _serving(kind: Kind, home: Path) -> list[psutil.Process]:
    """The main processes of servers that work in `home`."""
    name = kind.make.process_name
    found = {
        p.pid: p
        for p in psutil.process_iter(["name", "cwd", "ppid"])
        if p.info["name"] == name and p.info["cwd"] == str(home)
    }
    return [process for process in found.values() if process.info["ppid"] not in found]


def _free() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return probe.getsockname()[1]
