"""Logs: structured, the event's name first, to standard error. No payloads, no secrets."""

from __future__ import annotations

import logging
import sys

import structlog

from dispatcher.settings import Settings


def configure(settings: Settings) -> None:
    """Set up structlog for the whole process, as text or as JSON lines."""
    text = sys.stderr.isatty() if settings.log_format == "auto" else settings.log_format == "text"
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if text
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
