"""Assignments: the agent's answer to an offer."""

from __future__ import annotations

from api.auth import CurrentActor
from api.routes.common import AssignmentInPath, Engine, rows
from dispatcher.model import Assignment

router = rows("assignments")


@router.post("/assignments/{assignment}/accept")
async def accept(assignment: AssignmentInPath, actor: CurrentActor, engine: Engine) -> Assignment:
    """Accept an offer; repeating it succeeds."""
    return await engine.accept(actor, assignment)


@router.post("/assignments/{assignment}/reject")
async def reject(assignment: AssignmentInPath, actor: CurrentActor, engine: Engine) -> Assignment:
    """Reject an offer or an accepted assignment; repeating it succeeds."""
    return await engine.reject(actor, assignment)
