"""Addresses of Redis: every form that people have, as the one that redis-py reads, or refused with what to write."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from corral.settings.address_parts import AddressParts, bare

FORM: Final = "redis://:password@host:6379/0"
SCHEMES: Final = ("redis", "rediss", "unix")
_TCP: Final = {
    "redis": "redis",
    "valkey": "redis",
    "rediss": "rediss",
    "valkeys": "rediss",
    "redis+tls": "rediss",
}
_SOCKET: Final = ("unix", "redis+unix", "redis+socket", "redis-socket")
"""Source: redis-py; valkey-py; Celery and Lettuce for sockets."""

_TLS: Final = frozenset(
    [
        "ssl_keyfile",
        "ssl_certfile",
        "ssl_cert_reqs",
        "ssl_ca_certs",
        "ssl_ca_path",
        "ssl_ca_data",
        "ssl_check_hostname",
        "ssl_ciphers",
        "ssl_password",
    ]
)
PARAMETERS: Final = frozenset({"db", "username", "password", "client_name", "protocol"}) | _TLS
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "ssl_cert_reqs": ("required", "optional", "none"),
    "ssl_check_hostname": ("true", "false"),
    "protocol": ("2", "3"),
}
_LIMITS = "leave it out: Corral sets its time limits itself"
_OWN = "leave it out: Corral sets it itself"
_USE_TLS = "leave it out and write rediss:// instead of redis://"
_FOREIGN: Final[Mapping[str, str]] = {
    "timeout": _LIMITS,
    "socket_timeout": _LIMITS,
    "socket_connect_timeout": _LIMITS,
    "health_check_interval": _OWN,
    "retry_on_timeout": _OWN,
    "socket_keepalive": _OWN,
    "max_connections": _OWN,
    "decode_responses": _OWN,
    "encoding": _OWN,
    "ssl": _USE_TLS,
    "tls": _USE_TLS,
    "family": "leave it out: both families of addresses are tried",
    "user": "write username",
    "database": "write the number of the database behind the host, as in redis://host:6379/0",
    "sslmode": "it is a parameter of Postgres; for TLS write rediss://",
}
"""Parameters that Corral or the scheme decides, and those of other clients."""
NAMES: Final = PARAMETERS | frozenset(_FOREIGN)
"""Every parameter that has a meaning to us."""


def redis_address(text: str) -> str:
    """The address in the form that redis-py reads.

    Raises:
        ValueError: it is none; the message says why and holds no piece of a password.
    """
    parts = AddressParts.of(bare(text))
    parts = replace(parts, parameters=tuple(_translated(*one) for one in parts.parameters))
    if parts.scheme in _SOCKET:
        parts = _socket(parts)
    elif parts.scheme in _TCP:
        parts = _server(parts)
    elif "sentinel" in parts.scheme:
        raise ValueError(
            "Corral asks no Sentinel: name the address that always leads to the primary, a Service or a proxy"
        )
    elif "cluster" in parts.scheme:
        raise ValueError("Corral's queues live on one server, not on a cluster: name one server")
    else:
        raise ValueError("it is no address of Redis")
    for name, value in parts.parameters:
        _check(name, value, parts)
    _one_meaning(parts)
    return str(parts)


def without_password(url: str) -> bool:
    """Whether an address names a user and leaves open with which password: perhaps the user is the password."""
    parts = AddressParts.of(url)
    user = parts.user or parts.parameter("username")
    return bool(user) and parts.password is None and parts.parameter("password") is None


def _translated(name: str, value: str) -> tuple[str, str]:
    """Values as redis-py says them: Celery writes CERT_NONE, older clients true or 1."""
    match name:
        case "ssl_cert_reqs":
            return name, value.lower().removeprefix("cert_")
        case "ssl_check_hostname":
            return name, {"1": "true", "yes": "true", "0": "false", "no": "false"}.get(
                value.lower(), value.lower()
            )
        case "virtual_host":
            return "db", value.removeprefix("/")
        case _:
            return name, value


def _socket(parts: AddressParts) -> AddressParts:
    """`unix:///path`; the host of `unix://path` is a mistake."""
    if parts.hosts and parts.hosts != (("", ""),):
        raise ValueError("the path of a socket begins behind three slashes, as in unix:///run/redis.sock")
    if len(parts.path) < 2:
        raise ValueError("it names no socket, as in unix:///run/redis.sock")
    return replace(parts, scheme="unix", hosts=())


def _server(parts: AddressParts) -> AddressParts:
    if len(parts.hosts) > 1:
        raise ValueError("Corral's queues live on one server, not on a cluster: name one host")
    number = parts.path.strip("/") if parts.path.count("/") < 3 else "?"
    if number and not re.fullmatch(r"\d{1,6}", number, re.ASCII):
        raise ValueError(
            "what stands behind the host is not the number of a database, as in redis://host:6379/0"
        )
    [(host, port)] = parts.hosts or [("", "")]
    return replace(
        parts,
        scheme=_TCP[parts.scheme],
        hosts=((host or "localhost", port),),
        path=f"/{int(number)}" if number else "",
    )


def _one_meaning(parts: AddressParts) -> None:
    """Raises: ValueError where redis-py would pick one of two values without a word."""
    number = parts.path.strip("/") if parts.scheme != "unix" else ""
    elsewhere = {
        "username": (parts.user, "the user before the host"),
        "password": (parts.password, "the password before the host"),
        "db": (number or None, "the number behind the host"),
    }
    for name in dict(parts.parameters):
        parts.only(name, *elsewhere.get(name, (None, "")))


def _check(name: str, value: str, parts: AddressParts) -> None:
    """Raises: ValueError where redis-py would stumble over the parameter, or Corral decides it."""
    if name not in PARAMETERS:
        raise parts.unknown(name, PARAMETERS, _FOREIGN, "Corral")
    if name in _VALUES and value not in _VALUES[name]:
        raise ValueError(f"{name} is one of {', '.join(_VALUES[name])}")
    if name == "db" and not re.fullmatch(r"\d{1,6}", value, re.ASCII):
        raise ValueError("db is not the number of a database, as in redis://host:6379/0")
    if name in _TLS and parts.scheme != "rediss":
        raise ValueError(f"{name} is for TLS: write rediss:// instead of {parts.scheme}://, or leave it out")
