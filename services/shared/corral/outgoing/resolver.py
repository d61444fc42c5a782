"""The addresses of a name, as the machine's resolver knows them."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from corral.errors import FailureReason, OutgoingFailed
from corral.outgoing.addresses import Address

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Takes a host's name and a port, and answers every address; raises OutgoingFailed where there is none."""


async def system_resolver(host: str, port: int) -> Sequence[Address]:
    """What getaddrinfo says: hosts file, search domains and servers are the machine's.

    Raises:
        OutgoingFailed: the name has no address, or the resolver did not answer.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError) as error:
        raise OutgoingFailed(
            FailureReason.NAME, host, f"its name has no address: {error.args[-1] if error.args else error}"
        ) from error
    return tuple(dict.fromkeys(ip_address(place[0]) for *_, place in found))
