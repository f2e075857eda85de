"""What both doors share: reading models and errors from JSON, and addresses."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel

from dispatcher.errors import Code, DispatcherError

ModelT = TypeVar("ModelT", bound=BaseModel)

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def read(model: type[ModelT], value: Any) -> ModelT:
    """Read a model. Members that a newer server adds are ignored."""
    return model.model_validate(value, extra="ignore")


def read_error(value: Any) -> DispatcherError:
    """Read `{code, detail}`. A code of a newer server becomes SERVER_EXCEPTION, its name in the detail."""
    members = value if isinstance(value, dict) else {}
    name, detail = str(members.get("code", "")), str(members.get("detail") or "")
    if name in Code.__members__:
        return DispatcherError(Code[name], detail)
    return DispatcherError(Code.SERVER_EXCEPTION, f"{name} {detail}".strip())


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine: no proxy of the environment is for it."""
    return urlsplit(url).hostname in _LOOPBACK


def socket_address(url: str, path: str) -> str:
    """Turn `http(s)://host[/base]` (or ws, wss) into the WebSocket address with `path`."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in {"ws", "wss"} or not parts.netloc:
        raise ValueError(f"not an http or ws address: {url}")
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + path, "", ""))
