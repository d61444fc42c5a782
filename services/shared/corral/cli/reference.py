"""The pages of docs/reference that are made from the code: `make docs` writes them, a test compares.

`python -m corral.cli.reference <docs folder> <env file>`
"""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer
from prometheus_client import REGISTRY
from typer.cli import get_docs_for_click
from typer.main import get_command

from corral import metrics
from corral.cli.main import app
from corral.cli.system.config import default_of, env_template, unset
from corral.cli.terminal.exit_codes import MEANING
from corral.job.diagram import mermaid, table
from corral.settings import Settings
from corral.settings.ranges import declared
from corral.settings.sources import CLIENT, PREFIX
from corral.store.postgres.connection import HONOURED, STATED
from corral.store.tables.reference import tables_page


def settings_page() -> str:
    """The page docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        "Every service reads the same settings, once, at its start: from its command line, then the environment,",
        "then the file `.env` (or the one that `CORRAL_ENV_FILE` names), then the default. `corral config` prints",
        "the effective ones with their source. An unknown `CORRAL_…` variable or a bad value stops the start.",
        "In `.env`, `${NAME}` and `${NAME:-otherwise}` are replaced from the environment, or else from the file itself;",
        "[how, and what old settings become](../how-to/come-from-old-settings.md).",
        "This page is made by `make docs` from the settings themselves.",
        "",
        "| setting | default | allowed | meaning |",
        "|---|---|---|---|",
    ]
    for field in fields(Settings):
        told, name = declared(Settings, field.name), f"{PREFIX}{field.name.upper()}"
        default = unset(field.name).strip(" .") or (
            f"`{default_of(field.name)}`" if default_of(field.name) else "none"
        )
        lines.append(f"| `{name}` | {default} | {_cell(told.allowed)} | {_cell(told.meaning)} |")
    lines += [
        "",
        *_environment_of_postgres(),
        "",
        "## The command line",
        "",
        "| setting | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in CLIENT.items()]
    lines += [
        "",
        "Without CORRAL_URL the command line reads `.corral/client.toml`, which `corral up` writes, or the same file in",
    ]
    lines += [
        "CORRAL_DATA. Proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`, …) and `SSL_CERT_FILE` count on the way to"
    ]
    lines += ["other machines; a publisher on this one is always reached directly.", ""]
    return "\n".join(lines)


def _environment_of_postgres() -> list[str]:
    honoured = ", ".join(f"`{name}`" for name in HONOURED)
    stated = ", ".join(f"`{name}`" for name in (*STATED, "default_transaction_isolation"))
    return [
        "## What counts beside the settings",
        "",
        f"Of libpq's own variables only these count, and only where the address says nothing of it: {honoured}. They say",
        "who Corral is, and how the line is guarded. With `sslmode=disable`, as the embedded Postgres has it, only the",
        "first two do. All others (`PGHOST`, `PGOPTIONS`, `PGSERVICE`, `PGTZ`, …) change nothing in Corral's connections;",
        "handlers keep them. One with which libpq can open no connection at all is dropped, and the log names it.",
        "",
        "OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …) say where traces go:",
        "[Follow a job in traces](../how-to/follow-a-job-in-traces.md). Without an endpoint there are none.",
        "",
        f"Of what the server sets for a role or a database, each connection overrides {stated},",
        "the time limits, and the encoding. It does not override `default_transaction_read_only`: whoever freezes a",
        "database means its jobs, too; `/readyz` says so, and submissions are answered with 503.",
        "",
        "`options`, `application_name`, `connect_timeout` and the like in `CORRAL_DATABASE_URL` are passed on.",
    ]


def metrics_page() -> str:
    """The page docs/reference/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Prometheus text on a port of its own (`CORRAL_METRICS_HOST`, `CORRAL_METRICS_PORT`), never on the API's.",
        "Gauges of the whole installation come from the leader of maintenance alone. This page is made by",
        f"`make docs` from `{metrics.__name__}`.",
        "",
        "| metric | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    ours = _ours()  # the registry also knows those of the operator, where it was imported
    for metric in sorted(REGISTRY.collect(), key=lambda metric: metric.name):
        if metric.name in ours:
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            labels = ", ".join(f"`{label}`" for label in _labels(metric.name))
            lines.append(f"| `{name}` | {metric.type} | {labels} | {_cell(metric.documentation)} |")
    return "\n".join(lines) + "\n"


def states_page() -> str:
    """The page docs/reference/states.md."""
    lines = [
        "# States of a job",
        "",
        "Made by `make docs` from the table in `corral.job.state`, which the store implements and the tests walk.",
        "A fenced write names the job's id and attempt and matches nothing once another attempt has begun.",
        "",
    ]
    return "\n".join([*lines, "```mermaid", mermaid(), "```", "", table(), ""])


def cli_page() -> str:
    """The page docs/reference/cli.md."""
    command = get_command(app)
    lines = [
        "# The command line",
        "",
        "Made by `make docs` from the commands themselves. Commands that use a running system read `CORRAL_URL` and",
        "`CORRAL_KEY`, then `.corral/client.toml` in the working folder (or in `CORRAL_DATA`); those that run a service or speak to the",
        "database read the [settings](settings.md). With `--json` the answer is JSON on standard output. Errors go to",
        "standard error and name what was wrong. `corral --install-completion` completes commands in your shell.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code.value} | {meaning} |" for code, meaning in MEANING.items()),
        "",
    ]
    context = typer.Context(command, info_name="corral")
    return (
        "\n".join(lines)
        + "\n"
        + get_docs_for_click(obj=command, ctx=context, indent=1, name="corral").strip()
        + "\n"
    )


def write(docs: Path, env_file: Path) -> None:
    """Write every page."""
    (docs / "reference" / "states.md").write_text(states_page(), encoding="utf-8")
    (docs / "reference" / "settings.md").write_text(settings_page(), encoding="utf-8")
    (docs / "reference" / "metrics.md").write_text(metrics_page(), encoding="utf-8")
    (docs / "reference" / "tables.md").write_text(tables_page(), encoding="utf-8")
    (docs / "reference" / "cli.md").write_text(cli_page(), encoding="utf-8")
    env_file.write_text(env_template(), encoding="utf-8")


def _labels(name: str) -> tuple[str, ...]:
    """The labels of one of our metrics; the library tells them nowhere else."""
    return tuple(_ours()[name]._labelnames)  # noqa: SLF001


def _ours() -> dict[str, Any]:
    """Our metrics by name."""
    return {metric._name: metric for metric in vars(metrics).values() if hasattr(metric, "_name")}  # noqa: SLF001


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
