"""The parts of a server's address, read so that a password may hold any character that leaves no doubt.

What an error says never holds a piece of the address: where a password has raw characters, any piece may be
one of the password.
"""

import difflib
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import quote, unquote

MASK: Final = "********"
SECRET_PARAMETERS: Final = frozenset(
    {"password", "sslpassword", "ssl_password", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
_PASSWORD_ELSEWHERE: Final = frozenset({"pass", "passwd", "pwd", "pgpassword", "auth", "requirepass"})
"""What other programs call a password, in small letters."""
PORTS: Final = range(1, 65_536)
_SCHEME = re.compile(r"(?:jdbc:)?[A-Za-z][A-Za-z0-9+._-]*")
_HOST = re.compile(r"[\w.-]+")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BEHIND_THE_HOST = (
    "behind the host stands a raw {}: in the user and the password write / as %2F, ? as %3F and # as %23, "
    "elsewhere @ as %40 and # as %23"
)


@dataclass(frozen=True, slots=True)
class AddressParts:
    """`scheme://user:password@host:port,host:port/path?name=value&…`, taken apart."""

    scheme: str
    """In small letters, with what was put before it (`jdbc:`) or behind it (`+asyncpg`)."""
    user: str | None
    password: str | None
    """Decoded; the empty one was written as `user:@`, None was not written."""
    hosts: tuple[tuple[str, str], ...]
    """Host, decoded and without brackets, and port, empty where none is written."""
    path: str
    """As written, with its first slash."""
    parameters: tuple[tuple[str, str], ...]
    """Names and values, decoded."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Take an address apart.

        Raises:
            ValueError: it is none; the message holds nothing of it.
        """
        scheme, found, rest = _LONE_PERCENT.sub("%25", text).partition("://")
        if not found or not _SCHEME.fullmatch(scheme):
            raise ValueError("it does not begin with a scheme and ://")
        if "%00" in rest or not rest.isprintable():
            raise ValueError("it holds a line break or another character that can't be printed")
        end = next((at for at, one in enumerate(rest) if one in "/?"), len(rest))
        authority, tail = rest[:end], rest[end:]
        for raw in ("@", "#"):
            if raw in tail:
                raise ValueError(_BEHIND_THE_HOST.format(raw))
        account, _, place = authority.rpartition("@")
        user, colon, password = account.partition(":")
        path, _, query = tail.partition("?")
        return cls(
            scheme.lower(),
            _decoded(user) if user else None,
            _decoded(password) if colon else None,
            _hosts(place),
            path,
            _parameters(query),
        )

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, the last one where it stands twice."""
        return dict(self.parameters).get(name)

    def unknown(self, name: str, known: Iterable[str], foreign: Mapping[str, str], reader: str) -> ValueError:
        """What to say of a parameter that its reader does not know; `foreign` says what to write instead."""
        if any(one in SECRET_PARAMETERS for one, _ in self.parameters):  # its end, perhaps, behind a raw &
            return ValueError(
                f"{reader} does not know one of the parameters behind the ? (in a password write & as %26)"
            )
        if name in foreign:
            return ValueError(f"the parameter {name}: {foreign[name]}")
        if name.lower() in _PASSWORD_ELSEWHERE:
            return ValueError(f"the parameter {name}: write password")
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "leave it out"
        return ValueError(f"the parameter {name}: {reader} does not know it; {hint}")

    def only(self, name: str, written: str | None, where: str) -> None:
        """Check that a parameter says nothing else than what is written elsewhere, and than itself where it stands twice.

        Raises:
            ValueError: it does; the message says `where` the other one is.
        """
        said = {value for one, value in self.parameters if one == name}
        if len(said) > 1:
            raise ValueError(f"the parameter {name} stands there twice, with different values: leave one out")
        if said and written is not None and written not in said:
            raise ValueError(f"the parameter {name} says something else than {where}: leave one of them out")

    def masked(self, harmless: Container[str], *, lone_user: bool) -> Self:
        """The address for logs and messages, with asterisks in place of what may be a secret.

        Args:
            harmless: the parameters whose values are shown. Of others the first one's name is shown: what looks like a
                further one may be the rest of its value.
            lone_user: whether a user without a password is shown; some write the password there.
        """
        shown: list[tuple[str, str]] = []
        doubtful = False
        for name, value in self.parameters:
            if name in harmless:
                shown.append((name, value))
                continue
            shown.append((MASK if doubtful and name not in SECRET_PARAMETERS else name, MASK))
            doubtful = True
        user = self.user if self.user is None or self.password is not None or lone_user else MASK
        password = None if self.password is None else MASK
        return replace(self, user=user, password=password, parameters=tuple(shown))

    def __str__(self) -> str:
        """The address; every reader finds in it what it said."""
        user = "" if self.user is None else quote(self.user, safe="*")
        account = user if self.password is None else f"{user}:{quote(self.password, safe='*')}"
        at = "@" if account else ""
        hosts = ",".join(_written(host, port) for host, port in self.hosts)
        query = "&".join(
            f"{quote(name, safe='*')}={quote(value, safe='/:,*')}" for name, value in self.parameters
        )
        return f"{self.scheme}://{account}{at}{hosts}{self.path}{f'?{query}' if query else ''}"


def bare(text: str) -> str:
    """The text without the line ends, the spaces and the pair of quotes around it that values pick up in files and shells."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def scheme_of(text: str) -> str | None:
    """The scheme that a text begins with, as it is written; None where it begins with none."""
    scheme, found, _ = text.partition("://")
    return scheme if found and _SCHEME.fullmatch(scheme) else None


def with_password(url: str, password: str | None) -> str:
    """The address with this password, percent-encoded; as it is where it has one, or none is given.

    Raises:
        ValueError: it is no address.
    """
    parts = AddressParts.of(url)
    if not password or parts.password is not None or parts.parameter("password") is not None:
        return url
    return str(replace(parts, password=password))


def checked_port(text: str) -> None:
    """Check a port; the error names it.

    Raises:
        ValueError: it is no port.
    """
    if text and not (text.isascii() and text.isdecimal() and int(text[:6]) in PORTS):
        raise ValueError(
            f"the port is not a number from {PORTS[0]} to {PORTS[-1]:,} (if it is a piece of the password: "
            "write / as %2F, ? as %3F, @ as %40 there)"
        )


def _hosts(place: str) -> tuple[tuple[str, str], ...]:
    """`host:port,[address]:port` as pairs."""
    return tuple(_host(one) for one in place.split(",")) if place else ()


def _host(text: str) -> tuple[str, str]:
    bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::(.*))?", text)
    if bracketed:
        host, port = _decoded(bracketed[1]), bracketed[2] or ""
        if not re.fullmatch(r"[0-9A-Fa-f:.]+(%[\w.-]+)?", host):
            raise ValueError("between the brackets of the host stands no IPv6 address")
    else:
        raw, _, port = text.partition(":")
        if ":" in port and re.fullmatch(r"[0-9A-Fa-f:.]+", text):
            raise ValueError("an IPv6 address stands in brackets, as in [::1]")
        host = _decoded(raw)
        if raw and not host.startswith("/") and not _HOST.fullmatch(host):
            raise ValueError("the host holds a character that no host has")
    checked_port(port)
    return host, port


def _decoded(text: str) -> str:
    """Raises: ValueError where it is no text; the message holds nothing of it."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("what is written with % there is no text in UTF-8") from None


def _written(host: str, port: str) -> str:
    name = f"[{quote(host, safe=':')}]" if ":" in host else quote(host, safe="")
    return f"{name}:{port}" if port else name


def _parameters(query: str) -> tuple[tuple[str, str], ...]:
    pairs = [one.partition("=") for one in query.split("&") if one]
    if not all(name and equals for name, equals, _ in pairs):
        raise ValueError("behind the ? stands something other than name=value&name=value")
    return tuple((_decoded(name), _decoded(value)) for name, _, value in pairs)
