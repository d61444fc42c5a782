"""How every connection to Postgres is opened: what it says itself, and what it takes from the environment.

libpq fills whatever an address leaves open from some thirty variables, and a server gives each session the
settings of its role and its database. Neither may decide what a statement of Corral means. So each connection
says where it goes and how it works; of the environment only what proves identity and guards the line counts.
"""

import os
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import psycopg
import structlog
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict

log = structlog.get_logger(__name__)

Row: TypeAlias = tuple[Any, ...]
AnyConnection: TypeAlias = psycopg.Connection[Row] | psycopg.AsyncConnection[Row]
Parameters: TypeAlias = Mapping[str, str | int]

CONNECT_SECONDS: Final = 5
"""Seconds (libpq takes whole ones)."""
DEFAULTS: Final[Parameters] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Fail fast, notice a peer that is gone. An address may say otherwise."""

HONOURED: Final = (
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCERTMODE",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLSNI",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMAXPROTOCOLVERSION",
    "PGCHANNELBINDING",
    "PGREQUIREAUTH",
    "PGREQUIREPEER",
    "PGGSSENCMODE",
    "PGGSSLIB",
    "PGGSSDELEGATION",
    "PGKRBSRVNAME",
)
"""Variables that count where the address says nothing of it: who we are, and how the line is guarded. With
sslmode=disable, as the embedded servers have it, none but the first two does."""
_OF_THE_LINE: Final = frozenset(HONOURED[2:])
_NEVER_EMPTY: Final = {
    "sslcertmode": "allow",
    "require_auth": "password,md5,gss,sspi,scram-sha-256,none",  # any
    "min_protocol_version": "3.0",
    "max_protocol_version": "3.0",
}
"""Defaults that libpq does not tell, of parameters that it does not take empty."""
_READ_BY_NAME: Final = {"PGTZ": "timezone", "PGDATESTYLE": "datestyle", "PGGEQO": "geqo"}
"""Settings that libpq sends whatever a connection says. Source: libpq, fe-connect.c, EnvironmentOptions."""

STATED: Final[Mapping[str, str]] = {
    "search_path": "pg_catalog",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "array_nulls": "on",
}
"""Settings on which the meaning of a statement or of its answer depends. Every name in our SQL is qualified."""
UNLIMITED: Final[Mapping[str, str]] = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}
"""A role's time limits are for people; ours are set where they are known."""
ISOLATION: Final = "read committed"
"""The protocol's statements rely on it: each sees what was committed before it began."""
_TRANSACTION_TIMEOUT_SINCE: Final = 170_000
REPORTED: Final = {"DateStyle": "ISO", "TimeZone": "UTC", "standard_conforming_strings": "on"}
"""Settings that a server reports and a pooler keeps per client, and what the report must begin with."""


async def connect_async(
    url: str, application_name: str, *, session: Mapping[str, str] | None = None, pooled: bool = False
) -> psycopg.AsyncConnection[Row]:
    """A connection in autocommit. `session` are settings that it begins with.

    `pooled`: through a pooler in transaction mode, where nothing may be set for longer than a transaction but
    what the pooler keeps per client.

    Raises:
        psycopg.Error: it can't be opened.
    """
    connection = await _opened_async(connect_parameters(url, application_name))
    try:
        if (statement := _first_statement(connection, session or {}, pooled=pooled)) is not None:
            await connection.execute(statement)
        if pooled:  # said with each BEGIN
            await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
    except BaseException:
        await connection.close()
        raise
    return connection


def connect(
    url: str, application_name: str, *, session: Mapping[str, str] | None = None
) -> psycopg.Connection[Row]:
    """The same for code without a loop.

    Raises:
        psycopg.Error: it can't be opened.
    """
    connection = _opened(connect_parameters(url, application_name))
    try:
        if (statement := _first_statement(connection, session or {}, pooled=False)) is not None:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


async def _opened_async(parameters: Parameters) -> psycopg.AsyncConnection[Row]:
    while True:
        try:
            return await psycopg.AsyncConnection[Row].connect("", autocommit=True, **parameters)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            _explain(error, parameters)


def _opened(parameters: Parameters) -> psycopg.Connection[Row]:
    while True:
        try:
            return psycopg.Connection[Row].connect("", autocommit=True, **parameters)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            _explain(error, parameters)


def connect_parameters(url: str, application_name: str) -> dict[str, str | int]:
    """Every parameter of libpq that its environment could fill otherwise, and ours.

    Raises:
        psycopg.ProgrammingError: the address is none that libpq reads.
    """
    given = {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    hosts = str(given.get("host", "")).count(",") + 1
    parameters: dict[str, str | int] = {**DEFAULTS, "application_name": application_name, **given}
    parameters["client_encoding"] = "UTF8"
    if hosts > 1:  # of several servers the one that takes writes
        parameters.setdefault("target_session_attrs", "read-write")
        parameters.setdefault("hostaddr", "," * (hosts - 1))
    closed = parameters.get("sslmode") == "disable"
    for option in pq.Conninfo.get_defaults():
        name, variable = option.keyword.decode(), (option.envvar or b"").decode()
        if not variable or name == "service" or name in parameters:
            continue
        if variable in HONOURED and not (closed and variable in _OF_THE_LINE):
            continue
        default = (option.compiled or b"").decode()
        parameters[name] = _NEVER_EMPTY.get(name) or default
    return parameters


def limits_of(version: int) -> dict[str, str]:
    """`UNLIMITED` as a server of this version (as libpq numbers them) knows it."""
    later = {"transaction_timeout": "0"} if version >= _TRANSACTION_TIMEOUT_SINCE else {}
    return {**UNLIMITED, **later}


def _first_statement(
    connection: AnyConnection, session: Mapping[str, str], *, pooled: bool
) -> sql.Composed | None:
    """What is set before anything else; None: everything is as it must be."""
    if pooled:
        settings = {
            name.lower(): STATED[name.lower()]
            for name, wanted in REPORTED.items()
            if not (connection.info.parameter_status(name) or "").startswith(wanted)
        }
    else:
        limits = limits_of(connection.info.server_version)
        # Limits first: one of the role's may be shorter than what follows takes.
        settings = {**limits, **STATED, "default_transaction_isolation": ISOLATION, **session}
    steps = [
        sql.SQL("SET {} = {}").format(sql.Identifier(name), _value(name, value))
        for name, value in settings.items()
    ]
    return sql.SQL("; ").join(steps) if steps else None


def _value(name: str, value: str) -> sql.Composable:
    """A list of names is no literal."""
    return sql.SQL("ISO, MDY") if name == "datestyle" else sql.Literal(value)


def _explain(error: psycopg.OperationalError, parameters: Parameters) -> None:
    """Return where another try may help; say which variables of the environment have a part in the error.

    Raises:
        psycopg.OperationalError: the error.
    """
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if (harmful := _harmful(said)) is not None:
        # No connection of this process can be opened with it, nor could a handler's: nobody misses it.
        log.warning("postgres.environment_ignored", variable=harmful, reason=said)
        del os.environ[harmful]
        return
    counted = [
        (option.envvar or b"").decode()
        for option in pq.Conninfo.get_defaults()
        if option.envvar and option.keyword.decode() not in parameters
    ]
    present = [name for name in counted if name in HONOURED and os.environ.get(name) and "PASS" not in name]
    if present:
        raise type(error)(f"{said} (from the environment count {', '.join(present)})") from error
    raise error


def _harmful(said: str) -> str | None:
    """A variable that libpq reads whatever a connection says, and for which it, or the server, refuses to go on."""
    if "PGSERVICE" in os.environ and "service" in said and "connection is bad" in said:
        return "PGSERVICE"
    return next(
        (
            variable
            for variable, setting in _READ_BY_NAME.items()
            if variable in os.environ and f'"{setting}"' in said.lower()
        ),
        None,
    )
