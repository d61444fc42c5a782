"""A program that is no handler: it holds a slot of a limit, says so, and never gives it back by itself."""

import signal
import sys

from corral.client import Client, Connection


def main() -> None:
    """Hold a slot of the limit that is named, until this is killed."""
    with Client(Connection.find()) as client, client.limit_slot(sys.argv[1], program="slot_holder"):
        sys.stdout.write("held\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
