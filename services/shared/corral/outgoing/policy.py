"""Which addresses may be reached: hosts of the internet, and the networks that a setting allows."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_network

from corral.outgoing.addresses import METADATA, Address, Network, inner_addresses, special_kind


class AddressPolicy:
    """The public internet, and what is allowed beside it."""

    def __init__(self, allowed: Iterable[str | Network] = ()) -> None:
        """`allowed` are networks in CIDR form; one of a single metadata address allows that one alone.

        Raises:
            ValueError: one of them is no network.
        """
        self._allowed: tuple[Network, ...] = tuple(map(ip_network, allowed))

    def refusal(self, address: Address) -> str | None:
        """Why the address may not be reached, as the end of a sentence that begins with it; None: it may.

        An IPv6 address that leads to an IPv4 one is fit if both are.
        """
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            return f"belongs to one interface ({address.scope_id}) of this machine"
        if address in METADATA:
            return None if ip_network(address) in self._allowed else "is a metadata service of a cloud"
        for inner in inner_addresses(address):
            if reason := self.refusal(inner):
                return f"leads to {inner}, which {reason}"
        kind = special_kind(address)
        if kind is None or any(address in network for network in self._allowed):
            return None
        return f"is {kind}"
