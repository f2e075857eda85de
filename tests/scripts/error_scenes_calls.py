"""Failures of calls, status and messages, prepared."""

from __future__ import annotations

from tests.scripts.error_scenes import Arguments, scene, served
from tests.scripts.world import World


@scene("contact_start_queuing", code="CALL_EXIST")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await ringing(world)
    return {"actor": "anna", "customer_id": "anna", "queue_id": "q"}


async def ringing(world: World) -> str:
    """Let anna call bert; return the call's id."""
    await world.login("anna", "bert")
    return str((await world.call("anna", "bert"))["call_id"])


@scene("call_start", code="NOT_LOGIN")
async def _(world: World) -> Arguments:
    await world.login("bert")
    return {"actor": "anna", "callee_id": "bert", "meeting": "null"}


@scene("call_start", code="API_NO_PERMISSION")
async def _(world: World) -> Arguments:
    await world.login("anna", "bert")
    return {"actor": "anna", "callee_id": "bert", "meeting": "null", "customer_only": 1}


@scene("call_start", code="CALL_EXIST")
async def _(world: World) -> Arguments:
    await ringing(world)
    await world.login("cara")
    return {"actor": "bert", "callee_id": "cara", "meeting": "null"}


@scene("call_start", code="WRONG_STATE")
async def _(world: World) -> Arguments:
    await served(world)
    return {"actor": "anna", "callee_id": "kim", "meeting": "null"}


@scene("call_start", code="USER_NOT_FOUND")
async def _(world: World) -> Arguments:
    await world.login("anna")
    return {"actor": "anna", "callee_id": "nobody", "meeting": "null"}


@scene("call_start", code="OFFLINE")
async def _(world: World) -> Arguments:
    await world.login("anna", "bert")
    await world.drop("bert")
    return {"actor": "anna", "callee_id": "bert", "meeting": "null"}


@scene("call_start", code="BUSY")
async def _(world: World) -> Arguments:
    await ringing(world)
    await world.login("cara")
    return {"actor": "cara", "callee_id": "bert", "meeting": "null"}


@scene("call_accept", "call_reject", "call_hangup", code="INVALID_CALLID")
async def _(world: World) -> Arguments:
    call = await ringing(world)
    await world.login("cara")
    return {"actor": "cara", "call_id": call}


@scene("call_accept", "call_reject", code="API_NO_PERMISSION")
async def _(world: World) -> Arguments:
    return {"actor": "anna", "call_id": await ringing(world)}


@scene("call_reject", code="WRONG_STATE")
async def _(world: World) -> Arguments:
    call = await ringing(world)
    await world.on_call("bert", "accept")
    return {"actor": "bert", "call_id": call}


@scene("user_status", "message_send", code="USER_NOT_FOUND")
async def _(world: World) -> Arguments:
    return {"actor": "anna", "user_id": "nobody", "to": "nobody"}


@scene("user_status", "user_watch", "message_send", code="API_NO_PERMISSION")
async def _(world: World) -> Arguments:
    await world.login("kim", "bert")
    return {"actor": "kim", "user_id": "bert", "user_ids": "[]", "to": "bert", "customer_only": 1}


@scene("message_send", code="OFFLINE")
async def _(world: World) -> Arguments:
    await world.login("anna", "bert")
    await world.drop("bert")
    return {"actor": "anna", "to": "bert"}
