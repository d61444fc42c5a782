"""Statements and their parameters.

Statements are written with the schema's default name, `corral.jobs`, so that
they can be read and tried as they stand; `Sql.within` puts the configured
name in its place. Parameters that are arrays travel as one text each, which
costs a tenth of adapting them element by element.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from uuid import UUID

from corral.ids import spelled

_SCHEMA = re.compile(r"\bcorral\.")
DEFAULT_SCHEMA = "corral"
EMPTY = "{}"
"""An array of nothing."""


def quoted(identifier: str) -> str:
    """The identifier in quotes, as SQL writes it."""
    return '"' + identifier.replace('"', '""') + '"'


@lru_cache(maxsize=1024)
def within(schema: str, statement: str) -> str:
    """The statement with its tables in `schema`."""
    if schema == DEFAULT_SCHEMA:
        return statement
    return _SCHEMA.sub(lambda _: f"{quoted(schema)}.", statement)


def array(items: Iterable[object]) -> str:
    """An array of ids or numbers: texts that need no quoting."""
    return "{" + ",".join(map(str, items)) + "}"


def id_array(items: Iterable[UUID]) -> str:
    """An array of ids, which are spelled together."""
    return "{" + spelled(items, ",") + "}"


def texts(items: Iterable[str | None]) -> str:
    """An array of any texts; None is NULL."""
    return "{" + ",".join(map(_text, items)) + "}"


def names(items: Sequence[str]) -> str:
    """An array of texts that are few and repeated."""
    quoted_once = {item: _text(item) for item in set(items)}
    return "{" + ",".join([quoted_once[item] for item in items]) + "}"


def numbers(items: Iterable[float | None]) -> str:
    """An array of numbers; None is NULL."""
    return "{" + ",".join("NULL" if item is None else repr(item) for item in items) + "}"


def _text(item: str | None) -> str:
    if item is None:
        return "NULL"
    return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
