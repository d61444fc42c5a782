"""Addresses of Postgres: every form that people have, as the one that libpq reads, or refused with what to write."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from corral.settings.address_parts import AddressParts, bare
from corral.settings.database_parameters import CHECKS

FORM: Final = "postgresql://user:password@host:5432/name"
SCHEMES: Final = ("postgresql", "postgres")
DIALECT: Final = re.compile(r"(?:jdbc:)?(postgresql|postgres|postgis)(?:\+[a-z0-9_]+)?")
"""With the driver that SQLAlchemy, Django and JDBC name beside it. Which one Corral uses is its own business."""

PARAMETERS: Final = frozenset(
    [
        "application_name",
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "dbname",
        "fallback_application_name",
        "gssdelegation",
        "gssencmode",
        "gsslib",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "max_protocol_version",
        "min_protocol_version",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_issuer",
        "oauth_scope",
        "options",
        "passfile",
        "password",
        "port",
        "require_auth",
        "requirepeer",
        "scram_client_key",
        "scram_server_key",
        "sslcert",
        "sslcertmode",
        "sslcompression",
        "sslcrl",
        "sslcrldir",
        "sslkey",
        "sslkeylogfile",
        "sslmode",
        "sslnegotiation",
        "sslpassword",
        "sslrootcert",
        "sslsni",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    ]
)
"""Source: PostgreSQL 18, libpq, parameter key words; without `service` and `replication`. A test compares."""
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
    "sslcertmode": ("disable", "allow", "require"),
}
_NUMBERS: Final = (
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_SSL: Final = {"true": "require", "1": "require", "": "require", "false": "disable", "0": "disable"}
"""What `ssl=` means where drivers have it beside sslmode. Source: libpq, `ssl=true` in URIs; asyncpg."""

_SCHEMA = "leave it out: CORRAL_SCHEMA names the schema of Corral's tables"
_POOLER = (
    "leave it out: where the address leads through a pooler, CORRAL_DATABASE_DIRECT_URL names the way past it"
)
_LIMITS = "leave it out: Corral sets its time limits itself"
_SIZE = "leave it out: CORRAL_POOL_SIZE says how many connections there are"
_FOREIGN: Final[Mapping[str, str]] = {
    "schema": _SCHEMA,
    "currentSchema": _SCHEMA,
    "search_path": _SCHEMA,
    "pgbouncer": _POOLER,
    "statement_cache_size": _POOLER,
    "prepared_statement_cache_size": _POOLER,
    "prepareThreshold": _POOLER,
    "connection_limit": _SIZE,
    "pool_size": _SIZE,
    "pool_timeout": _LIMITS,
    "socket_timeout": _LIMITS,
    "statement_timeout": _LIMITS,
    "command_timeout": _LIMITS,
    "timeout": "write connect_timeout, in whole seconds",
    "connectTimeout": "write connect_timeout, in whole seconds",
    "loginTimeout": "write connect_timeout, in whole seconds",
    "ApplicationName": "write application_name",
    "sslaccept": "write sslmode=verify-full, or sslmode=require where certificates are not checked",
    "sslfactory": "write sslmode and sslrootcert",
    "targetServerType": "write target_session_attrs",
    "uselibpqcompat": "leave it out",
    "replication": "leave it out: Corral's connections run statements",
    "service": f"write the address itself, as {FORM}",
    "servicefile": f"write the address itself, as {FORM}",
}
"""Parameters of other drivers and tools, and what to write instead."""
NAMES: Final = PARAMETERS | frozenset(_FOREIGN)
"""Every parameter that has a meaning to us."""


def database_address(text: str) -> str:
    """The address in the form that libpq reads.

    Raises:
        ValueError: it is none; the message says why and holds no piece of a password.
    """
    parts = AddressParts.of(bare(text))
    known = DIALECT.fullmatch(parts.scheme)
    if known is None:
        raise ValueError("it is no address of Postgres")
    parts = replace(parts, scheme="postgresql", parameters=_one_host_list(_translated(parts.parameters)))
    if not (parts.hosts or parts.path.strip("/") or parts.parameters):
        raise ValueError("it names neither a host nor a database")
    for name, value in parts.parameters:
        _check(name, value, parts)
    _one_meaning(parts)
    return str(parts)


def _translated(parameters: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Parameters of other drivers in the spelling of libpq: `ssl=true` is `sslmode=require`."""
    chosen = any(name == "sslmode" for name, _ in parameters)  # it says more than ssl=true
    return tuple(
        ("sslmode", _SSL.get(value.lower(), value)) if name == "ssl" else (name, value)
        for name, value in parameters
        if name != "ssl" or not chosen
    )


def _one_host_list(parameters: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """`host=a:1&host=b:2` as `host=a,b&port=1,2`. Source: SQLAlchemy, specifying multiple fallback hosts."""
    pairs = [value.rpartition(":") for name, value in parameters if name == "host"]
    if len(pairs) < 2:
        return parameters
    hosts = ",".join(host or last for host, _, last in pairs)
    ports = ",".join(last if host else "" for host, _, last in pairs)
    others = [(name, value) for name, value in parameters if name not in ("host", "port")]
    return (("host", hosts), *([("port", ports)] if ports.strip(",") else []), *others)


def _one_meaning(parts: AddressParts) -> None:
    """Raises: ValueError where libpq would pick one of two values without a word. `host=` replaces the host, as meant."""
    elsewhere = {
        "user": (parts.user, "the user before the host"),
        "password": (parts.password, "the password before the host"),
        "dbname": (unquote(parts.path[1:]) or None, "the name of the database behind the host"),
    }
    for name in dict(parts.parameters):
        parts.only(name, *elsewhere.get(name, (None, "")))


def _check(name: str, value: str, parts: AddressParts) -> None:
    """Raises: ValueError where libpq would refuse the parameter, or it means something else to Corral."""
    if name not in PARAMETERS:
        raise parts.unknown(name, PARAMETERS, _FOREIGN, "Postgres")
    if name in _VALUES and value not in _VALUES[name]:
        raise ValueError(f"{name} is one of {', '.join(_VALUES[name])}")
    if name in _NUMBERS and not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise ValueError(f"{name} is a whole number")
    if name == "connect_timeout" and not re.fullmatch(r"0*[1-9]\d{0,3}", value, re.ASCII):
        raise ValueError("connect_timeout is whole seconds, at least 1: 0 would wait for ever")
    if name == "client_encoding" and value.lower().replace("-", "") not in ("utf8", "auto", "unicode"):
        raise ValueError("client_encoding: leave it out; Corral speaks UTF-8")
    if (check := CHECKS.get(name)) is not None:
        check(value)
