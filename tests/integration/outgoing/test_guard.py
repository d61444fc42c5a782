"""Where requests go: real names, connections, TLS, redirects and proxies."""

import ssl

import pytest
import trustme
from tests.integration.outgoing.conftest import INSIDE, OUTSIDE, Names
from tests.integration.outgoing.server import Heard, Server, answer, redirect

from corral.errors import OutgoingFailed, OutgoingRefused
from corral.outgoing.client import OutgoingClient
from corral.outgoing.limits import RequestLimits
from corral.outgoing.policy import AddressPolicy


async def get(client: OutgoingClient, url: str, **options) -> tuple[int, bytes]:
    async with client.stream("GET", url, **options) as response:
        return response.status, await response.read()


async def test_a_request_goes_to_the_address_of_the_name_and_keeps_the_name_as_its_host(
    client: OutgoingClient, outside: Server
):
    outside.answers["/a"] = answer(b"hello")
    assert await get(client, f"http://outside.test:{outside.port}/a?b=c") == (200, b"hello")
    assert outside.heard[0].path == "/a?b=c"
    assert outside.heard[0].headers["host"] == f"outside.test:{outside.port}"


async def test_an_answer_that_changes_between_look_and_connect_changes_nothing(
    client: OutgoingClient, outside: Server, inside: Server, names: Names
):
    names.answers["rebind.test"] = [[OUTSIDE], [INSIDE]]
    outside.answers["/"] = answer(b"outside", connection="close")
    url = f"http://rebind.test:{outside.port}/"
    assert await get(client, url) == (200, b"outside")
    assert names.asked == ["rebind.test"]  # once: what was looked at is what was connected to
    with pytest.raises(OutgoingRefused) as refused:
        await get(client, url)
    assert refused.value.reason == "address"
    assert inside.connections == 0


@pytest.mark.parametrize("name", ["inside.test", "mixed.test", INSIDE, "[::1]", "[::ffff:127.0.0.2]"])
async def test_no_connection_is_made_where_one_address_is_not_fit(
    client: OutgoingClient, outside: Server, inside: Server, name: str
):
    with pytest.raises(OutgoingRefused) as refused:
        await get(client, f"http://{name}:{outside.port}/")
    assert refused.value.reason == "address"
    assert "CORRAL_OUTGOING_ALLOW" in str(refused.value)
    assert (outside.connections, inside.connections) == (0, 0)


@pytest.mark.parametrize("name", ["unknown.test", "nobody.test"])
async def test_a_name_without_an_address_is_told_as_such(client: OutgoingClient, name: str):
    with pytest.raises(OutgoingFailed) as failed:
        await get(client, f"http://{name}/")
    assert failed.value.reason == "name"


async def test_the_next_address_is_tried_where_one_does_not_answer(
    names: Names, outside: Server, trusting: ssl.SSLContext
):
    names.answers["two.test"] = [["127.0.0.3", OUTSIDE]]
    outside.answers["/"] = answer(b"second")
    async with OutgoingClient(AddressPolicy(["127.0.0.2/31"]), resolver=names, tls=trusting) as client:
        assert await get(client, f"http://two.test:{outside.port}/") == (200, b"second")


async def test_tls_is_spoken_with_the_name_and_checked_against_it(
    client: OutgoingClient, secure: Server, names: Names
):
    secure.answers["/"] = answer(b"secret", connection="close")
    assert await get(client, f"https://outside.test:{secure.port}/") == (200, b"secret")
    assert secure.heard[0].server_name == "outside.test"
    with pytest.raises(OutgoingFailed) as failed:  # the same address by a name that is not in the certificate
        await get(client, f"https://other.test:{secure.port}/")
    assert failed.value.reason == "tls"
    assert len(secure.heard) == 1


async def test_an_authority_that_nobody_trusts_is_refused(client: OutgoingClient):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert("outside.test").configure_cert(context)
    server = Server(OUTSIDE)
    await server.start(context)
    try:
        with pytest.raises(OutgoingFailed) as failed:
            await get(client, f"https://outside.test:{server.port}/")
    finally:
        await server.stop()
    assert failed.value.reason == "tls"


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("http://inside.test:{port}/", "address"),
        ("http://127.0.0.1:{port}/", "address"),
        ("//127.0.0.1:{port}/", "address"),
        ("http://[::ffff:127.0.0.1]:{port}/", "address"),
        ("http://2130706433:{port}/", "spelling"),
        ("http://0x7f.1:{port}/", "spelling"),
        ("http://user:pw@outside.test:{port}/", "userinfo"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1:{port}/", "scheme"),
        ("http://outside.test.:{port}/", "spelling"),
    ],
)
async def test_each_redirect_is_looked_at_like_the_first_address(
    client: OutgoingClient, outside: Server, inside: Server, to: str, reason: str
):
    outside.answers["/"] = redirect(to.format(port=outside.port))
    inside.answers["/"] = answer(b"taken")
    with pytest.raises(OutgoingRefused) as refused:
        await get(client, f"http://outside.test:{outside.port}/")
    assert refused.value.reason == reason
    assert inside.connections == 0


@pytest.mark.parametrize("to", ["http://outside.test:99999999/", "http://[::1/", "http://a b/"])
async def test_a_redirect_to_no_address_is_told(client: OutgoingClient, outside: Server, to: str):
    outside.answers["/"] = redirect(to)
    with pytest.raises((OutgoingFailed, OutgoingRefused)) as told:
        await get(client, f"http://outside.test:{outside.port}/")
    assert told.value.reason in ("redirects", "malformed", "spelling", "address")


async def test_a_redirect_is_followed_and_so_many_are_too_many(client: OutgoingClient, outside: Server):
    outside.answers |= {
        "/a": redirect("/b"),
        "/b": redirect("/c"),
        "/c": answer(b"end"),
        "/for-ever": redirect("/for-ever"),
    }
    async with client.stream("GET", f"http://outside.test:{outside.port}/a") as response:
        assert (await response.read(), response.url) == (b"end", f"http://outside.test:{outside.port}/c")
    with pytest.raises(OutgoingFailed) as failed:
        await get(client, f"http://outside.test:{outside.port}/for-ever")
    assert failed.value.reason == "redirects"
    assert len([one for one in outside.heard if one.path == "/for-ever"]) == 6


async def test_a_redirect_is_the_answer_where_none_is_to_be_followed(client: OutgoingClient, outside: Server):
    outside.answers["/"] = redirect("/b")
    async with client.stream(
        "GET", f"http://outside.test:{outside.port}/", limits=RequestLimits(redirects=0)
    ) as response:
        assert (response.status, response.headers["location"]) == (302, "/b")


async def test_another_origin_gets_no_secret_and_no_cookie(client: OutgoingClient, outside: Server):
    outside.answers |= {
        "/": answer(
            status="307 Temporary Redirect", location=f"http://other.test:{outside.port}/b", set_cookie="a=b"
        ),
        "/b": redirect("/c"),
        "/c": answer(b"end"),
    }
    secrets = {"Authorization": "Bearer x", "X-Api-Key": "y", "Cookie": "c=d", "Webhook-Signature": "z"}
    async with client.stream(
        "GET", f"http://outside.test:{outside.port}/", headers=secrets | {"Accept": "text/plain"}
    ) as response:
        await response.read()
    first, second, third = outside.heard
    names = {name.lower() for name in secrets}
    assert names <= set(first.headers)
    for other in (second, third):
        assert not names & set(other.headers)
        assert other.headers["accept"] == "text/plain"
        assert other.headers["host"] == f"other.test:{outside.port}"


async def test_no_cookie_is_kept_for_the_next_request(client: OutgoingClient, outside: Server):
    outside.answers["/"] = answer(set_cookie="a=b; Path=/")
    await get(client, f"http://outside.test:{outside.port}/")
    await get(client, f"http://outside.test:{outside.port}/")
    assert "cookie" not in outside.heard[1].headers


async def test_from_https_no_redirect_leads_to_http(client: OutgoingClient, secure: Server, outside: Server):
    secure.answers["/"] = redirect(f"http://outside.test:{outside.port}/")
    with pytest.raises(OutgoingRefused) as refused:
        await get(client, f"https://outside.test:{secure.port}/")
    assert refused.value.reason == "downgrade"
    assert outside.connections == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "inside.test"},
        {"transfer-encoding": "chunked"},
        {"Content-Length": "3"},
        {"X": "a\r\nHost: b"},
        {"X\n": "a"},
    ],
)
async def test_a_header_that_changes_whom_the_request_is_for_is_refused(
    client: OutgoingClient, outside: Server, headers: dict[str, str]
):
    outside.answers["/"] = answer()
    with pytest.raises(OutgoingRefused) as refused:
        await get(client, f"http://outside.test:{outside.port}/", headers=headers)
    assert refused.value.reason == "header"
    assert outside.heard == []


async def test_no_proxy_is_taken_from_the_environment(
    outside: Server, inside: Server, monkeypatch: pytest.MonkeyPatch, trusting: ssl.SSLContext, names: Names
):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
    outside.answers["/"] = answer(b"straight")
    async with OutgoingClient(AddressPolicy([f"{OUTSIDE}/32"]), resolver=names, tls=trusting) as client:
        assert await get(client, f"http://outside.test:{outside.port}/") == (200, b"straight")
    assert inside.connections == 0


async def test_a_proxy_that_is_set_is_asked_for_the_address_that_was_looked_at(
    outside: Server, names: Names, trusting: ssl.SSLContext
):
    """The tunnel leads on to the same server here, which so hears both requests."""
    outside.answers |= {
        "/": answer(b"through"),
        f"{OUTSIDE}:9": b"HTTP/1.1 200 Connection established\r\n\r\n",
    }
    async with OutgoingClient(
        AddressPolicy([f"{OUTSIDE}/32"]),
        proxy=f"http://{OUTSIDE}:{outside.port}",
        resolver=names,
        tls=trusting,
    ) as client:
        assert await get(client, "http://outside.test:9/") == (200, b"through")
        with pytest.raises(OutgoingRefused):
            await get(client, "http://inside.test:9/")
    connect, request = outside.heard
    assert (connect.method, connect.path, connect.headers) == (
        "CONNECT",
        f"{OUTSIDE}:9",
        {"host": f"{OUTSIDE}:9"},
    )
    assert request.headers["host"] == "outside.test:9"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
async def test_a_proxy_that_refuses_or_speaks_before_its_turn_is_told(
    outside: Server, names: Names, trusting: ssl.SSLContext, said: bytes
):
    outside.answers[f"{OUTSIDE}:9"] = said
    async with OutgoingClient(
        AddressPolicy([f"{OUTSIDE}/32"]),
        proxy=f"http://{OUTSIDE}:{outside.port}",
        resolver=names,
        tls=trusting,
    ) as client:
        with pytest.raises(OutgoingFailed) as failed:
            await get(client, "http://outside.test:9/")
    assert failed.value.reason == "proxy"


async def test_a_body_is_sent_and_sent_again_where_a_redirect_asks_for_it(
    client: OutgoingClient, outside: Server
):
    def moved(heard: Heard) -> bytes:
        return redirect("/end", "308 Permanent Redirect" if heard.body == b"kept" else "302 Found")

    outside.answers |= {"/": moved, "/end": answer()}
    for body in (b"kept", b"dropped"):
        async with client.stream("POST", f"http://outside.test:{outside.port}/", content=body) as response:
            assert response.status == 200
    assert [(one.method, one.body) for one in outside.heard if one.path == "/end"] == [
        ("POST", b"kept"),
        ("GET", b""),
    ]
