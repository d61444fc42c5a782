"""`corral limits`: what is limited, in use and waiting; set, pause, resume, reset."""

import json
from typing import Annotated, Any, Final

import typer

from corral.cli.terminal.number import whole
from corral.cli.terminal.option_values import option_values
from corral.cli.terminal.output import AsJson, ago, console, print_json, print_list, print_table
from corral.cli.terminal.session import client
from corral.job.bounds import Bounds
from corral.limit_words import ignored_in_words, keys_in_words

app = typer.Typer(help="See, set, pause and resume limits.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="LIMIT", help="The limit's name.")]
Key = Annotated[str | None, typer.Option(metavar="KEY", help="Only this key of it; none: the whole limit.")]
LONGEST_SHOWN: Final = 60
"""Characters of a key in a table."""
SHOWN_KEYS: Final = Bounds(1, 1_000_000, "keys")
AS_DECLARED: Final = "as code declares it"
Reason = Annotated[str | None, typer.Option(help="Why, for the audit and for whoever looks next.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all limits with what is in force, in use and waiting."""
    with client() as api:
        limits = api.limits()
    print_list(
        limits,
        as_json,
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
    only_set: Annotated[
        bool, typer.Option("--set", help="Only keys with values of their own, and those that are paused.")
    ] = False,
    limit: Annotated[int, whole(SHOWN_KEYS, "Keys at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the keys of a limit: in use, waiting, what is set for them and by whom, and the jobs that hold them."""
    with client() as api:
        found = list(api.limit_keys(name, key=key, limit=limit + 1, only_set=only_set))
    more, found = len(found) > limit, found[:limit]
    print_list(
        found,
        as_json,
        ("key", "", "set", ">in use", ">waiting", "held by", "by whom"),
        (
            (
                _key(one["key"]),
                _mark(one),
                _values(one["overrides"]),
                f"{one['in_use']:g}",
                one["waiting"],
                _holders(one["holders"]),
                "; ".join(_said(one)),
            )
            for one in found
        ),
        none=f"nothing uses {name}, waits for it or is set for a key of it",
    )
    if more:
        console().print(f"there are more: --limit {2 * limit}, or --key KEY for one", markup=False)


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
    key: Key = None,
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
        console().print(f"set for {_part(name, key)}: {_values(change)}", markup=False)
    else:
        _print(limit)


@app.command()
def pause(name: Name, key: Key = None, reason: Reason = None, as_json: AsJson = False) -> None:
    """Pause a limit, or one key of it: jobs that take of it are not started; jobs that run go on."""
    with client() as api:
        _done(api.pause_limit(name, key=key, reason=reason), "paused", key, as_json=as_json)


@app.command()
def resume(name: Name, key: Key = None, reason: Reason = None, as_json: AsJson = False) -> None:
    """Resume a paused limit, or one key of it."""
    with client() as api:
        _done(api.resume_limit(name, key=key, reason=reason), "resumed", key, as_json=as_json)


@app.command()
def reset(name: Name, key: Key = None, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take back every value that was set for the limit, or for one key of it. A pause stays, and so do values of other keys."""
    with client() as api:
        _done(api.reset_limit(name, key=key, reason=reason), AS_DECLARED, key, as_json=as_json)


def _done(limit: dict[str, Any], done: str, key: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(limit)
        return
    kept = "" if key or done != AS_DECLARED or not limit["keys_set"] else f"; {_own(limit)}"
    console().print(f"{_part(limit['name'], key)} is {done}{kept}", markup=False)


def _part(name: str, key: str | None) -> str:
    return f"the key {_key(key)} of {name}" if key else name


def _key(key: str) -> str:
    """A key as it is; in quotes where somebody who reads it could not tell what it is. JSON output has long ones whole."""
    if len(key) > LONGEST_SHOWN:
        key = f"{key[: LONGEST_SHOWN - 13]}…{key[-12:]}"
    return key if key.isprintable() and key.strip() == key else json.dumps(key, ensure_ascii=False)


def _print(limit: dict[str, Any]) -> None:
    lines = [f"{limit['name']} ({limit['kind']}){': paused' if limit['paused'] else ''}"]
    console().print(*lines, markup=False)
    rows = [
        (name, _value(value), "an operator" if name in limit["overrides"] else "code")
        for name, value in sorted(limit["values"].items())
    ]
    print_table(("value", "in force", "said by"), rows, none="")
    left = "" if limit["left"] is None else f"{limit['left']:g} left now; "
    lines = [
        *_said(limit),
        f"in use: {limit['in_use']:g}; {left}{limit['waiting']:,} jobs wait that take of it",
    ]
    if limit["ignored_by"]:
        lines.append(f"more may run: {ignored_in_words(limit['ignored_by'])}")
    if limit["holders"]:
        lines.append(f"held for the longest by {_holders(limit['holders'])}")
    if limit["keys_set"] or limit["keys_paused"]:
        lines.append(f"{_own(limit)}: corral limits keys {limit['name']} --set")
    console().print("\n".join(lines), markup=False)


def _own(limit: dict[str, Any]) -> str:
    return keys_in_words(limit["keys_set"], limit["keys_paused"])


def _said(one: dict[str, Any]) -> list[str]:
    """Who set values, who paused it, what a provider asked for; each with when and why."""
    told = []
    if one["overrides"]:
        told.append(f"set by {one['set_by']} {ago(one['set_at'])}{_why(one['reason'])}")
    if one["paused"]:
        told.append(f"paused by {one['paused_by']} {ago(one['paused_at'])}{_why(one['paused_reason'])}")
    if one.get("parked_until"):
        what = f"job {one['probe']} goes first, after a wait" if one["probe"] else "waits"
        by = f", as job {one['parked_by']} was told" if one["parked_by"] else ""
        told.append(
            f"{what} until {one['parked_until']} ({ago(one['parked_until'])}){by}{_why(one['parked_reason'])}"
        )
    return told


def _why(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _mark(one: dict[str, Any]) -> str:
    if one["paused"]:
        return "paused"
    if one.get("ignored_by"):
        return "ignored"
    return "waits" if one.get("parked_until") else "set" if one["overrides"] else ""


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
    where = f"on {one['worker']}" if one["worker"] else "keeps it while it waits"
    return f"{one['job']} ({one['type']} {where}, {ago(one['since'])})"
