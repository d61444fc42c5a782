"""Logs: structured, one line per event, on stderr. `structlog.get_logger(__name__)` everywhere."""

import logging
import sys
from typing import Literal

import orjson
import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["console", "json"]


def configure(level: Level, form: Format) -> None:
    """Send every log, those of libraries included, to stderr in one form. Called once, in `main`."""
    severity = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(severity),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(severity)
    for chatty in ("httpx2", "httpcore2", "watchfiles", "asyncio"):
        logging.getLogger(chatty).setLevel(max(severity, logging.WARNING))


def render(form: Format, event: structlog.types.EventDict) -> str:
    """The line of an event, which names its level, logger and timestamp, as `configure` has it written."""
    value: object = event
    for processor in _rendering(form):
        value = processor(None, "", value)  # type: ignore[arg-type]  # only the last one makes text
    return str(value)


def _rendering(form: Format) -> list[structlog.types.Processor]:
    if form == "json":
        return [
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals hold secrets
            ),
            structlog.processors.JSONRenderer(serializer=_json),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json(event: object, **_options: object) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
