"""An Overpass and a Google that count who breaks their rules: those of `corral_local.stand_in`, with a key for Google."""

import asyncio
import signal
import sys

from corral_local.stand_in.http_server import StandInServer
from corral_local.stand_in.providers import StandIns

KEY = "the-key-of-the-demo"


async def serve() -> None:
    """Serve until told to end."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = StandInServer(StandIns(key=KEY).respond)
    sys.stdout.write(f"{await server.start('127.0.0.1', 0)}\n")
    sys.stdout.flush()
    await stop.wait()
    await server.close()


if __name__ == "__main__":
    asyncio.run(serve())
