"""The values of a provider, and what each may be."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from corral.connection_headers import CONNECTION_HEADERS
from corral.job.bounds import Bounds
from corral.provider.secret_reference import SecretReference

MAX_URL: Final = 2_000
MAX_HEADERS: Final = 20
HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
RESERVED: Final = CONNECTION_HEADERS | {"content-type", "user-agent"}
"""Headers that are no secret, and that Corral or the job sets."""
BOUNDS: Final[Mapping[str, Bounds]] = {
    "timeout": Bounds(1, 900, "seconds"),
    "max_bytes": Bounds(1, 268_435_456, "bytes", whole=True),
    "slots": Bounds(1, 10_000, "requests", whole=True),
    "transit": Bounds(0.01, 10, "seconds"),
    "per_second": Bounds(0.000_001, 1_000, "requests"),
    "per_day": Bounds(1, 1_000_000_000, "requests", whole=True),
    "bytes_per_day": Bounds(1, 1e15, "bytes"),
}
DEFAULTS: Final[Mapping[str, float]] = {"timeout": 60, "max_bytes": 10_485_760, "slots": 2, "transit": 0.25}
OPTIONS: Final = ("url", "headers", *BOUNDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderValues:
    """What is in force for a provider."""

    url: str
    """Where its paths begin."""
    headers: Mapping[str, str]
    """By name, where the secret is that is sent."""
    timeout: float
    """Seconds for one request, from the name of the host to the last byte of the answer."""
    max_bytes: int
    """The largest answer."""
    slots: int
    """Requests at the same time, over all workers."""
    transit: float
    """Seconds that a request may take from its permission to its arrival; one that would take longer is not sent."""
    per_second: float | None
    per_day: int | None
    bytes_per_day: float | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The values, with Corral's own where nothing is said."""
        said = {**dict.fromkeys(OPTIONS), **DEFAULTS, **values}
        return cls(**{option: said[option] for option in OPTIONS} | {"headers": said["headers"] or {}})


def faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each option that is wrong, with what is wrong with it; None takes a value back. No secret is repeated."""
    for option, value in values.items():
        if option not in OPTIONS:
            yield option, f"is no option of a provider; there are {', '.join(OPTIONS)}"
        elif value is None:
            continue
        elif option == "url":
            if (fault := _url_fault(value)) is not None:
                yield option, fault
        elif option == "headers":
            yield from _header_faults(value)
        elif (fault := BOUNDS[option].fault(value)) is not None:
            yield option, fault


def errors_together(values: ProviderValues) -> Iterator[tuple[str, str]]:
    """What does not fit together of values that are good by themselves."""
    if values.bytes_per_day is not None and values.bytes_per_day < values.max_bytes:
        yield (
            "bytes_per_day",
            f"is {values.bytes_per_day:,.0f} and one answer may have {values.max_bytes:,} (max_bytes): none could be asked for",
        )


def _url_fault(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_URL:
        return f"must be an address of up to {MAX_URL:,} characters"
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, None
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not host
        or not value.isprintable()
        or " " in value
    ):
        return "must be an address that begins with http:// or https://"
    if "@" in parts.netloc:
        return "holds a user or a password; name a header in headers that says where the secret is"
    if parts.query or parts.fragment:
        return "has a query or a fragment; requests bring their own"
    return None


def _header_faults(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping) or len(value) > MAX_HEADERS:
        yield "headers", f"must be an object of up to {MAX_HEADERS} headers, each with where its secret is"
        return
    seen: set[str] = set()
    for name, reference in value.items():
        if not isinstance(name, str) or not HEADER.fullmatch(name):
            yield "headers", "holds a name that no header has"
            continue
        if name.lower() in RESERVED:
            yield f"headers/{name}", "is set by Corral or by the job"
        if name.lower() in seen:
            yield f"headers/{name}", "is given twice"
        seen.add(name.lower())
        try:
            SecretReference.parse(reference if isinstance(reference, str) else "")
        except ValueError as error:
            yield f"headers/{name}", str(error)
