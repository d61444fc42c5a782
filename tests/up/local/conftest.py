"""Servers to start and to hurt; both kinds go through the same tests."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from tests.up.local.kinds import KINDS, Kind, Owner

from corral_local.servers.root_storage import RootStorage
from corral_local.servers.server import EmbeddedServer

OWNER = Path(__file__).with_name("owner.py")


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def data(server_folder: Path) -> Path:
    """A folder for one server, not there yet; whatever is below goes with the session's folder."""
    return server_folder / f"data-{uuid4().hex}"


@pytest.fixture
def root_storage(server_folder: Path) -> RootStorage:
    return RootStorage(server_folder / "shelter")


@pytest.fixture
def serve(data: Path, root_storage: RootStorage) -> Iterator[Callable[..., EmbeddedServer]]:
    """Make servers that are stopped after the test, whatever happens in it."""
    made: list[EmbeddedServer] = []

    def make(kind: Kind, folder: Path = data, **options: object) -> EmbeddedServer:
        made.append(kind.server(folder, root_storage=root_storage, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def owner(data: Path, kind: Kind) -> Iterator[Owner]:
    """A process that runs a server of this kind on `data`."""
    command = [sys.executable, str(OWNER), kind.name, str(data), json.dumps(kind.settings)]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            said = json.loads(process.stdout.readline())
            server = psutil.Process(said["pid"])
            try:
                yield Owner(process, said["url"], server)
            finally:
                with suppress(psutil.NoSuchProcess):
                    server.kill()  # a test that failed may have left it frozen
        finally:
            process.stdin.close()
            process.kill()
