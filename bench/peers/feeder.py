"""Queues jobs of one type each time a number comes in: `python -P feeder.py DSN REDIS_URL TYPE`, in any checkout of Corral.

It imports the `bench` of that checkout, which installs and submits as its Corral does.
"""

import sys
from types import SimpleNamespace
from typing import Any

from bench.installation import Installation


def main(dsn: str, redis_url: str, type_name: str) -> None:
    servers: Any = SimpleNamespace(dsn=lambda: dsn, redis_url=redis_url)
    installation = Installation(servers)
    installation.install()
    with installation.feed(type_name) as feed:
        print("ready", flush=True)
        for line in sys.stdin:
            feed(int(line))
            print("queued", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
