from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import Url

from corral.errors import OutgoingRefused
from corral.outgoing.addresses import METADATA, SPECIAL
from corral.outgoing.policy import AddressPolicy
from corral.outgoing.url import parse

POLICY = AddressPolicy()
INNER = {
    "mapped": lambda v4: (0xFFFF << 32) | v4,
    "compatible": lambda v4: v4,
    "translated": lambda v4: (0xFFFF << 48) | v4,
    "NAT64": lambda v4: (0x64FF9B << 96) | v4,
    "local NAT64": lambda v4: (0x64FF9B0001 << 80) | v4,
    "6to4": lambda v4: (0x2002 << 112) | (v4 << 80) | 1,
    "Teredo": lambda v4: (0x20010000 << 96) | (0x5DB8D70E << 64) | (v4 ^ 0xFFFFFFFF),
    "ISATAP": lambda v4: (0x26064700 << 96) | (0x5EFE << 32) | v4,
}
WRAPPING = [
    "::ffff:0:0/96",
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2002::/16",
    "2001::/32",
]


def edges():
    for network, _ in SPECIAL:
        for number in (int(network[0]), int(network[-1])):
            for near in (number - 1, number, number + 1):
                if 0 <= near < 2**network.max_prefixlen:
                    yield type(network[0])(near)


@pytest.mark.parametrize("address", sorted(set(edges()), key=str), ids=str)
def test_at_every_edge_nothing_is_let_out_that_the_standard_library_calls_inside(address):
    if POLICY.refusal(address) is None:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses())
def test_nothing_is_let_out_that_the_standard_library_calls_inside(address):
    if POLICY.refusal(address) is None:
        assert address.is_global


@given(st.ip_addresses(v=4))
def test_of_ipv4_only_a_few_are_refused_that_the_standard_library_calls_public(address: IPv4Address):
    ours = POLICY.refusal(address)
    known = address.is_multicast or address in METADATA or address in ip_network("192.88.99.0/24")
    known = known or address in ip_network("192.0.0.0/24")
    assert (ours is None) == (address.is_global and not known)


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "93.184.215.14"])
@pytest.mark.parametrize("form", INNER)
def test_an_address_inside_another_one_is_refused(form: str, inner: str):
    assert POLICY.refusal(IPv6Address(INNER[form](int(IPv4Address(inner)))))


@pytest.mark.parametrize("form", [form for form in INNER if form != "ISATAP"])
def test_where_the_outer_network_is_allowed_the_inner_address_is_looked_at_all_the_same(form: str):
    policy = AddressPolicy(WRAPPING)
    refused = policy.refusal(IPv6Address(INNER[form](int(IPv4Address("10.0.0.1")))))
    assert refused is not None
    assert "leads to 10.0.0.1" in refused
    assert policy.refusal(IPv6Address(INNER[form](int(IPv4Address("93.184.215.14"))))) is None


def test_a_network_is_allowed_by_name_and_its_neighbours_are_not():
    policy = AddressPolicy(["10.20.0.0/16", "fd12::/32"])
    assert policy.refusal(ip_address("10.20.255.255")) is None
    assert policy.refusal(ip_address("fd12::1")) is None
    assert policy.refusal(ip_address("10.21.0.0")) == "is private"
    assert policy.refusal(ip_address("fd13::1")) == "is private"


@pytest.mark.parametrize("address", sorted(METADATA, key=str), ids=str)
def test_a_metadata_service_is_reached_only_where_its_one_address_is_named(address):
    assert AddressPolicy(["0.0.0.0/0", "::/0"]).refusal(address) == "is a metadata service of a cloud"
    assert AddressPolicy([str(address)]).refusal(address) is None


def test_an_address_of_one_interface_is_refused():
    assert "interface (eth0)" in (AddressPolicy(["fe80::/10"]).refusal(IPv6Address("fe80::1%eth0")) or "")


def parts(number: int, sizes: list[int]) -> list[int]:
    """The number's bytes in groups, as inet_aton takes them."""
    raw = number.to_bytes(4)
    cut = [sum(sizes[:at]) for at in range(len(sizes) + 1)]
    return [int.from_bytes(raw[a:b]) for a, b in pairwise(cut)]


@given(
    number=st.sampled_from(["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1"]).map(
        lambda text: int(IPv4Address(text))
    ),
    sizes=st.sampled_from([[4], [1, 3], [1, 1, 2], [1, 1, 1, 1]]),
    forms=st.lists(
        st.sampled_from(["{}", "0x{:x}", "0X{:X}", "0{:o}", "000{:o}", "0x00{:x}"]), min_size=4, max_size=4
    ),
)
def test_however_an_address_of_the_inside_is_spelled_it_is_refused(number, sizes, forms):
    """The oracle reads every one of these as the same address."""
    host = ".".join(form.format(part) for form, part in zip(forms, parts(number, sizes), strict=False))
    url = f"http://{host}/"
    assert Url(url).host == str(IPv4Address(number))
    assert refusal(url) in ("spelling", "address")


def refusal(url: str) -> str | None:
    try:
        address = parse(url).address
    except OutgoingRefused as refused:
        return refused.reason
    return "address" if address is not None and POLICY.refusal(address) else None


@given(st.text(alphabet="0123456789abcdefx.:[]%@/\\?#-_。①１ü ", max_size=20))
def test_whatever_is_read_a_browser_reads_the_same(text: str):
    try:
        target = parse(f"http://{text}")
    except OutgoingRefused:
        return
    host = Url(f"http://{text}").host
    assert host is not None
    assert host.strip("[]") == (str(target.address) if target.address else target.host)
