"""The rows of the HTTP interface, one module per noun."""

from fastapi import FastAPI

from api import cloudroom
from api.routes import (
    agents,
    assignments,
    calls,
    contacts,
    events,
    login,
    operations,
    people,
    queues,
    tenant,
    users,
)


def install(app: FastAPI) -> None:
    """Add every row, and those of the older Web API."""
    for module in (login, tenant, users, queues, contacts, agents, assignments, calls, people, events, operations):
        app.include_router(module.router)
    app.include_router(cloudroom.router)
