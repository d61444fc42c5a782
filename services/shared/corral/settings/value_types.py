"""The kinds of values that settings have: addresses, hosts, lists, numbers within bounds, secrets."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from corral.bounded import Bounded
from corral.job.bounds import Bounds
from corral.settings import database_address, redis_address
from corral.settings.address_parts import bare
from corral.settings.networks import networks


def _split(value: object) -> object:
    """A comma-separated text as the list of its parts."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _without_line_end(value: object) -> object:
    """A secret's value often ends in the line end of the file it was made from; no password does."""
    return value.rstrip("\r\n") if isinstance(value, str) else value


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character, which no server takes in a password")
    return text


def _web_address(text: str) -> str:
    url = bare(text)
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError("it is no address of a web server") from None
    if not good:
        raise ValueError("it is no address of a web server")
    if "@" in parts.netloc:
        raise ValueError("it holds a user or a password, and stands in links that everybody may see")
    return url


def _mail_address(text: str) -> str:
    """An address of mail, with a name before it or without."""
    if not re.fullmatch(
        r"[^\s@<>\"(),:;\\\[\]]+@[^\s@<>\"(),:;\\\[\]]+|[^\x00-\x1f\x7f<>]*<[^\s@<>]+@[^\s@<>]+>", text
    ):
        raise ValueError("it is no address of mail")
    return text


def _host_name(text: str) -> str:
    host = text.strip()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)*\.?", host):
            raise ValueError("it is no host") from None
    return host


def _address(read: Callable[[str], str], schemes: Sequence[str], form: str) -> tuple[AfterValidator, object]:
    starts = " or ".join(f"{scheme}://" for scheme in schemes)
    allowed = f"an address that starts with {starts}, as {form}"
    return AfterValidator(read), Field(json_schema_extra={"allowed": allowed})


def matching(pattern: str, allowed: str) -> Any:
    """The form of a text, and what it allows in words."""
    return Field(pattern=pattern, json_schema_extra={"allowed": allowed})


def within(least: float, most: float, unit: str, *, above: bool = False) -> Bounded:
    """The bounds of a number, with its unit."""
    return Bounded(Bounds(least, most, unit, above=above))


def _named_folder(value: object) -> object:
    if value == "":
        raise ValueError("it is empty, which would be the folder in which the service was started")
    return value


Folder = Annotated[Path, BeforeValidator(_named_folder)]


def _own_schema(name: str) -> str:
    if name.startswith("pg_") or name == "information_schema":
        raise ValueError("Postgres keeps this name for itself")
    return name


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Networks = Annotated[
    tuple[str, ...],
    BeforeValidator(_split),
    AfterValidator(networks),
    Field(json_schema_extra={"allowed": "networks separated by commas, as 10.20.0.0/16,fd12:3456::/48"}),
]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]
Port = Annotated[int, Bounded(Bounds(0, 65535))]
DatabaseUrl = Annotated[
    str, *_address(database_address.database_address, database_address.SCHEMES, database_address.FORM)
]
RedisUrl = Annotated[str, *_address(redis_address.redis_address, redis_address.SCHEMES, redis_address.FORM)]
Host = Annotated[
    str,
    AfterValidator(_host_name),
    Field(json_schema_extra={"allowed": "the name or the address of a host, without a port"}),
]
MailAddress = Annotated[
    str,
    AfterValidator(_mail_address),
    Field(json_schema_extra={"allowed": "an address as corral@example.com or Corral <corral@example.com>"}),
]
WebUrl = Annotated[str, *_address(_web_address, ("http", "https"), "https://corral.example.com")]
Password = Annotated[str, BeforeValidator(_without_line_end), AfterValidator(_without_nul)]
SchemaName = Annotated[
    str,
    matching(
        r"^[a-z_][a-z0-9_]{0,62}$", "1 to 63 lower-case letters, digits and _, without a digit in front"
    ),
    AfterValidator(_own_schema),
]
WorkerName = Annotated[
    str,
    matching(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
        "1 to 100 letters, digits, _, . and -, with a letter or a digit in front",
    ),
]
PoolName = Annotated[
    str,
    matching(
        r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "1 to 63 lower-case letters, digits and -, with no - at either end",
    ),
]
BucketName = Annotated[
    str,
    matching(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$",
        "1 to 255 letters, digits, ., _ and -, with a letter or a digit in front",
    ),
]
ObjectPrefix = Annotated[
    str,
    matching(
        r"^([A-Za-z0-9_-][\w.-]*(/[A-Za-z0-9_-][\w.-]*)*)?$",
        "nothing, or parts of letters, digits, _, . and - joined by /, none with a . in front",
    ),
]
RegionName = Annotated[str, matching(r"^[a-z0-9-]{1,63}$", "1 to 63 lower-case letters, digits and -")]
Contact = Annotated[
    str,
    matching(
        r"^[!-\'*-~]{3,200}$",
        "3 to 200 ASCII characters without spaces and parentheses, as corral@example.com",
    ),
]
