"""`corral limits`: what is limited, in use and waiting; set, pause, resume, reset."""

from typing import Annotated, Any

import typer

from corral.cli.option_values import option_values
from corral.cli.output import AsJson, ago, console, print_json, print_table
from corral.cli.session import client

app = typer.Typer(help="See, set, pause and resume limits.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="LIMIT", help="The limit's name.")]
Key = Annotated[str, typer.Option(metavar="KEY", help="Only this key of it; none: the whole limit.")]
Reason = Annotated[str | None, typer.Option(help="Why, for the audit and for whoever looks next.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all limits with what is in force, in use and waiting."""
    with client() as api:
        limits = api.limits()
    if as_json:
        print_json(limits)
        return
    print_table(
        ("limit", "", "in force", ">in use", ">waiting", "job types"),
        (
            (
                limit["name"],
                _mark(limit),
                _values(limit["values"]),
                f"{limit['in_use']:g}",
                limit["waiting"],
                limit["types"],
            )
            for limit in limits
        ),
        none="no limits are declared",
    )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a limit: its values, who set them, and the jobs that hold its total."""
    with client() as api:
        limit = api.limit(name)
    if as_json:
        print_json(limit)
    else:
        _print(limit)


@app.command()
def keys(
    name: Name,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only this key.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Keys at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the keys of a limit: in use, waiting, and the jobs that hold them."""
    with client() as api:
        found = list(api.limit_keys(name, key=key, limit=limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ("key", "", "set", ">in use", ">waiting", "held by"),
        (
            (
                one["key"],
                _mark(one),
                _values(one["overrides"]),
                f"{one['in_use']:g}",
                one["waiting"],
                _holders(one["holders"]),
            )
            for one in found
        ),
        none=f"nothing uses {name}, waits for it or is set for a key of it",
    )


@app.command("set")
def set_(
    name: Name,
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="VALUE=NUMBER...",
            help="total=10, each=3, per_worker=5, max_waiting=100, on_full=refuse, weights='{\"acme\": 3}'; of a rate "
            "rate=100, per=60. NAME= removes what was set.",
        ),
    ],
    key: Key = "",
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Set values of a limit over those that code declares. No deployment takes them back."""
    change = option_values(values, "VALUE=NUMBER")
    with client() as api:
        limit = api.set_limit(name, key=key, reason=reason, values=change)
    if as_json:
        print_json(limit)
    elif key:
        console().print(f"set for the key {key} of {name}: {_values(change)}", markup=False)
    else:
        _print(limit)


@app.command()
def pause(name: Name, key: Key = "", reason: Reason = None, as_json: AsJson = False) -> None:
    """Pause a limit, or one key of it: jobs that take of it are not started; jobs that run go on."""
    with client() as api:
        _done(api.pause_limit(name, key=key, reason=reason), "paused", key, as_json=as_json)


@app.command()
def resume(name: Name, key: Key = "", reason: Reason = None, as_json: AsJson = False) -> None:
    """Resume a paused limit, or one key of it."""
    with client() as api:
        _done(api.resume_limit(name, key=key, reason=reason), "resumed", key, as_json=as_json)


@app.command()
def reset(name: Name, key: Key = "", reason: Reason = None, as_json: AsJson = False) -> None:
    """Take back every value that was set: what code declares is in force. A pause stays."""
    with client() as api:
        _done(api.reset_limit(name, key=key, reason=reason), "as code declares it", key, as_json=as_json)


def _done(limit: dict[str, Any], done: str, key: str, *, as_json: bool) -> None:
    if as_json:
        print_json(limit)
    else:
        name = limit["name"]
        console().print(f"{name + ' of ' + key if key else name} is {done}", markup=False)


def _print(limit: dict[str, Any]) -> None:
    console().print(f"{limit['name']} ({limit['kind']}){': paused' if limit['paused'] else ''}", markup=False)
    rows = [
        (name, _value(value), "an operator" if name in limit["overrides"] else "code")
        for name, value in sorted(limit["values"].items())
    ]
    print_table(("value", "in force", "said by"), rows, none="")
    if limit["set_by"]:
        why = f": {limit['reason']}" if limit["reason"] else ""
        console().print(f"set by {limit['set_by']} {ago(limit['set_at'])}{why}", markup=False)
    waiting = f"{limit['waiting']:,} jobs wait that take of it"
    console().print(f"in use: {limit['in_use']:g}; {waiting}", markup=False)
    if limit["holders"]:
        console().print(f"held for the longest by {_holders(limit['holders'])}", markup=False)


def _mark(one: dict[str, Any]) -> str:
    return "paused" if one["paused"] else "set" if one["overrides"] else ""


def _values(values: dict[str, Any]) -> str:
    plain = {"hold": "attempt", "on_full": "queue"}
    shown = {name: value for name, value in values.items() if plain.get(name) != value}
    return " ".join(f"{name}={_value(value)}" for name, value in sorted(shown.items()))


def _value(value: Any) -> str:
    match value:
        case None:
            return ""
        case dict():
            return ",".join(f"{key}:{one:g}" for key, one in sorted(value.items()))
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case _:
            return str(value)


def _holders(holders: list[dict[str, Any]]) -> str:
    return ", ".join(_holder(one) for one in holders)


def _holder(one: dict[str, Any]) -> str:
    if one["program"]:
        return f"{one['program']} (a program, {ago(one['since'])})"
    return f"{one['job']} ({one['type']} on {one['worker'] or '?'}, {ago(one['since'])})"
