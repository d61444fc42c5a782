"""Start a server, say where it is, and keep it until standard input ends. Run as a process of its own."""

import json
import sys
from pathlib import Path

from corral_local.servers.postgres import EmbeddedPostgres
from corral_local.servers.valkey import EmbeddedValkey

name, data, settings = sys.argv[1:]
make = {"EmbeddedPostgres": EmbeddedPostgres, "EmbeddedValkey": EmbeddedValkey}[name]
with make(Path(data), settings=json.loads(settings)) as server:
    print(json.dumps({"url": server.url, "pid": server.pid}), flush=True)  # noqa: T201  the test reads it
    sys.stdin.read()
