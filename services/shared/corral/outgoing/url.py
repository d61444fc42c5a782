"""An address of the web as Corral sends requests to it: read strictly, so that no two readers differ about it."""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal

import httpx2
import idna

from corral.errors import OutgoingRefused, RefusalReason
from corral.outgoing.addresses import Address

MAX_CHARACTERS = 8_192
DEFAULT_PORT = {"http": 80, "https": 443}
_NOT_PRINTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
"""Categories of characters that nobody sees, or that read as blanks."""
_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/*)([^/?#]*)(.*)", re.DOTALL)
_IN_BRACKETS = re.compile(r"\[([^\]]*)\](?::(.*))?", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last part that makes browsers and C libraries read the whole as an IPv4 address. Source: WHATWG URL, ends in a number."""
_DOMAIN_CHARACTERS = 253


@dataclass(frozen=True, slots=True)
class Target:
    """One address of the web, taken apart."""

    url: str
    """As it is sent; a fragment never is."""
    scheme: Literal["http", "https"]
    host: str
    """A name in ASCII, or an IP address without brackets."""
    port: int
    address: Address | None
    """Where the host is an IP address: that one."""

    @property
    def origin(self) -> str:
        """The address without what may hold secrets: for messages and logs, and to compare by."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse(text: str) -> Target:
    """The address taken apart.

    Raises:
        OutgoingRefused: it is no address of the web, or one that is written so that others may read another host.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refused(
            RefusalReason.MALFORMED, text, f"it has {len(text):,} characters; {MAX_CHARACTERS:,} are the most"
        )
    for at, character in enumerate(text):
        if unicodedata.category(character) in _NOT_PRINTED or character == "\\":
            raise _refused(
                RefusalReason.MALFORMED,
                text,
                f"it holds {character!a} at position {at}; write it as %..",
            )
    found = _PARTS.fullmatch(text)
    if found is None:
        raise _refused(
            RefusalReason.MALFORMED, text, "it has no scheme; it must begin with http:// or https://"
        )
    scheme, slashes, authority = found[1].lower(), found[2], found[3]
    if scheme not in DEFAULT_PORT:
        raise _refused(
            RefusalReason.SCHEME, text, f"its scheme is {found[1]}; http and https alone are sent to"
        )
    if slashes != "//":
        raise _refused(RefusalReason.MALFORMED, text, f"after {scheme}: there must be two slashes")
    host, port = _host_and_port(text, authority)
    address = _address(text, host)
    name = host.strip("[]") if address else _name(text, host)
    number = _port(text, port, DEFAULT_PORT[scheme])
    return Target(
        _as_sent(text, name, number), "https" if scheme == "https" else "http", name, number, address
    )


def _host_and_port(text: str, authority: str) -> tuple[str, str | None]:
    if "@" in authority:
        raise _refused(RefusalReason.USERINFO, "", "it holds a user or a password before @")
    if "%" in authority:
        zone = "a zone (%..)" if authority.startswith("[") else "a % in its host"
        raise _refused(RefusalReason.SPELLING, text, f"it has {zone}")
    if authority.startswith("["):
        found = _IN_BRACKETS.fullmatch(authority)
        if found is None:
            raise _refused(RefusalReason.MALFORMED, text, "its brackets hold no IPv6 address")
        return f"[{found[1]}]", found[2]
    host, colon, port = authority.partition(":")
    if ":" in port:
        raise _refused(RefusalReason.MALFORMED, text, "an IPv6 address stands in brackets")
    if not host:
        raise _refused(RefusalReason.MALFORMED, text, "it names no host")
    return host, port if colon else None


def _address(text: str, host: str) -> Address | None:
    """The IP address that the host is; None: it is a name."""
    if host.startswith("["):
        try:
            return IPv6Address(host[1:-1])
        except AddressValueError:
            raise _refused(RefusalReason.MALFORMED, text, "its brackets hold no IPv6 address") from None
    last = host.removesuffix(".").rpartition(".")[2].lower()
    if not _NUMBER.fullmatch(last):
        return None
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise _refused(
            RefusalReason.SPELLING,
            text,
            "its host ends in a number, and is no IPv4 address of four decimal numbers",
        ) from None


def _name(text: str, host: str) -> str:
    """The name in ASCII, in small letters."""
    if host.endswith("."):
        raise _refused(RefusalReason.SPELLING, text, "its host ends in a dot")
    name = host.lower()
    if not host.isascii():
        if unicodedata.normalize("NFKC", host) != host:
            raise _refused(
                RefusalReason.SPELLING,
                text,
                "its host has characters that stand for others, as full-width ones",
            )
        name = _in_ascii(text, name)
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise _refused(RefusalReason.MALFORMED, text, f"{label!a} is no part of a host's name")
        if label.startswith("xn--"):
            _refuse_false_label(text, label)
    if len(name) > _DOMAIN_CHARACTERS:
        raise _refused(
            RefusalReason.MALFORMED, text, f"its host is longer than {_DOMAIN_CHARACTERS} characters"
        )
    return name


def _in_ascii(text: str, name: str) -> str:
    try:
        return idna.encode(name, strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise _refused(
            RefusalReason.SPELLING, text, "its host has characters that no international name may have"
        ) from None


def _refuse_false_label(text: str, label: str) -> None:
    try:
        good = idna.encode(idna.decode(label, strict=True), strict=True).decode("ascii") == label
    except (idna.IDNAError, UnicodeError):
        good = False
    if not good:
        raise _refused(RefusalReason.SPELLING, text, f"{label} is no international name")


def _port(text: str, port: str | None, default: int) -> int:
    if not port:
        return default
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65_535:
        raise _refused(RefusalReason.MALFORMED, text, f"its port is {port!a}; it must be from 1 to 65535")
    return int(port)


def _as_sent(text: str, host: str, port: int) -> str:
    """The address as the HTTP library will send it, which must mean the same host."""
    try:
        url = httpx2.URL(text.partition("#")[0])
    except (httpx2.InvalidURL, ValueError) as error:
        raise _refused(RefusalReason.MALFORMED, text, str(error).rstrip(".")) from None
    if url.raw_host.decode("ascii") != host or (url.port or DEFAULT_PORT[url.scheme]) != port:
        raise _refused(RefusalReason.SPELLING, text, "its host can be read in two ways")
    return str(url)


def _refused(reason: RefusalReason, text: str, why: str) -> OutgoingRefused:
    """The query may hold a secret, and so is not shown."""
    shown = text.partition("?")[0].partition("#")[0]
    shown = shown if "@" not in shown else ""  # a password
    return OutgoingRefused(reason, shown[:200].encode("ascii", "backslashreplace").decode(), why)
