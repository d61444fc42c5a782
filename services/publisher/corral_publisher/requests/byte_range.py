"""The Range header. Source: RFC 9110, section 14.

One range is served; several are answered with the whole, which the RFC allows.
"""

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Unsatisfiable(Exception):
    """The range that was asked for lies outside of the file."""


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes from start up to and without end; None is the whole.

    Raises:
        Unsatisfiable: no byte of it exists.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.group() == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, size
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None  # malformed: to be ignored
    if start >= size:
        raise Unsatisfiable
    return start, end
