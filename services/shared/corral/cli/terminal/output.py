"""Output of the command line: tables and sentences for people, JSON for programs."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from corral import json_codec, time_span

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
PIPE_COLUMNS = 200
"""The width where the output is not a terminal, so that lines in a pipe are not wrapped."""
UTF_8 = ("utf-8", "utf8")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
STATE_COLOURS = {
    "blocked": "bright_black",
    "scheduled": "cyan",
    "queued": "blue",
    "running": "yellow",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
}


def console(*, stderr: bool = False) -> Console:
    """The console to print to. It is made anew each time, so that a redirected stream is used."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, width=None if stream.isatty() else PIPE_COLUMNS, highlight=False, soft_wrap=False
    )


def print_json(value: Any, *, line: bool = False) -> None:
    """JSON on stdout: readable, or on one line where it is one of many."""
    text = json_codec.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str, indent=not line).decode()
    if sys.stdout.encoding.lower() not in UTF_8:
        text = _NOT_ASCII.sub(
            lambda found: json.dumps(found[0])[1:-1], text
        )  # they stand inside strings only
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, none: str) -> None:
    """Print a table, or the sentence `none` where there are no rows."""
    table = table_of(columns, rows)
    console().print(table if table.row_count else none)


def print_list(
    found: Any, as_json: bool, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, none: str
) -> None:
    """Print what was found: as JSON for programs, else its rows as a table, or the sentence `none`."""
    if as_json:
        print_json(found)
    else:
        print_table(columns, rows, none=none)


def table_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A plain table. A column whose name starts with > is aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", no_wrap=column == "id")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(_words(cell)) for cell in row))
    return table


def state(name: str) -> Text:
    """A job's state in its colour."""
    return Text(name, style=STATE_COLOURS.get(name, ""))


def ago(moment: str | None) -> str:
    """How long ago an ISO time was, in one unit; `in 5 min` for one to come."""
    if not moment:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    return f"in {span(-seconds)}" if seconds < -0.5 else f"{span(max(seconds, 0))} ago"


def span(seconds: float | None) -> str:
    """Seconds as people say them; nothing for None."""
    return "" if seconds is None else time_span.span(seconds)


def _words(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case int():
            return f"{cell:,}"
        case list() | tuple():
            return ", ".join(map(str, cell))
        case dict():
            return json_codec.dumps(cell, default=str).decode()
        case _:
            return str(cell)
