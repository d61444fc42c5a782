"""The form of a load: which can be made here, what was typed, and the request that does the same."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson
from fastapi import Request

from corral.actions.load_test import COUNT, OVER, LoadTestPart
from corral.errors import FieldError, InvalidInput
from corral.ids import parse_id
from corral_jobs.demo import MAX_SECONDS
from corral_publisher.openapi import PREFIX
from corral_publisher.services import PublisherServices

FIELDS = ("kind", "seconds", "count", "over")
DEFAULTS = {"kind": "demo.sleep", "seconds": "2", "count": "2000", "over": "0"}
MIXED = "mixed"
SHARES = {"demo.echo": 80, "demo.sleep": 18, "demo.cpu": 2}
"""Of a mixed load: most jobs of a real system are short."""
KINDS = {
    "demo.sleep": "demo.sleep: waits",
    "demo.cpu": "demo.cpu: uses the processor",
    "demo.echo": "demo.echo: ends at once",
    MIXED: "mixed: mostly demo.echo",
}


async def values(
    request: Request,
    services: PublisherServices,
    sent: Mapping[str, str],
    refused: InvalidInput | None = None,
) -> dict[str, Any] | None:
    """What the form shows, with what was sent before; None where there is nothing to make a load of."""
    types = (await services.types.all()).types
    kinds = {kind: words for kind, words in KINDS.items() if _mix(kind, "", types)}
    if not kinds:
        return None
    given = DEFAULTS | {name: sent[name] for name in FIELDS if name in sent}
    if refused is None and given["kind"] not in kinds:
        given["kind"] = next(iter(kinds))
    errors = refused.errors if refused else ()
    base = services.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    started = parse_id(sent.get("load", ""))
    return {
        "values": given,
        "kinds": [(kind, words, _json(_mix(kind, given["seconds"], types))) for kind, words in kinds.items()],
        "most": {"count": int(COUNT.most), "seconds": int(MAX_SECONDS), "over": int(OVER.most)},
        "errors": errors,
        "wrong": {f"/{error.pointer.rpartition('/')[2]}": error.message for error in errors},
        "url": f"{str(base).rstrip('/')}{PREFIX}/load",
        "body": _body(given, types),
        "tag": f"load:{started}" if started else "",
    }


def read(sent: Mapping[str, str], types: Collection[str]) -> tuple[dict[str, LoadTestPart], int, float]:
    """Mix, count and seconds to spread over.

    Raises:
        InvalidInput: by the names of the form's fields.
    """
    errors = []
    mix = {
        name: LoadTestPart(part["share"], part.get("payload"))
        for name, part in _mix(sent["kind"], sent["seconds"], types).items()
    }
    if not mix:
        errors.append(FieldError("/kind", f"{sent['kind'][:50]!r} is no load that can be made here"))
    for name, kind in (("seconds", float), ("count", int), ("over", float)):
        try:
            kind(sent[name] or DEFAULTS[name])
        except ValueError:
            errors.append(
                FieldError(f"/{name}", f"{sent[name][:50]!r} is no {'whole ' if kind is int else ''}number")
            )
    if errors:
        raise InvalidInput(*errors)
    return mix, int(sent["count"] or DEFAULTS["count"]), float(sent["over"] or DEFAULTS["over"])


def _mix(kind: str, seconds: str, types: Collection[str]) -> dict[str, dict[str, Any]]:
    """The mix as the API takes it, of the types that are registered here."""
    payloads: dict[str, Any] = {
        "demo.echo": {"hello": "load"},
        "demo.sleep": {"seconds": _number(seconds or DEFAULTS["seconds"])},
        "demo.cpu": {"seconds": _number(seconds or DEFAULTS["seconds"])},
    }
    shares = SHARES if kind == MIXED else {kind: 1} if kind in SHARES else {}
    return {
        name: {"share": share, "payload": payloads[name]} for name, share in shares.items() if name in types
    }


def _body(given: Mapping[str, str], types: Collection[str]) -> str:
    """The request that does the same as the form."""
    mix = _mix(given["kind"], given["seconds"], types)
    return _json({"mix": mix, "count": _number(given["count"]), "over": _number(given["over"])})


def _number(text: str) -> Any:
    """A number as JSON writes it shortest; what is none stays as it was typed."""
    try:
        number = float(text)
    except ValueError:
        return text[:50]
    return int(number) if number.is_integer() else number


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
