"""`corral jobs effects` and `corral jobs settle`: what jobs do only once."""

from typing import Annotated, Any

import typer

from corral import json_codec
from corral.cli.terminal.output import AsJson, ago, print_json, print_table
from corral.cli.terminal.session import client
from corral.http_client.api_request import path_of

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a job.")]


def effects(job_id: Id, as_json: AsJson = False) -> None:
    """List what a job does only once (`ctx.once`), and what is perhaps done."""
    with client() as api:
        running = api.job(job_id)["state"] == "running"
        found = api.get(path_of("jobs", job_id, "effects"))["items"]
    _show(found, running=running, as_json=as_json)


def settle(
    job_id: Id,
    effect: Annotated[str, typer.Argument(help="The name of an effect that is perhaps done.")],
    *,
    done: Annotated[
        bool | None, typer.Option("--done/--again", help="It is done; or the next attempt does it again.")
    ] = None,
    receipt: Annotated[
        str | None, typer.Option(metavar="JSON", help="With --done: what later attempts get as its receipt.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of an effect that is perhaps done. Retry the job afterwards."""
    if done is None:
        raise typer.BadParameter("say --done or --again", param_hint="--done")
    asked: dict[str, Any] = {"effect": effect, "outcome": "done" if done else "again"}
    if receipt is not None:
        try:
            asked["receipt"] = json_codec.lenient(receipt)
        except ValueError as error:
            raise typer.BadParameter(
                f"{receipt!r:.100} is not JSON: {error}", param_hint="--receipt"
            ) from None
    with client() as api:
        found = api.post(path_of("jobs", job_id, "settle"), asked)["items"]
    _show(found, running=False, as_json=as_json)


def _show(found: list[dict[str, Any]], *, running: bool, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        (one["name"], _state(one, running=running), one["attempt"], ago(one["began_at"])) for one in found
    ]
    print_table(("effect", "state", ">attempt", "begun"), rows, none="no effects")


def _state(effect: dict[str, Any], *, running: bool) -> str:
    if effect["ended_at"] is None:
        return "under way" if running else "perhaps done"
    return f"done, says {effect['settled_by']}" if effect["settled_by"] else "done"
