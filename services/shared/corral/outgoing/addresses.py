"""What an IP address is for, if it is not simply a host of the internet."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA = frozenset(
    map(
        ip_address,
        (
            *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.253", "169.254.169.123"),
            *("fd00:ec2::254", "fd00:ec2::23", "fd00:ec2::253", "fd00:ec2::123"),  # Amazon, with its resolver
            "fd20:ce::254",  # Google
            *(
                "168.63.129.16",
                "169.254.0.23",
                "100.100.100.200",
                "192.0.0.192",
            ),  # Azure, Tencent, Alibaba, Oracle
        ),
    )
)
"""Where clouds tell a machine its secrets. Source: each provider's documentation of its instance metadata."""

_SPECIAL: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "of this network alone"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared inside a provider's network"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved for protocols"),
    ("192.0.2.0/24", "for documentation"),
    ("192.88.99.0/24", "a relay's of 6to4"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for benchmarks"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "of no host"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "an IPv4 address mapped into IPv6"),
    ("::ffff:0:0:0/96", "an IPv4 address translated into IPv6"),
    ("64:ff9b::/96", "an IPv4 address behind NAT64"),
    ("64:ff9b:1::/48", "an IPv4 address behind a local NAT64"),
    ("::/96", "an IPv4 address written as IPv6"),
    ("100::/64", "discarded"),
    ("2001::/32", "an IPv4 address behind Teredo"),
    ("2001::/23", "reserved for protocols"),
    ("2001:db8::/32", "for documentation"),
    ("2002::/16", "an IPv4 address behind 6to4"),
    ("3fff::/20", "for documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
"""Networks that are no part of the public internet, the narrower ones first.

Source: IANA, IPv4 and IPv6 Special-Purpose Address Registries; RFC 4291 (compatible, mapped, site-local), RFC 2765
(translated). Those that IANA calls globally reachable are left out, but for what leads to an IPv4 address inside.
"""
SPECIAL: tuple[tuple[Network, str], ...] = tuple((ip_network(text), kind) for text, kind in _SPECIAL)
PUBLIC_IPV6 = ip_network("2000::/3")
"""Everything else of IPv6 is not given out. Source: IANA, Internet Protocol Version 6 Address Space."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address that tunnels to the IPv4 address in its last. Source: RFC 5214, section 6.1."""
_LAST_32 = tuple(
    map(ip_network, ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
)


def special_kind(address: Address) -> str | None:
    """What the address is, as the end of a sentence that begins with it and `is`; None: a host of the internet."""
    for network, kind in SPECIAL:
        if address in network:
            return kind
    if isinstance(address, IPv6Address):
        if address not in PUBLIC_IPV6:
            return "in no network that is given out"
        if _is_isatap(address):
            return "an IPv4 address behind ISATAP"
    return None


def inner_addresses(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses to which gateways may send what is sent to this one."""
    if not isinstance(address, IPv6Address) or address.packed[:15] == bytes(15):  # :: and ::1 hold none
        return ()
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if _is_isatap(address) or any(address in network for network in _LAST_32):
        return (IPv4Address(address.packed[12:]),)
    return ()


def _is_isatap(address: IPv6Address) -> bool:
    return int.from_bytes(address.packed[8:12]) in _ISATAP
