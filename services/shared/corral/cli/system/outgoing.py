"""`corral outgoing`: whether Corral may send requests to an address, and why not."""

import asyncio
from typing import Annotated

import typer

from corral.cli.system.services import service_settings
from corral.cli.terminal.output import AsJson, print_json
from corral.outgoing.client import OutgoingClient

app = typer.Typer(help="See what Corral sends to addresses that users give.", no_args_is_help=True)


@app.command()
def check(
    url: Annotated[str, typer.Argument(metavar="URL", help="The address, as a user would give it.")],
    request: Annotated[
        bool,
        typer.Option("--request", help="Also send a GET request from this machine and follow redirects."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether requests to an address may be sent, and to which IP addresses they would go.

    The settings and the name servers are those of the machine that the command runs on. Exit code 2: it is refused.
    """
    addresses, status, answered, size = asyncio.run(_checked(url, request=request))
    if as_json:
        print_json({"url": answered, "addresses": addresses, "status": status, "bytes": size})
        return
    typer.echo(f"requests to it may be sent; it has {', '.join(addresses)}")
    if status is not None:
        typer.echo(f"{answered} answered {status} with {size:,} bytes")


async def _checked(url: str, *, request: bool) -> tuple[tuple[str, ...], int | None, str, int | None]:
    async with OutgoingClient.of(service_settings()) as client:
        target, addresses = await client.look(url)
        if not request:
            return addresses, None, target.url, None
        async with client.stream("GET", target.url) as response:
            size = 0
            async for piece in response.pieces():
                size += len(piece)
            return addresses, response.status, response.url, size
