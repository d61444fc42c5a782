"""Makes the parts of the chart that are made: settings in values.schema.json, README.md, files/defaults.yaml.

The last is the copy of values.yaml that templates can read.
`python charts/reference.py` writes them; `make docs` runs it, and a test compares. The schema is otherwise written by
hand; this only keeps its layout: one value, one line.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from corral.cli.system.config import default_of
from corral.settings import Settings
from corral.settings.ranges import declared

CHART = Path(__file__).parent / "corral"
SET_BY_THE_CHART = {
    *("database_url", "database_password", "database_direct_url", "redis_url", "redis_password"),
    *("host", "port", "metrics_port", "worker_port", "web_workers", "public_url", "grace"),
    *("worker_name", "pool", "queues", "jobs", "handlers", "slots_async", "slots_thread", "slots_process"),
    *("artifact_store", "artifact_dir", "artifact_bucket", "artifact_prefix", "artifact_endpoint"),
    *("artifact_region", "artifact_access_key", "artifact_secret_key", "artifact_addressing", "artifact_ca"),
    "worker_enabled",
    *("smtp_host", "smtp_port", "smtp_security", "smtp_user", "smtp_password", "smtp_from"),
    *("mail_sink", "mail_sink_host", "mail_sink_port"),
}
"""Settings that have a value of their own, or none to give."""

EXAMPLES = {
    "schema": "jobs",
    "api_rate": "100/s",
    "api_job_rate": "1000/s",
    "log_level": "debug",
    "metrics_host": "::",
    "worker_host": "::",
    "secure_cookies": "true",
    "outgoing_allow": "10.20.0.0/16,fd12:3456::/48",
    "outgoing_proxy": "http://proxy.example.com:3128",
    "default_retries": "5",
    "default_timeout": "600",
    "default_max_stalls": "3",
    "default_keep_finished": "86400",
    "default_keep_failed": "604800",
}
"""Where the default says too little."""

HEAD = """# The chart's values

Made by `make docs` from `values.schema.json`, which refuses every value that is not here, and `values.yaml`.
How to install: [docs/how-to/install-on-kubernetes.md](../../docs/how-to/install-on-kubernetes.md); what to do
afterwards: [docs/how-to/operate.md](../../docs/how-to/operate.md). Every pool of `pools` may have each value of
`poolDefaults`.
"""

Json = Any


def settings() -> dict[str, Json]:
    """The schema of the CORRAL_ settings that may be given as such."""
    return {
        f"CORRAL_{field.name.upper()}": {
            "type": ["string", "number", "boolean"],
            "description": declared(Settings, field.name).meaning,
            **_bounds(field.name),
            "examples": [EXAMPLES.get(field.name, default_of(field.name))],
        }
        for field in fields(Settings)
        if field.name not in SET_BY_THE_CHART
    }


def _bounds(name: str) -> Json:
    """Those of a number. Text is what most values are given as: it must be one, of no more digits than the largest."""
    found = declared(Settings, name)
    if found.bounds is None:
        return {}
    least = "exclusiveMinimum" if found.bounds.above else "minimum"
    digits = len(str(int(found.bounds.most)))
    return {
        least: found.bounds.least,
        "maximum": found.bounds.most,
        "pattern": f"^[0-9]{{1,{digits}}}{'' if found.whole else '([.][0-9]+)?'}$",
    }


def schema() -> Json:
    """values.schema.json, with the settings that there are."""
    told = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    told["$defs"]["settings"]["properties"] = settings()
    return told


def written(told: Json) -> str:
    """The schema as it is laid out."""
    return "\n".join(_lines(told, "")) + "\n"


def _lines(node: Json, indent: str, *, spread: bool = False) -> Iterator[str]:
    """What holds properties has a line for each of them, everything else one line."""
    if not isinstance(node, dict) or not (spread or _holds_properties(node)):
        yield _visible(json.dumps(node, ensure_ascii=False))
        return
    yield "{"
    for at, (key, value) in enumerate(node.items()):
        first, *rest = _lines(value, indent + "  ", spread=key in {"properties", "$defs"})
        end = "," if at < len(node) - 1 else ""
        lines = [f"{indent}  {json.dumps(key)}: {first}", *rest]
        yield from lines[:-1]
        yield lines[-1] + end
    yield f"{indent}}}"


def _visible(text: str) -> str:
    """Line separators, which a pattern forbids, as what a person can see."""
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _holds_properties(node: dict[str, Json]) -> bool:
    return any(
        isinstance(value, dict) and (key == "properties" or _holds_properties(value))
        for key, value in node.items()
    )


def readme(told: Json) -> str:
    """The reference: a section per first name, a row per value."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    simple = [(name, node) for name, node in told["properties"].items() if "properties" not in node]
    parts = [HEAD, "\n## For all\n", *_table(_row(name, node, defaults.get(name)) for name, node in simple)]
    for name, node in told["properties"].items():
        if "properties" in node:
            parts += [f"\n## {name}\n", node["description"] + "\n"]
            parts += _table(_rows(name, node, defaults.get(name, {})))
    parts += ["\n## settings\n", told["properties"]["settings"]["description"] + "\n"]
    parts += ["| setting | meaning |", "|---|---|"]
    parts += [f"| `{name}` | {node['description']} |" for name, node in settings().items()]
    return "\n".join(parts) + "\n"


def _table(rows: Iterator[str]) -> list[str]:
    return ["| value | default | example | meaning |", "|---|---|---|---|", *filter(None, rows)]


def _rows(path: str, node: Json, default: Json) -> Iterator[str]:
    for name, inner in node["properties"].items():
        at, value = f"{path}.{name}", (default or {}).get(name)
        if "properties" in inner:
            yield from _rows(at, inner, value)
        else:
            yield _row(at, inner, value)


def _row(path: str, node: Json, default: Json) -> str:
    if node.get("deprecated"):
        return ""
    shown = "see values.yaml" if path == "pools" else f"`{_plain(default)}`"
    return f"| `{path}` | {shown} | `{_plain(node['examples'][0])}` | {node['description']} |"


def _plain(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False).replace("|", "\\|")


def made() -> dict[Path, str]:
    """What the files must say."""
    told = schema()
    defaults = "# Made by `make docs` from values.yaml, which templates can't read.\n" + _uncommented()
    return {
        CHART / "values.schema.json": written(told),
        CHART / "README.md": readme(told),
        CHART / "files/defaults.yaml": defaults,
    }


def _uncommented() -> str:
    """The defaults alone."""
    lines = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#")) + "\n"


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
    sys.exit(0)
