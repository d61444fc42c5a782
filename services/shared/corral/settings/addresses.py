"""Addresses of servers, and the passwords that are kept apart from them."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

_IN_QUERY = re.compile(r"(^|&)password=")


def with_password(url: str, password: str | None) -> str:
    """The address with this password, percent-quoted; as it is where it has one, or none is given."""
    parts = urlsplit(url)
    account, _, place = parts.netloc.rpartition("@")
    if not password or ":" in account or _IN_QUERY.search(parts.query):
        return url
    netloc = f"{account}:{quote(password, safe='')}@{place}"
    # urlunsplit leaves the slashes out where it knows no authority for the scheme and none is there.
    return urlunsplit(parts._replace(netloc=netloc))
