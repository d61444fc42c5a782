"""The store's suite through a pooler in transaction mode, where PgBouncer is on PATH.

The pooler keeps two server connections and knows nothing of prepared statements,
so whatever a session should remember would be missed, or met by somebody else.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from tests.contract.subjects import of_store
from tests.fixtures.waiting import eventually

from corral.testing.conformance import StoreConformance
from corral.testing.subject import Subject

PGBOUNCER = shutil.which("pgbouncer")
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = options
"""


@pytest.mark.needs("pgbouncer", PGBOUNCER is not None, "Debian and Ubuntu: apt install pgbouncer")
class TestStoreBehindAPooler(StoreConformance):
    @pytest.fixture
    async def subject(self, database_url: str) -> AsyncIterator[Subject]:
        with _pooler(database_url) as pooled:
            async with of_store(database_url, pooled) as subject:
                yield subject


@contextmanager
def _pooler(url: str) -> Iterator[str]:
    """The same database through a PgBouncer of its own."""
    assert PGBOUNCER is not None
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pgbouncer.ini").write_text(
            CONFIGURATION.format(
                host=parts.hostname,
                port=parts.port,
                user=parts.username,
                password=parts.password,
                listen=listen,
            )
        )
        nobody = {"user": pwd.getpwnam("nobody").pw_uid} if os.geteuid() == 0 else {}
        process = subprocess.Popen([PGBOUNCER, "-q", folder / "pgbouncer.ini"], **nobody)
        try:
            eventually(lambda: _listens(listen))
            yield urlunsplit(parts._replace(netloc=f"{parts.username}:x@127.0.0.1:{listen}"))
        finally:
            process.terminate()
            process.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
