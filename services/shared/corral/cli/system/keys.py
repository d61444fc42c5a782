"""`corral keys` and `corral sign-in`: who may come in. They speak to Postgres itself: no key is needed."""

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.text import Text

from corral.actions.access.principal import Role
from corral.cli.system.services import service_settings
from corral.cli.terminal.choice import choice, id_of
from corral.cli.terminal.output import AsJson, ago, console, print_json, print_table
from corral.cli.terminal.wait_for_start import Wait, patiently

if TYPE_CHECKING:  # the database's drivers take long to import: only commands that need them do
    from corral.actions.access.api_keys import Adopted
    from corral.store import Store
    from corral.store.access.api_keys import ApiKey

app = typer.Typer(help="Create, list and revoke keys, in the database itself.", no_args_is_help=True)
T = TypeVar("T")
BOOTSTRAP = "CORRAL_BOOTSTRAP_KEY"

RoleOption = Annotated[Role, choice(Role, "What it may do; each includes the one before.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; the audit shows it.")],
    role: RoleOption = Role.OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it, this once."""

    async def work(store: "Store") -> "tuple[str, ApiKey]":
        from corral.actions.access.api_keys import KeyActions  # noqa: PLC0415

        return await KeyActions(store).create(name, role, actor=_person())

    key, stored = _with_store(work)
    if as_json:
        print_json({"key": key, **_plain(stored)})
    else:
        typer.echo(key)


@app.command()
def adopt(
    name: Annotated[str, typer.Option(help="Whose key it is; the audit shows it.")] = "admin",
    role: RoleOption = Role.ADMIN,
    replace: Annotated[
        bool, typer.Option("--replace", help="Revoke the other keys of that name: it takes their place.")
    ] = False,
    wait: Wait = 0.0,
    as_json: AsJson = False,
) -> None:
    """Let a key in that was made elsewhere: CORRAL_BOOTSTRAP_KEY, or standard input. May be repeated.

    Only its hash is stored. One that was revoked stays revoked.
    """
    # A line end, which many a file and so many a Secret has behind it, is none of the key.
    key = (os.environ.get(BOOTSTRAP) or sys.stdin.readline()).strip()

    async def work(store: "Store") -> "Adopted":
        from corral.actions.access.api_keys import KeyActions  # noqa: PLC0415

        return await KeyActions(store).adopt(key, name, role, actor="corral keys adopt", replace=replace)

    adopted = _with_store(work, wait)
    if as_json:
        print_json({"adopted": adopted.new, "revoked_others": adopted.replaced, **_plain(adopted.key)})
        return
    stored = adopted.key
    state = "was revoked, and stays so" if stored.revoked_at else "is adopted" if adopted.new else "was known"
    others = f"; {adopted.replaced} other keys of that name are revoked" if adopted.replaced else ""
    console().print(Text(f"the key of {stored.name} ({stored.role}) {state}{others}"))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all keys; the keys themselves are shown to nobody again."""

    async def work(store: "Store") -> "list[ApiKey]":
        from corral.actions.access.api_keys import KeyActions  # noqa: PLC0415

        return list(await KeyActions(store).list())

    keys = _with_store(work)
    if as_json:
        print_json([_plain(key) for key in keys])
        return
    rows = (
        (str(k.id), k.name, k.role, _ago(k.created_at), _ago(k.last_used_at), _ago(k.revoked_at))
        for k in keys
    )
    print_table(("id", "name", "role", "created", "last used", "revoked"), rows, none="no keys")


@app.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(parser=id_of("a key"), metavar="ID", help="The id of a key.")],
) -> None:
    """Revoke a key; it works for a few seconds more at most."""

    async def work(store: "Store") -> "ApiKey":
        from corral.actions.access.api_keys import KeyActions  # noqa: PLC0415

        return await KeyActions(store).revoke(key_id, actor=_person())

    console().print(Text(f"{_with_store(work).name} can't come in any more"))


def sign_in(role: RoleOption = Role.ADMIN, as_json: AsJson = False) -> None:
    """Print a link that signs a browser in, once."""

    async def work(store: "Store") -> str:
        from corral.actions.access.sign_in import SignIn  # noqa: PLC0415

        return await SignIn(store).create_link(_person(), role)

    settings = service_settings()
    url = settings.public_url or f"http://{settings.host}:{settings.port}"
    link = f"{url.rstrip('/')}/sign-in/{_with_store(work)}"
    if as_json:
        print_json({"link": link})
    else:
        typer.echo(link)


def _with_store(work: "Callable[[Store], Awaitable[T]]", wait: float = 0.0) -> T:
    """Do one thing with a store of one connection; with `wait`, one that may be tried again."""
    from corral.store import Store  # noqa: PLC0415

    settings = service_settings()

    async def run() -> T:
        store = Store.from_settings(settings, application_name="corral keys", pool_size=1, direct=True)
        try:
            await store.schema.check()
            return await work(store)
        finally:
            await store.close()

    return patiently(lambda: asyncio.run(run()), wait)


def _person() -> str:
    """Whom the audit names."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in a container
        return "command line"


def _plain(key: "ApiKey") -> dict[str, Any]:
    return {
        name: getattr(key, name)
        for name in ("id", "name", "role", "created_at", "last_used_at", "revoked_at")
    }


def _ago(moment: Any) -> str:
    return ago(moment.isoformat()) if moment else ""
