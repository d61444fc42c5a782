import json

import pytest


def test_an_address_of_the_internet_may_be_sent_to(corral):
    assert corral("outgoing", "check", "http://93.184.215.14/a") == (
        0,
        "requests to it may be sent; it has 93.184.215.14\n",
        "",
    )


def test_an_inner_address_is_refused_unless_its_network_is_allowed(corral, monkeypatch: pytest.MonkeyPatch):
    code, _, told = corral("outgoing", "check", "http://10.20.0.9/")
    assert (code, "10.20.0.9 is private" in told, "CORRAL_OUTGOING_ALLOW" in told) == (2, True, True)
    monkeypatch.setenv("CORRAL_OUTGOING_ALLOW", "10.20.0.0/16, fd12::/32")
    code, said, _ = corral("outgoing", "check", "http://10.20.0.9/", "--json")
    assert (code, json.loads(said)["addresses"]) == (0, ["10.20.0.9"])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("10.20.0.1/16", "'10.20.0.1/16' is an address within a network; the network is 10.20.0.0/16"),
        ("intranet", "'intranet' is no network in CIDR form"),
        ("10.0.0.0/33", "is no network"),
        ("10.0.0.0/8;fd00::/8", "is no network"),
    ],
)
def test_a_network_that_is_none_is_told(corral, monkeypatch: pytest.MonkeyPatch, value: str, told: str):
    monkeypatch.setenv("CORRAL_OUTGOING_ALLOW", value)
    code, _, errors = corral("outgoing", "check", "http://93.184.215.14/")
    assert code == 2
    assert "CORRAL_OUTGOING_ALLOW" in errors
    assert told in errors


def test_a_proxy_with_a_password_in_it_is_refused(corral, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CORRAL_OUTGOING_PROXY", "http://user:hidden@proxy.test:3128")
    code, _, errors = corral("outgoing", "check", "http://93.184.215.14/")
    assert code == 2
    assert "CORRAL_OUTGOING_PROXY" in errors
    assert "hidden" not in errors
