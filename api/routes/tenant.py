"""The tenant itself: its options."""

from __future__ import annotations

from api.auth import CurrentActor
from api.routes.common import Engine, rows
from dispatcher.tenancy import TenantOptions, TenantPatch

router = rows("tenant")


@router.get("/tenant")
async def get_tenant(actor: CurrentActor, engine: Engine) -> TenantOptions:
    """Read the tenant's options; of its secrets only which there are."""
    return await engine.get_tenant(actor)


@router.patch("/tenant")
async def update_tenant(body: TenantPatch, actor: CurrentActor, engine: Engine) -> TenantOptions:
    """Change the given options; the next decision uses them."""
    return await engine.update_tenant(actor, body)
