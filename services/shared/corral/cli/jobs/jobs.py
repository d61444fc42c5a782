"""`corral jobs`: submit, find, follow and change jobs."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from corral import json_codec
from corral.api_problem import ApiProblem
from corral.cli.jobs import effects, follow, submit
from corral.cli.jobs.causes import causes_of, print_causes
from corral.cli.terminal.exit_codes import exit_code
from corral.cli.terminal.number import whole
from corral.cli.terminal.output import AsJson, ago, console, print_json, print_table, state, table_of
from corral.cli.terminal.session import client, options_named
from corral.errors import FieldError, InvalidInput
from corral.http_client.api_request import path_of
from corral.job.bounds import Bounds

if TYPE_CHECKING:
    from corral.client import Client

app = typer.Typer(help="Submit, find, follow and change jobs.", no_args_is_help=True)
app.command("submit")(submit.submit)
app.command("watch")(follow.watch)
app.command("logs")(follow.logs)
app.command("effects")(effects.effects)
app.command("settle")(effects.settle)

SHOWN_JOBS = Bounds(1, 1_000_000, "jobs")
OPTIONS = {
    **{name: f"--{name}" for name in ("state", "type", "queue", "tag", "error")},
    "created_after": "--since",
    "created_before": "--until",
}
"""The options whose parameters of the API have other names, or no dashes."""
SHOWN_CHARACTERS = 1_000
"""Characters of a payload or a result that are shown to people."""
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of jobs.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a job.")]


@app.command("list")
def list_(
    *,
    state_: Annotated[list[str] | None, typer.Option("--state", help="Only jobs in this state.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only jobs of this type.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only jobs of this queue.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only jobs with this tag.")] = None,
    error: Annotated[str | None, typer.Option(help="Only jobs whose error contains this text.")] = None,
    search: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Only jobs with this payload field.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only jobs submitted at or after this ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only jobs submitted before this ISO time.")] = None,
    limit: Annotated[int, whole(SHOWN_JOBS, "How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    params: dict[str, Any] = {
        "state": state_ or None,
        "type": type_,
        "queue": queue,
        "tag": tag,
        "error": error,
        "created_after": since,
        "created_before": until,
    }
    for pair in search or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is not FIELD=VALUE", param_hint="--search")
        params[f"search.{name}"] = value
    searched = {name: "--search" for name in params if name.startswith("search.")}
    with client() as api, options_named(**OPTIONS, **searched):
        found = list(api.pages("/jobs", limit=limit, on_hint=_patience(), **params))
    if as_json:
        print_json(found)
    else:
        print_table(
            ("id", "type", "queue", "state", "progress", ">attempt", "submitted"),
            map(row, found),
            none="no jobs",
        )


@app.command()
def show(job_id: Id, as_json: AsJson = False) -> None:
    """Show one job: its state, times, payload, result or error."""
    with client() as api:
        job = api.job(job_id)
    if as_json:
        print_json(job)
        return
    facts = [(name, value) for name, value in job.items() if value not in (None, [], {}, "", 0, False)]
    console().print(table_of(("", ""), [(name, _fact(name, value)) for name, value in facts]))


@app.command()
def cancel(job_ids: Ids, as_json: AsJson = False) -> None:
    """Cancel jobs: at once where they wait, as soon as they hear it where they run."""
    _act(job_ids, "cancel", as_json=as_json)


@app.command()
def retry(job_ids: Ids, as_json: AsJson = False) -> None:
    """Run ended jobs again, with all their tries; what happened before stays in their history."""
    _act(job_ids, "retry", as_json=as_json)


@app.command("run-now")
def run_now(job_ids: Ids, as_json: AsJson = False) -> None:
    """Queue jobs that are scheduled for later now."""
    _act(job_ids, "run-now", as_json=as_json)


@app.command()
def why(job_id: Id, as_json: AsJson = False) -> None:
    """Say why a job isn't running, and what would lift it."""
    with client() as api:
        answer = causes_of(api, job_id)
    if as_json:
        print_json(answer)
        return
    print_causes(console(), answer)
    if not answer["causes"]:
        console().print(f"nothing holds it: it is {answer['state']}")


@app.command("follow-ups")
def follow_ups(job_id: Id, as_json: AsJson = False) -> None:
    """List the jobs that were stored with a job's outcome (`ctx.then`)."""
    with client() as api:
        found = api.get(path_of("jobs", job_id, "follow-ups"))["items"]
    if as_json:
        print_json(found)
        return
    rows = [
        (one["follow_up"], one["type"] or "", one["on"], state(one["state"]) if one["state"] else "removed")
        for one in found
    ]
    print_table(("id", "type", "on", "state"), rows, none="no follow-ups")


@app.command()
def download(
    job_id: Id,
    name: Annotated[str | None, typer.Argument(help="The file's name; none: all of them.")] = None,
    into: Annotated[Path, typer.Option(help="The folder, or with a NAME the file, to write.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Download a job's files."""
    with client() as api:
        found = [item["name"] for item in api.get(path_of("jobs", job_id, "artifacts"))["items"]]
        wanted = [name] if name else found
        if len(wanted) > 1 and not into.is_dir():
            raise InvalidInput(
                FieldError(
                    "--into",
                    f"{into} is no folder, and the job has {len(wanted)} files; name one: {', '.join(wanted)}",
                )
            )
        written = [_save(api, job_id, one, into / one if into.is_dir() else into) for one in wanted]
    if as_json:
        print_json([str(path) for path in written])
    else:
        for path in written:
            console().print(Text(str(path)))
        if not written:
            console().print("the job has no files")


def row(job: dict[str, Any]) -> tuple[Any, ...]:
    """A job as a line of a table."""
    return (
        job["id"],
        job["type"],
        job["queue"],
        state(job["state"]),
        progress(job),
        job["attempt"],
        ago(job["created_at"]),
    )


def progress(job: dict[str, Any]) -> str:
    """How far a job is, or why it failed."""
    if job["state"] == "failed" and job.get("error"):
        return str(job["error"].get("message", ""))[:60]
    if job["state"] in ("running", "scheduled", "queued") and job.get("progress"):
        return f"{job['progress']} % {job.get('progress_message') or ''}".strip()
    return ""


def _patience() -> Callable[[str], None]:
    """Says, once, that the rest of a list is looked for, and how to have it sooner."""
    said = False

    def say(_: str) -> None:
        nonlocal said
        if not said:
            console(stderr=True).print(
                "looking through older jobs; --since, --until, --type, --queue or --state make it quicker"
            )
        said = True

    return say


def _act(job_ids: list[str], verb: str, *, as_json: bool) -> None:
    jobs: list[dict[str, Any]] = []
    refused: list[ApiProblem] = []
    with client() as api:
        for job_id in job_ids:
            try:
                jobs.append(api.post(path_of("jobs", job_id, verb)))
            except ApiProblem as error:  # the others are done all the same, and shown
                if len(job_ids) == 1 or error.status >= 500:
                    raise
                refused.append(error)
                sys.stderr.write(f"corral: {error}\n")
    if as_json:
        print_json(jobs)
    else:
        print_table(
            ("id", "type", "queue", "state", "progress", ">attempt", "submitted"), map(row, jobs), none=""
        )
    if refused:
        raise typer.Exit(exit_code(refused[0]))


def _save(api: "Client", job_id: str, name: str, path: Path) -> Path:
    partial = path.with_name(f"{path.name}.partial")
    with api.download(path_of("jobs", job_id, "artifacts", name)) as response, partial.open("wb") as file:
        for piece in response.iter_bytes():
            file.write(piece)
    partial.replace(path)
    return path


def _fact(name: str, value: Any) -> Text:
    if name == "state":
        return state(str(value))
    if isinstance(value, dict | list):
        text = json_codec.dumps(value, indent=True).decode()
        rest = len(text) - SHOWN_CHARACTERS
        return Text(
            text if rest <= 0 else f"{text[:SHOWN_CHARACTERS]}… ({rest:,} more characters; --json shows all)"
        )
    return Text(f"{value} ({ago(value)})" if name.endswith("_at") else str(value))
