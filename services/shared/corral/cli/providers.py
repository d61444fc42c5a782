"""`corral providers`: services of others that jobs call: their addresses, where their secrets are, what they allow."""

from typing import Annotated, Any

import typer

from corral.cli.terminal.option_values import option_values
from corral.cli.terminal.output import AsJson, ago, console, print_json, print_list, print_table
from corral.cli.terminal.session import client

app = typer.Typer(help="See and set the services of others that jobs call.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider's name.")]
HEADER = "headers."
NUMBERS = ("slots", "transit", "per_second", "per_day", "bytes_per_day", "timeout", "max_bytes")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all providers with what they allow."""
    with client() as api:
        providers = api.providers()
    print_list(
        providers,
        as_json,
        ("provider", "", "address", ">at once", ">per second", ">per day", ">bytes per day"),
        (
            (
                one["name"],
                _mark(one),
                one["values"]["url"],
                one["values"]["slots"],
                _number(one["values"]["per_second"]),
                _number(one["values"]["per_day"]),
                _number(one["values"]["bytes_per_day"]),
            )
            for one in providers
        ),
        none="there are no providers; corral providers set NAME url=https://... makes one",
    )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a provider: its values, and who set them. Of a secret it is said where it is."""
    with client() as api:
        provider = api.provider(name)
    if as_json:
        print_json(provider)
    else:
        _print(provider)


@app.command("set")
def set_(
    name: Name,
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="VALUE=...",
            help="url=https://example.com/api slots=2 per_second=10 per_day=10000 bytes_per_day=1e9 timeout=60 "
            "max_bytes=1000000 headers.X-Api-Key=env:PROVIDER_KEY; VALUE= takes it back.",
        ),
    ],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit and for whoever looks next.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a provider, or set values of one over those that code declares. No deployment takes them back.

    A secret is never given here, but where the workers find it: env:PROVIDER_..., an environment variable of theirs, or
    file:NAME, a file in CORRAL_SECRETS_DIR.
    """
    change = option_values(values, "VALUE=...")
    with client() as api:
        headers = {
            key.removeprefix(HEADER): change.pop(key) for key in list(change) if key.startswith(HEADER)
        }
        if headers:
            known = {one["name"]: one["values"]["headers"] for one in api.providers()}.get(name, {})
            change["headers"] = {
                header: value for header, value in {**known, **headers}.items() if value is not None
            }
        provider = api.set_provider(name, change, reason=reason)
    if as_json:
        print_json(provider)
    else:
        _print(provider)


@app.command()
def remove(name: Name) -> None:
    """Remove a provider: jobs that call it fail. One that code declares comes back when its types are registered."""
    with client() as api:
        api.remove_provider(name)
    console().print(f"{name} is removed", markup=False)


def _print(provider: dict[str, Any]) -> None:
    values = provider["values"]
    console().print(f"{provider['name']}: {values['url']}", markup=False)
    rows = [(option, _number(values[option]), _said_by(provider, option)) for option in NUMBERS]
    rows += [(header, place, _said_by(provider, "headers")) for header, place in values["headers"].items()]
    print_table(("value", "in force", "said by"), rows, none="")
    if provider["set_by"]:
        why = f": {provider['reason']}" if provider["reason"] else ""
        console().print(f"set by {provider['set_by']} {ago(provider['set_at'])}{why}", markup=False)
    if provider["parked_until"]:
        console().print(f"it asked to wait: nothing is sent before {provider['parked_until']}", markup=False)


def _said_by(provider: dict[str, Any], option: str) -> str:
    if option in provider["overrides"]:
        return "an operator"
    return "code" if option in provider["declared"] else "Corral"


def _mark(one: dict[str, Any]) -> str:
    return "waits" if one["parked_until"] else "set" if one["overrides"] else ""


def _number(value: Any) -> str:
    return "no limit" if value is None else f"{value:,.12g}"
