"""A line end behind a password in a Secret, as many a file has one, keeps nobody out."""

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from tests.chart.helm import CHART, Helm, Refused
from tests.chart.objects import of_kind
from tests.chart.releases.api_server import serving
from tests.fixtures.waiting import eventually

from corral_local.servers.valkey import BINARY, PACKAGE, WHEEL
from corral_local.servers.wheels import package_folder

PROGRAM = next(package_folder(PACKAGE, server="Valkey", wheel=WHEEL).glob(BINARY))


@contextmanager
def started(folder: Path, password: str) -> Iterator[Path]:
    """The server as the chart's script starts it with this password; yields its socket."""
    (folder / "redis-server").symlink_to(PROGRAM)
    socket = folder / "socket"
    (folder / "redis.conf").write_text(f'port 0\nunixsocket {socket}\nsave ""\ndir {folder}\n')
    script = (CHART / "files/redis-start.sh").read_text()
    script = script.replace("/tmp/redis.conf", str(folder / "made.conf")).replace(
        "/etc/redis/conf", str(folder)
    )
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "REDIS_PASSWORD": password}
    with subprocess.Popen(["sh", "-c", script], env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            eventually(socket.exists)
            yield socket
        finally:
            server.terminate()


def opens(socket: Path, password: str) -> bool:
    with redis.Redis(unix_socket_path=str(socket), password=password) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return False


@pytest.mark.parametrize("behind", ["", "\n", "\r\n"])
def test_redis_takes_its_password_with_and_without_the_line_end(tmp_path: Path, behind: str) -> None:
    """The services take it away, and KEDA sends what stands in the Secret."""
    with started(tmp_path, 'a"b \\n' + behind) as socket:
        assert opens(socket, 'a"b \\n')
        assert opens(socket, 'a"b \\n' + behind)
        assert not opens(socket, 'a"b \\n\r')
        assert not opens(socket, "another")


@pytest.mark.parametrize("behind", ["", "\n", "\r\n", "\n\n"])
def test_a_line_end_behind_postgres_password_is_none_of_it(tmp_path: Path, behind: str) -> None:
    """psql takes away one of them alone."""
    kept = tmp_path / "password"
    kept.write_bytes(f"a'b c{behind}".encode())
    script = (CHART / "files/postgres-init.sh").read_text()
    command = script.split("\\set password `", 1)[1].split("`", 1)[0]
    command = command.replace("/etc/postgres/auth/password", str(kept))
    said = subprocess.run(["sh", "-c", command], check=True, capture_output=True).stdout
    assert said == b"a'b c"


@pytest.mark.parametrize("keda", [True, False])
def test_kedas_password_of_another_redis_has_no_line_end(each_helm: Helm, tmp_path: Path, keda: bool) -> None:
    """KEDA would send it, and that Redis would know nobody of this name."""
    values = {
        "existingSecret": "ours", "operator": {"enabled": not keda}, "keda": {"enabled": keda},
        "redis": {"enabled": False, "external": {"host": "cache"}},
    }  # fmt: skip

    def rendered(password: str) -> bool:
        secret = {"kind": "Secret", "metadata": {"name": "ours", "namespace": "jobs"}, "data": {"redis-password": base64.b64encode(password.encode()).decode()}}  # fmt: skip
        folder = tmp_path / password.strip()
        folder.mkdir(exist_ok=True)
        with serving([secret], each_helm.variant("keda") + each_helm.variant("defaults"), folder) as cluster:
            return bool(of_kind(each_helm.render(*cluster, values=values), "ScaledObject"))

    assert rendered("plain") is keda
    if keda:
        with pytest.raises(
            Refused, match=r'redis.auth: the key "redis-password" of the Secret ours ends with'
        ):
            rendered("file\n")
    else:
        assert not rendered("file\n")
