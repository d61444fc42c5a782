"""Logs: structured, one line per event, on stderr. `structlog.get_logger(__name__)` everywhere."""

import logging
import os
import sys
from contextlib import suppress
from typing import Literal, TextIO

import orjson
import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["console", "json"]


class _LogWriter(logging.StreamHandler[TextIO]):
    """One whose errors end nobody: they are told where that is possible."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the base class names it
        with suppress(Exception):  # sys.stderr may be closed, or anything
            super().handleError(record)


def configure(level: Level, form: Format, *, apart: bool = False) -> None:
    """Send every log, those of libraries included, to stderr in one form. Called once, in `main`.

    `apart`: by a copy of its descriptor, so that nothing is lost where a handler closes or replaces `sys.stderr`.
    """
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
    handler = _LogWriter(sys.stderr)
    if apart:
        handler.setStream(_apart.setdefault("stream", _copied(sys.stderr)))
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


_apart: dict[str, TextIO] = {}
"""The copy of this process, where it has one."""


def stream() -> TextIO:
    """Where logs are written to."""
    return _apart.get("stream", sys.stderr)


def _copied(stream: TextIO) -> TextIO:
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError, AttributeError):  # it has none
        return stream
    return os.fdopen(descriptor, "w", buffering=1, encoding=stream.encoding, errors="backslashreplace")


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
