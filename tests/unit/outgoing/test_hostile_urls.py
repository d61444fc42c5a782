# ruff: noqa: RUF001  what looks like another character is what is tried
"""Addresses as users may give them, each with what becomes of it. Beside it the WHATWG's own reading, as an oracle."""

import ssl
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from pydantic_core import Url

from corral.errors import OutgoingRefused
from corral.outgoing.addresses import Address
from corral.outgoing.client import OutgoingClient

PUBLIC = "93.184.215.14"
NAMES = {
    "localhost": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "loopback6.test": ["::1"],
    "inside.test": ["10.1.2.3"],
    "half-inside.test": [PUBLIC, "192.168.0.9"],
    "nat64.test": ["64:ff9b::a9fe:a9fe"],
    "nat64-public.test": ["64:ff9b::5db8:d70e"],
    "six.test": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "azure.test": ["168.63.129.16"],
}
"""What the test's own resolver answers; every other name is a host of the internet."""

SENT = [
    "http://example.com",
    "https://example.com/",
    "HTTP://EXAMPLE.com/a?b=c#d",
    "https://example.com:8443/hook",
    "http://example.com:/",
    "https://example.com?x=http://127.0.0.1/",
    "https://example.com#@127.0.0.1",
    "https://example.com/@127.0.0.1",
    "https://example.com/%2e%2e/a",
    "https://example.com/ü?ß=ö",
    "http://93.184.215.14/",
    "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    "http://[2606:2800:021F:cb07:6820:80da:af6b:8b2c]:8080/",
    "https://bücher.example/",
    "https://BÜCHER.example/",
    "https://xn--bcher-kva.example/",
    "https://例え.テスト/",
    "https://under_score.example.com/",
    "https://127.0.0.1.nip.example/",
    "https://1.2.3.4.5.example/",
    "https://a--b.example/",
    "http://six.test/",
    "http://0x7f.example/",
    "http://8.8.8.8:53/",
    "https://single/",
]
REFUSED = {
    "scheme": [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "javascript:alert(1)",
        "data:text/html,x",
        "dict://127.0.0.1:11211/stat",
        "ldap://127.0.0.1/",
        "ws://example.com/",
        "httpx://example.com/",
        "unix:/var/run/docker.sock",
        "jar:http://example.com!/",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
        "view-source:http://example.com/",
        "netdoc:///etc/passwd",
    ],
    "malformed": [
        "",
        "example.com",
        "//example.com/",
        "/etc/passwd",
        "http:example.com",
        "http:/example.com",
        "http:///example.com/",
        "http:////127.0.0.1/",
        "http://",
        "http:///",
        "http://?x",
        "http://:80/",
        " http://example.com/",
        "http://example.com /",
        "http://exam ple.com/",
        "http://example.com\t/",
        "http://example.com\n.evil.test/",
        "http://example.com/\r\nHost: 127.0.0.1",
        "http://example.com\x00.evil.test/",
        "http://example.com\\@127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http://127.0.0.1\\.example.com/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:080/",
        "http://example.com:-1/",
        "http://example.com:80a/",
        "http://example.com:٨٠/",
        "http://example.com:80:80/",
        "http://::1/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[]/",
        "http://[v1.::1]/",
        "http://[::g]/",
        "http://[1.2.3.4]/",
        "http://a..b/",
        "http://.example.com/",
        "http://-a.example/",
        "http://a-.example/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://example.com/" + "a" * 9_000,
        "http://exa<mple.com/",
        "http://exa*mple.com/",
        "http://exam\u200bple.com/",
        "http://\u202eexample.com/",
        "http://ex\u00admple.com/",
        "http://a,b.example/",
        "http://example.com;a/",
        "http://example.com&a/",
    ],
    "userinfo": [
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1@example.com/",
        "http://@example.com/",
        "http://:@example.com/",
        "http://example.com:80@127.0.0.1:6379/",
        "http://a@b@127.0.0.1/",
        "http://[::1]@example.com/",
    ],
    "spelling": [
        "http://example.com./",
        "http://127.0.0.1./",
        "http://localhost./",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0x0.0x0.0x1/",
        "http://0177.0.0.1/",
        "http://0177.0.0.01/",
        "http://017700000001/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://00000177.1/",
        "http://127.0.0.0x1/",
        "http://127.0.0.256/",
        "http://1.2.3.4.5/",
        "http://0x/",
        "http://example.com;127.0.0.1/",
        "http://example.com&127.0.0.1/",
        "http://example.0x7f/",
        "http://4294967297/",
        "http://127.000.000.001/",
        "http://169.254.43518/",
        "http://0xA9FEA9FE/",
        "http://0251.0376.0251.0376/",
        "http://1２７.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://ｌｏｃａｌｈｏｓｔ/",
        "http://127。0。0。1/",
        "http://localhost。/",
        "http://ⓔⓧⓐⓜⓟⓛⓔ.com/",
        "http://ℓocalhost/",
        "http://[fe80::1%eth0]/",
        "http://[fe80::1%25eth0]/",
        "http://[::1%lo]/",
        "http://127.0.0.1%2f.example.com/",
        "http://%6c%6f%63%61%6c%68%6f%73%74/",
        "http://%31%32%37.0.0.1/",
        "http://example.com%00.evil.test/",
        "http://xn--a/",
        "http://xn--zca.xn--0/",
        "http://xn--localhost-0/",
        "http://☃.example/",
    ],
    "address": [
        "http://127.0.0.1/",
        "http://127.0.0.1:6379/",
        "http://127.255.255.254/",
        "http://0.0.0.0/",
        "http://0.1.2.3/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://100.100.100.200/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.170.2/v2/credentials",
        "http://169.254.1.1/",
        "http://168.63.129.16/machine",
        "http://192.0.0.192/opc/v2/",
        "http://192.0.2.1/",
        "http://192.88.99.1/",
        "http://198.18.0.1/",
        "http://198.51.100.7/",
        "http://203.0.113.7/",
        "http://224.0.0.1/",
        "http://239.255.255.250:1900/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[0000::0001]:80/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::FFFF:A9FE:A9FE]/",
        "http://[0:0:0:0:0:ffff:10.0.0.1]/",
        "http://[::ffff:93.184.215.14]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b::93.184.215.14]/",
        "http://[64:ff9b:1::a00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[2002:5db8:d70e::1]/",
        "http://[2001:0:5db8:d70e::f5ff:fffe]/",
        "http://[2001::1]/",
        "http://[2001:db8::1]/",
        "http://[3fff::1]/",
        "http://[2606:4700::5efe:10.0.0.1]/",
        "http://[2606:4700::200:5efe:127.0.0.1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[fd20:ce::254]/",
        "http://[fe80::1]/",
        "http://[febf::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[100::1]/",
        "http://[4000::1]/",
        "http://[5f00::1]/",
        "http://localhost/",
        "http://LOCALHOST:8000/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://loopback6.test/",
        "http://inside.test/",
        "http://half-inside.test/",
        "http://nat64.test/",
        "http://nat64-public.test/",
        "http://kubernetes.default.svc/api",
        "http://azure.test/",
    ],
}
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
