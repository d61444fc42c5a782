"""A program that is no job asks the provider, too: it holds one of the limit's slots while it does.

CORRAL_URL=https://corral.example.com CORRAL_KEY=... python ask_from_a_script.py
"""

import sys

from corral.client import Client, Connection


def main() -> None:
    """Wait for a slot as long as it takes; others may have it as soon as the block ends."""
    with Client(Connection.find()) as client, client.limit_slot("ask-provider", program="ask_from_a_script"):
        sys.stdout.write("asking\n")  # here is the call


if __name__ == "__main__":
    main()
