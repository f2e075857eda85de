"""Logs: structured, the event's name first, to standard error. No payloads, no secrets, in tracebacks neither."""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

from dispatcher.settings import Settings

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)

# Not structlog's own choice, which adds each frame's variables: arguments and answers are payloads.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


class _Stderr:
    """Standard error as it is when something is written, whoever has put another in its place."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(settings: Settings) -> None:
    """Set up the logs of the whole process, those of libraries too, as text or as JSON lines."""
    level = getattr(logging, settings.log_level.upper())
    renderers = _renderers(settings)
    structlog.configure(
        processors=[*_SHARED, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_Stderr())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            foreign_pre_chain=_SHARED,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # What they say at a start, at an end and of each socket is said here already, or is not worth reading.
    for chatty in ("httpx", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _renderers(settings: Settings) -> list[Processor]:
    text = sys.stderr.isatty() if settings.log_format == "auto" else settings.log_format == "text"
    if text:
        return [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    return [_TRACEBACKS, _event_first, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _event_first(logger: object, method: str, line: EventDict) -> EventDict:
    """Put the event's name before all else: a person who reads the lines looks for it."""
    return {"event": line.pop("event", ""), **line}
