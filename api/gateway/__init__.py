"""The WebSocket door, plain ASGI: see README.md."""

from api.gateway.gateway import Gateway, Limits

__all__ = ["Gateway", "Limits"]
