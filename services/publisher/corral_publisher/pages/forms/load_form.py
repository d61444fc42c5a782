"""The form of a load test: its choices, what was typed, and the same as a request of the API."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import orjson
from fastapi import Request

from corral.actions.submissions.load_test import COUNT, OVER, LoadTestPart
from corral.errors import FieldError, InvalidInput
from corral.ids import parse_id
from corral.job.load_mix import DEMO_PAYLOADS, PAGE_SHARES
from corral_jobs.demo import MAX_SECONDS
from corral_publisher.openapi import PREFIX
from corral_publisher.services import PublisherServices

FIELDS = ("kind", "seconds", "count", "over")
DEFAULTS = {"kind": "demo.sleep", "seconds": "2", "count": "2000", "over": "0"}
MIXED = "mixed"
KINDS = {
    "demo.sleep": "demo.sleep: waits",
    "demo.cpu": "demo.cpu: uses the processor",
    "demo.echo": "demo.echo: ends at once",
    MIXED: "mixed: mostly echo",
}


async def values(
    request: Request,
    services: PublisherServices,
    sent: Mapping[str, str],
    refused: InvalidInput | None = None,
) -> dict[str, Any] | None:
    """The values of the form, with what was sent before; None where no demo job type is registered."""
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
    """Read a sent form: the mix, the number of jobs and the seconds over which they become due.

    Raises:
        InvalidInput: a field is wrong; the pointers are the names of the fields.
    """
    errors = []
    mix = {
        name: LoadTestPart(part["share"], part.get("payload"))
        for name, part in _mix(sent["kind"], sent["seconds"], types).items()
    }
    if not mix:
        errors.append(FieldError("/kind", f"{sent['kind'][:50]!r} is not one of the choices"))
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
    """The mix in the API's form, of the types that are registered."""
    duration = _number(seconds or DEFAULTS["seconds"])
    shares = PAGE_SHARES if kind == MIXED else {kind: 1} if kind in PAGE_SHARES else {}
    return {
        name: {"share": share, "payload": _payload(DEMO_PAYLOADS[name], duration)}
        for name, share in shares.items()
        if name in types
    }


def _payload(usual: Mapping[str, object], seconds: Any) -> dict[str, object]:
    """A job type's usual payload, with the seconds of the form where it has any."""
    return {**usual, "seconds": seconds} if "seconds" in usual else dict(usual)


def _body(given: Mapping[str, str], types: Collection[str]) -> str:
    """The body of the API's request that does the same as the form."""
    mix = _mix(given["kind"], given["seconds"], types)
    return _json({"mix": mix, "count": _number(given["count"]), "over": _number(given["over"])})


def _number(text: str) -> Any:
    """A number in its shortest form; text that is not a number stays as it was typed."""
    try:
        number = float(text)
    except ValueError:
        return text[:50]
    if not math.isfinite(number):
        return text[:50]
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
