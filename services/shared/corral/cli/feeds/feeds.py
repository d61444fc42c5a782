"""`corral feeds`: follow feeds, fetch them now, and look at their items."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from corral.cli.feeds.tables import print_feeds, print_imports, print_items
from corral.cli.terminal.number import real, whole
from corral.cli.terminal.output import AsJson, console, print_json, print_list, print_table
from corral.cli.terminal.session import client
from corral.client import Client
from corral.errors import FieldError, InvalidInput
from corral.feeds.opml import write_opml
from corral.feeds.source import INTERVAL
from corral.ids import parse_id
from corral.job.bounds import Bounds
from corral.job.limits import KEPT_SECONDS

app = typer.Typer(help="Follow feeds: add, fetch, pause, search, export and clean.", no_args_is_help=True)

WAIT = Bounds(0, 86_400, "seconds")
SHOWN = Bounds(1, 100_000)
Name = Annotated[str, typer.Argument(metavar="FEED", help="The feed's address or id.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[float, real(WAIT, "Seconds to wait for the end; 0 does not wait.")]
Interval = Annotated[
    float | None, real(INTERVAL, "Seconds between two fetches; an hour. A server may ask for more.")
]
FIRST_ITEMS = 50
"""Items that are looked for before a feed that was added counts as read."""
POLL_SECONDS = 0.3


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="active, paused or gone.")] = None,
    search: Annotated[str | None, typer.Option(help="Part of an address or a title.")] = None,
    limit: Annotated[int, whole(SHOWN, "How many.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """List feeds with their health and the time of their next fetch."""
    with client() as api:
        found = list(api.feeds.list(state=state, search=search, limit=limit))
    if as_json:
        print_json(found)
        return
    print_feeds(found)


@app.command()
def show(feed: Name, as_json: AsJson = False) -> None:
    """Print a feed and its newest items."""
    with client() as api:
        found = _found(api, feed)
        items = list(api.feeds.items(found["id"], limit=10))
    print_list({**found, "items": items}, as_json, ("field", "value"), found.items(), none="")
    print_items(items)


@app.command()
def add(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Addresses of feeds.")],
    interval: Interval = None,
    wait: Wait = 0,
    as_json: AsJson = False,
) -> None:
    """Follow feeds: they are fetched now, and again when they are due."""
    with client() as api:
        found = api.feeds.add(urls, interval=interval)
        until = time.monotonic() + wait
        while any(one["last_fetched_at"] is None for one in found) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            found = [api.feeds.get(one["id"]) if one["last_fetched_at"] is None else one for one in found]
        while not all(_has_items(api, one) for one in found) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
    if as_json:
        print_json(found)
    else:
        print_feeds(found)


@app.command("import")
def import_(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A list of feeds (OPML), as feed readers export it; - is stdin."),
    ],
    wait: Wait = 0,
    as_json: AsJson = False,
) -> None:
    """Follow the feeds of a list, fetch them, and print what came of it."""
    opml = _text(file)
    with client() as api:
        _print_import(api, api.feeds.start_import(opml=opml), wait, as_json=as_json)


@app.command()
def export(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Where to write it; stdout.")] = None,
) -> None:
    """Write the list of active feeds (OPML), for feed readers."""
    with client() as api:
        feeds = list(api.feeds.list(state="active"))
    text = "".join(write_opml((one["url"], one["title"], one["site"]) for one in feeds))
    if file is None or file == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(FieldError("FILE", f"can't be written: {error}")) from error
    console().print(f"{len(feeds):,} feeds in {file}", markup=False)


@app.command()
def items(
    feed: Name,
    search: Annotated[str | None, typer.Option(help="Part of a title, guid, link or text.")] = None,
    limit: Annotated[int, whole(SHOWN, "How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the items of a feed, newest first."""
    with client() as api:
        found = list(api.feeds.items(_found(api, feed)["id"], search=search, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_items(found)


@app.command()
def fetch(
    feed: Annotated[
        str | None,
        typer.Argument(metavar="FEED", help="The feed's address or id; without it all that are active."),
    ] = None,
    wait: Wait = 0,
    as_json: AsJson = False,
) -> None:
    """Fetch a feed now, or all."""
    with client() as api:
        started = api.feeds.start_import() if feed is None else api.feeds.fetch(_found(api, feed)["id"])
        _print_import(api, started, wait, as_json=as_json)


@app.command("set")
def set_(
    feed: Name,
    interval: Annotated[float, real(INTERVAL, "Seconds between two fetches.")],
    as_json: AsJson = False,
) -> None:
    """Set how often a feed is fetched."""
    with client() as api:
        found = api.feeds.set_interval(_found(api, feed)["id"], interval)
    _said(found, f"{found['url']} is fetched every {interval:g} s", as_json=as_json)


@app.command()
def pause(feed: Name, as_json: AsJson = False) -> None:
    """Fetch a feed no more until it is resumed."""
    with client() as api:
        found = api.feeds.pause(_found(api, feed)["id"])
    _said(found, f"{found['url']} is paused", as_json=as_json)


@app.command()
def resume(feed: Name, as_json: AsJson = False) -> None:
    """Fetch a feed again, also one whose server said that it is gone."""
    with client() as api:
        found = api.feeds.resume(_found(api, feed)["id"])
    _said(found, f"{found['url']} is resumed", as_json=as_json)


@app.command()
def delete(feed: Name, yes: Yes = False) -> None:
    """Delete a feed with its items."""
    with client() as api:
        found = _found(api, feed)
        if not yes:
            typer.confirm(f"Delete {found['url']} with its items?", abort=True, err=True)
        api.feeds.delete(found["id"])
    console().print(f"{found['url']} is deleted", markup=False, soft_wrap=True)


@app.command()
def imports(limit: Annotated[int, whole(SHOWN, "How many.")] = 50, as_json: AsJson = False) -> None:
    """List the history of imports with their counts, newest first."""
    with client() as api:
        found = list(api.feeds.imports(limit=limit))
    if as_json:
        print_json(found)
    else:
        print_imports(found)


@app.command()
def counts(as_json: AsJson = False) -> None:
    """Count feeds and their jobs per state."""
    with client() as api:
        found = api.feeds.counts()
    if as_json:
        print_json(found)
        return
    rows = [("feeds", state, count) for state, count in found["feeds"].items()]
    rows += [(queue, state, n) for queue, states in found["jobs"].items() for state, n in states.items()]
    print_table(("", "state", ">count"), rows, none="")


@app.command()
def clean(
    state: Annotated[
        list[str] | None,
        typer.Option(help="completed, failed or cancelled. May be repeated; none: all three."),
    ] = None,
    older_than: Annotated[
        float, real(KEPT_SECONDS, "Only jobs that ended more than so many seconds ago.")
    ] = 0,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove ended jobs of feeds and of items for good; feeds and items stay."""
    if not yes:
        typer.confirm("Remove ended jobs of feeds for good?", abort=True, err=True)
    with client() as api:
        answer = api.feeds.clean(states=state or (), older_than=older_than)
    more = "; more are left, run it again" if answer["more"] else ""
    _said(answer, f"{answer['removed']:,} removed{more}", as_json=as_json)


def _found(api: Client, feed: str) -> Any:
    """The feed with this id or address.

    Raises:
        InvalidInput: there is none.
    """
    if parse_id(feed) is not None:
        return api.feeds.get(feed)
    found = next(api.feeds.list(url=feed, limit=1), None)
    if found is None:
        raise InvalidInput(FieldError("FEED", f"there is no feed {feed}; corral feeds add {feed} follows it"))
    return found


def _text(file: str) -> str:
    """The text of a file. Raises InvalidInput where it can't be read."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InvalidInput(FieldError("FILE", f"can't be read: {error}")) from error
    return raw.decode("utf-8", "replace")


def _has_items(api: Client, feed: Any) -> bool:
    """Whether what its document holds is stored, or the first page of it: the jobs of its items come after the fetch."""
    expected: int = min(feed["item_count"], FIRST_ITEMS)
    return len(list(api.feeds.items(feed["id"], limit=FIRST_ITEMS))) >= expected


def _print_import(api: Client, started: Any, wait: float, *, as_json: bool) -> None:
    """Print an import when it has ended, or after so many seconds."""
    until = time.monotonic() + wait
    one = started
    while one["finished_at"] is None and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        one = api.feeds.one_import(one["id"])
    if as_json:
        print_json(one)
        return
    print_imports([one])
    for source in one.get("feeds", ()):
        if source["error"]:
            console(stderr=True).print(f"{source['url']}: {source['error']}", soft_wrap=True, markup=False)


def _said(value: Any, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(value)
    else:
        console().print(words, markup=False, soft_wrap=True)
