"""Values of Postgres' parameters that are more than one of a few words: libpq looks at them when it connects, we at the start."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final

from corral.settings.address_parts import checked_port

_METHODS: Final = ("password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none")
"""Source: PostgreSQL 18, libpq, require_auth."""
_TLS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_PROTOCOLS: Final = ("3.0", "3.2", "latest")
"""Source: PostgreSQL 18, libpq, min_protocol_version."""
_WORD = re.compile(r"(?:\\.|[^\s\\])+")
_OPTION = re.compile(r"(?:-c\s*|--)?[A-Za-z_][\w.-]*=.*", re.DOTALL)
"""`-c name=value` and `--name=value`; poolers take a bare `name=value`, as `endpoint=…`."""


def _require_auth(value: str) -> None:
    methods = value.split(",") if value else []
    refused = [one.startswith("!") for one in methods]
    if any(one.removeprefix("!") not in _METHODS for one in methods) or any(refused) != all(refused):
        raise ValueError(
            f"require_auth is {', '.join(_METHODS)}, several separated by commas, or each of them behind a !"
        )


def _hostaddr(value: str) -> None:
    for one in value.split(","):
        try:
            ipaddress.ip_address(one or "::")
        except ValueError:
            raise ValueError(
                "hostaddr is an IP address, several separated by commas; names stand in host"
            ) from None


def _tls_version(name: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if value and value.lower() not in [one.lower() for one in _TLS]:
            raise ValueError(f"{name} is one of {', '.join(_TLS)}")

    return check


def _protocol_version(name: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if value and value not in _PROTOCOLS:
            raise ValueError(f"{name} is one of {', '.join(_PROTOCOLS)}")

    return check


def _options(value: str) -> None:
    words = _WORD.findall(value)
    joined = [
        f"-c {following}" if word == "-c" else word
        for word, following in zip(words, [*words[1:], ""], strict=True)
    ]
    at = 0
    while at < len(words):
        if not _OPTION.fullmatch(joined[at]):
            raise ValueError("options are written as -c name=value, with a space between two of them")
        at += 2 if words[at] == "-c" else 1


def _ports(value: str) -> None:
    for one in value.split(","):
        checked_port(one)


CHECKS: Final[Mapping[str, Callable[[str], None]]] = {
    "port": _ports,
    "hostaddr": _hostaddr,
    "require_auth": _require_auth,
    "ssl_min_protocol_version": _tls_version("ssl_min_protocol_version"),
    "ssl_max_protocol_version": _tls_version("ssl_max_protocol_version"),
    "min_protocol_version": _protocol_version("min_protocol_version"),
    "max_protocol_version": _protocol_version("max_protocol_version"),
    "options": _options,
}
"""By parameter. Each raises ValueError where libpq or Postgres would refuse the value; the message holds nothing of it."""
