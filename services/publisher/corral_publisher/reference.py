"""The page docs/reference/api.md, made from OpenAPI: `make docs` writes it, a test compares.

`python -m corral_publisher.reference <docs folder>`
"""

import json
import sys
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from corral.settings import Settings
from corral_publisher.app import create_app
from corral_publisher.models.requests import EXAMPLE
from corral_publisher.requests.auth import Requires
from corral_publisher.responses.problems import PROBLEMS

_HEAD = """# The HTTP API

Everything is JSON under `/api/v1`; `/api/v1/openapi.json` of a running publisher describes it to programs.
This page is made by `make docs` from the same description.

```sh
curl -H "Authorization: Bearer $CORRAL_KEY" '{url}/api/v1/jobs?wait=30' -d '{example}'
```

- **Keys**: `Authorization: Bearer <key>`. A key has a role; each role includes the one before: `viewer` reads,
  `operator` submits, cancels, retries and pauses, `admin` removes and starts loads. A revoked key works at most five seconds more.
  A signed-in browser may use its session instead; its changes must come from a page of the same address.
- **Submitting** answers once the job is committed. `wait` holds the answer until the job has ended; where that
  takes longer the answer is 202 with the job as it is.
- **Precedence** of options: the submission, then an operator's override for the queue, then what the job type
  declares, then the queue's defaults, then the installation's (`CORRAL_DEFAULT_…`), then Corral's. `sources` of
  a type says who set each.
- **Lists** are `{{"items": […], "next": …}}`, newest first; `next` is the `cursor` of the following page.
  A row of which a field can't be shown as it is stored names it, and what is stored, in `unreadable`.
- **Times** are RFC 3339 in UTC, within the years 1 to 9999; durations are seconds, ids are UUIDs of version 7.
- **JSON** is read strictly: UTF-8, no NaN, no decimal beyond a double, no NUL, no lone surrogate, at most 64
  levels deep. Of two members with one name the last counts. Numbers keep their digits, whole ones up to 4,300.
- **Limits**: `CORRAL_MAX_PAYLOAD_BYTES` for one payload, `CORRAL_MAX_BODY_BYTES` for one body, 10,000 jobs in
  one bulk, `CORRAL_BODY_TIMEOUT` seconds for a body to arrive.
- **Streams** are server-sent events, gathered about three times a second. `Last-Event-ID` goes on where a
  stream broke off; `gap` says that something was missed: read again what you show.

## Problems

Every error is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`. Wrong input lists
`errors`, each with a `pointer` into the body (RFC 6901) or the name of a query `parameter`. An answer of 500
has a `request_id` that is in the log; every answer carries it as `X-Request-ID`.

| type | status | meaning |
|---|---|---|
{problems}

After `outcome-unknown` the job may be stored or not: ask for the `ids` of the answer before you try again.
What is no HTTP at all, or over its limits for a request line or headers, is answered by the server itself before
Corral sees it: 400, 414, 431 or 501 as plain text, and the connection is closed.

HEAD answers the headers of GET. A refusal that needs no body may be answered before the body has arrived. The
connection goes on, but where the body is over 1 MiB or sent in chunks: then the answer says `Connection: close`. A
connection without a whole request is closed after 75 seconds.
"""


def api_page() -> str:
    """The text of docs/reference/api.md."""
    app = create_app(Settings(database_url="postgresql://here/db", redis_url="redis://here"))
    document = app.openapi()
    roles = {
        (method.lower(), route.path): item.call.role.value
        for route in app.routes
        if isinstance(route, APIRoute)
        for item in route.dependant.dependencies
        if isinstance(item.call, Requires)
        for method in route.methods or ()
    }
    problems = "\n".join(
        f"| `urn:corral:problem:{slug}` | {status} | {title} |" for slug, status, title in PROBLEMS
    )
    lines = [
        _HEAD.format(
            url="http://127.0.0.1:8000", example=json.dumps(EXAMPLE, ensure_ascii=False), problems=problems
        )
    ]
    tag = ""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                lines += [f"## {tag.capitalize()}", ""]
            lines += _operation(method, path, operation, roles.get((method, path)))
    lines += ["## Bodies", ""]
    for name in ("Submission", "Bulk", "QueuePatch", "QueueOptions", "Clean", "LoadRequest", "LoadPart"):
        lines += _schema(name, document["components"]["schemas"][name])
    return "\n".join(lines)


def _operation(method: str, path: str, operation: dict[str, Any], role: str | None) -> list[str]:
    answers = ", ".join(status for status in sorted(operation["responses"]))
    lines = [
        f"### `{method.upper()} {path}`",
        "",
        f"{operation['summary'].removesuffix('.')}{'' if operation['summary'].endswith('?') else '.'} {_flat(operation['description'])}",
        "",
    ]
    parameters = [item for item in operation.get("parameters", ()) if item["in"] == "query"]
    if parameters:
        lines += ["| parameter | meaning |", "|---|---|"]
        lines += [f"| `{item['name']}` | {_meaning(item)} |" for item in parameters]
        lines.append("")
    who = f"Role: {role}." if role else "Open to all."
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    takes = f" Body: `{body['$ref'].rpartition('/')[2]}`." if body else ""
    return [*lines, f"{who}{takes} Answers: {answers}.", ""]


def _schema(name: str, schema: dict[str, Any]) -> list[str]:
    required = schema.get("required", ())
    lines = [
        f"### {name}",
        "",
        _flat(schema["description"]),
        "",
        "| field | type | meaning |",
        "|---|---|---|",
    ]
    for field, node in schema["properties"].items():
        meaning = node.get("description", "")
        must = " Required." if field in required else ""
        lines.append(f"| `{field}` | {_type(node)} | {meaning}{must} |")
    return [*lines, ""]


def _type(node: dict[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in node:
        return str(node["$ref"].rpartition("/")[2])
    if "anyOf" in node:
        return " or ".join(_type(one) for one in node["anyOf"])
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    words = (
        f"list of {_type(node['items'])}"
        if node.get("type") == "array"
        else str(node.get("type", "any JSON"))
    )
    bounds = [
        f"{sign} {node[key]:g}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in node
    ]
    return f"{words} {', '.join(bounds)}".strip()


def _meaning(item: dict[str, Any]) -> str:
    schema = item["schema"]
    default = f" Default: {schema['default']}." if schema.get("default") is not None else ""
    return f"{_flat(item.get('description', ''))}{default}"


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    (Path(sys.argv[1]) / "reference" / "api.md").write_text(api_page(), encoding="utf-8")
