"""Comparing what was delivered with what Redis says was published: a lost last event shows no gap."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dispatcher.events.frames import frame
from dispatcher.events.marks import Marks, UserMark
from dispatcher.events.member import Member
from dispatcher.events.watch import Watch


async def compare(marks: Marks, members: Sequence[Member], watches: Sequence[Watch], settle_s: float) -> list[Member]:
    """Return the members who need a snapshot; have queues listed again, and close what is no session any more.

    A frame that is still under way is no difference: what Redis says must be reached within `settle_s`. Errors:
    redis-py's.
    """
    offsets = [member.offset for member in members]
    seqs = [watch.seq for watch in watches]
    user_marks = await marks.users([(member.actor.tenant, member.actor.user_id) for member in members])
    queue_marks = await marks.queues([(watch.tenant, watch.queue_id) for watch in watches])
    await asyncio.sleep(settle_s)
    for watch, seq, said in zip(watches, seqs, queue_marks, strict=True):
        if watch.seq is None:
            watch.seq = said
        elif watch.seq < said or (seq is not None and said < seq):
            watch.resync(said)
    pairs = zip(members, offsets, user_marks, strict=True)
    return [member for member, offset, mark in pairs if _is_behind(member, offset, mark)]


def _is_behind(member: Member, offset: int, mark: UserMark) -> bool:
    """`offset` is what was delivered before the mark was read: Redis can only say less if it forgot something."""
    if member.left or member.buffer is not None:
        return False
    if not mark.has(member.session_id, watching=member.watching):
        if mark.session and not member.watching:
            member.sink.send(frame("session.replaced", {"session_id": member.session_id}))
            member.sink.replaced()
        else:
            member.sink.disowned()
        return False
    return mark.epoch != member.epoch or member.offset < mark.offset or mark.offset < offset
