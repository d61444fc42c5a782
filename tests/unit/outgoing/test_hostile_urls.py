"""Addresses as users may give them, each with what becomes of it. Beside it the WHATWG's own reading, as an oracle."""

import ssl
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from pydantic_core import Url
from tests.unit.outgoing.hostile_urls import NAMES, PUBLIC, REFUSED, SENT

from corral.errors import OutgoingRefused
from corral.outgoing.addresses import Address
from corral.outgoing.client import OutgoingClient

HOSTILE = [(url, reason) for reason, urls in REFUSED.items() for url in urls]


async def resolver(host: str, port: int) -> Sequence[Address]:
    return [ip_address(text) for text in NAMES.get(host, [PUBLIC])]


def oracle(url: str) -> str | None:
    """The host as a browser reads it; None: a browser would not send anything."""
    try:
        return Url(url).host
    except ValueError:
        return None


def is_global(host: str) -> bool:
    return all(
        ip_address(text).is_global
        for text in (
            [host.strip("[]")]
            if host.strip("[]")[-1:].isdigit() or ":" in host
            else NAMES.get(host, [PUBLIC])
        )
    )


@pytest.fixture
async def client():
    async with OutgoingClient(resolver=resolver, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
        yield client


@pytest.mark.parametrize("url", SENT)
async def test_a_plain_address_is_sent_to_and_a_browser_reads_the_same_host(client: OutgoingClient, url: str):
    target, addresses = await client.look(url)
    assert addresses
    read = oracle(url)
    assert read is not None
    assert read.strip("[]") == (str(target.address) if target.address else target.host)
    assert is_global(read)
    assert Url(url).port == target.port


@pytest.mark.parametrize(("url", "reason"), HOSTILE)
async def test_a_hostile_address_is_refused_and_the_reason_is_named(
    client: OutgoingClient, url: str, reason: str
):
    with pytest.raises(OutgoingRefused) as refused:
        await client.look(url)
    assert refused.value.reason == reason
    assert refused.value.why
    assert "secret" not in str(refused.value)


def test_the_table_is_long_enough_and_says_nothing_twice():
    urls = [url for url, _ in HOSTILE] + SENT
    assert len(set(urls)) == len(urls)
    assert len(HOSTILE) >= 120


def test_what_a_browser_would_send_inside_is_refused():
    """The oracle finds them by itself: every address of the table that it reads as one of the inside is refused."""
    inside = [url for url, _ in HOSTILE if (host := oracle(url)) and not is_global(host)]
    assert len(inside) > 60
    assert not set(inside) & set(SENT)
