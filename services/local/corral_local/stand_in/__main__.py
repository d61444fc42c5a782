"""`python -m corral_local.stand_in`: serve the stand-ins until interrupted; the first line says where."""

import argparse
import asyncio
import contextlib
import signal
import sys

from corral_local.stand_in.http_server import StandInServer
from corral_local.stand_in.providers import StandIns


async def _serve(host: str, port: int, key: str, seconds: float) -> None:
    server = StandInServer(StandIns(key=key, seconds=seconds).respond)
    found = await server.start(host, port)
    sys.stdout.write(f"http://{host}:{found}\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.close()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(
        prog="corral_local.stand_in", description="Stand-ins for Overpass and Google."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any")
    parser.add_argument("--key", default="", help="what Google wants in X-Goog-Api-Key; empty: nothing")
    parser.add_argument("--seconds", type=float, default=0.05, help="that an answer takes")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.host, given.port, given.key, given.seconds))


if __name__ == "__main__":
    main()
