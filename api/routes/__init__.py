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
    """Add every row, and those of the older Web API. They are tried in this order: what is asked often stands early."""
    for module in (login, contacts, assignments, agents, queues, calls, people, users, tenant, events, operations):
        app.include_router(module.router)
    app.include_router(cloudroom.router)
