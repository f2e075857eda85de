"""The hub: fans what the feed reads out to this node's sessions, and notices what it did not read.

A session joins by subscribing first and buffering, then reading state, offset and epoch in one script; what
is buffered up to that offset is dropped, and then frames are delivered as they come. A frame whose offset does
not follow the last one, a lost connection, or a difference found by comparing with Redis (a lost last frame
shows no gap) is repaired by a snapshot. After it the client knows everything again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any

import orjson
import structlog
from redis.exceptions import RedisError

from dispatcher.errors import Code, DispatcherError
from dispatcher.events.board import Boards
from dispatcher.events.cadence import Budget
from dispatcher.events.clock import Clock
from dispatcher.events.compare import compare
from dispatcher.events.feed import Feed
from dispatcher.events.follow import Following, Logs
from dispatcher.events.frames import Frame, frame, frame_for
from dispatcher.events.lines import Masters
from dispatcher.events.marks import Marks
from dispatcher.events.member import Engine, Member, Sink
from dispatcher.events.pace import Pace
from dispatcher.events.people import People
from dispatcher.events.watch import READS_PER_S, Watch
from dispatcher.model import Actor, Snapshot, UserStatus
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from dispatcher.tasks import by_itself, end

log = structlog.get_logger(__name__)

SNAPSHOTS_AT_ONCE = 32
"""After a lost connection everybody here needs a snapshot: the commands of the clients shall still get through."""
RETRY_S = (0.1, 5.0)

Tell = Callable[[Snapshot], None]


class Hub:
    """All sessions of one process, and its feed. `node_id` names the process among the nodes.

    `on_frame` is told when each frame for a user was made (epoch ms, the store's clock), as it arrives.
    """

    def __init__(
        self, engine: Engine, store: Store, node_id: str, *, pace: Pace | None = None, clock: Clock | None = None
    ) -> None:
        self.node_id = node_id
        self.pace = pace or Pace()
        self.feed = Feed(
            Masters(store),
            node_id,
            self._on_message,
            self._on_lost,
            probe_s=self.pace.probe_s,
            echo_s=self.pace.echo_s,
            backoff_s=self.pace.backoff_s,
        )
        self._engine = engine
        self._marks = Marks(store)
        self._clock = clock
        self._members: dict[str, set[Member]] = {}
        self._watches: dict[str, Watch] = {}
        self.on_frame: Callable[[int], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._comparing: asyncio.Task[None] | None = None
        self._budget = Budget(READS_PER_S)
        self._logs = Logs(store, self.feed, self._spawn, self.pace.compare_s)
        self._boards = Boards(self._logs, self._spawn)
        self._people = People(engine, self._logs, self._spawn)
        self._snapshots = asyncio.Semaphore(SNAPSHOTS_AT_ONCE)

    async def start(self) -> None:
        """Start reading and comparing."""
        await self.feed.start()
        self._comparing = self._spawn(self._compare_for_ever(), "hub:compare")

    async def stop(self) -> None:
        """Stop every task, and the feed."""
        self.end_streams()
        for watch in self._watches.values():
            watch.close()
        await end(self._tasks)
        await self.feed.stop()

    def end_streams(self) -> None:
        """End the following of logs, whose readers would hold up the stop of the server for ever."""
        self._logs.end()

    @property
    def ready(self) -> bool:
        """Whether the feed's connections stand."""
        return self.feed.ready

    def tenants(self) -> set[str]:
        """List the tenants whose sessions are here."""
        return {member.actor.tenant for group in self._members.values() for member in group}

    async def join(self, actor: Actor, session_id: str, sink: Sink, tell: Tell, *, watching: bool = False) -> Member:
        """Open a session and attach it: `tell(snapshot)`, then every frame after it, to `sink`.

        Errors: those of `open_session`; after `join_s` UNAVAILABLE, or OUTCOME_UNKNOWN if it was to be opened by then.
        After an error or a cancellation nothing is attached, but the session may be open: the caller closes it.
        """
        member = Member(actor, session_id, sink, watching=watching)
        channel = self._channel(member)
        self._members.setdefault(channel, set()).add(member)
        code = Code.UNAVAILABLE
        try:
            async with asyncio.timeout(self.pace.join_s):
                await self.feed.subscribe(channel)
                code = Code.OUTCOME_UNKNOWN
                snapshot = await self._engine.open_session(actor, session_id, self.node_id, watch=watching)
                member.learn_snapshot(snapshot)
                await self._follow_before_answering(member)
        except TimeoutError as error:
            self.leave(member)
            raise DispatcherError(code, "the store did not answer in time") from error
        except BaseException:
            self.leave(member)
            raise
        tell(snapshot)
        member.joined = True
        self._go_live(member, snapshot)
        for text in member.messages:
            member.sink.send(text)
        member.messages.clear()
        for queue_id in member.queues:
            self._ring(member, queue_id)
        return member

    async def refresh(self, member: Member, tell: Tell) -> None:
        """Read a snapshot, `tell` it, and deliver only what came after it. Errors: those of `get_snapshot`."""
        async with member.lock:
            if member.buffer is None:
                member.buffer = []
            member.stale = False
            try:
                snapshot = await self._engine.get_snapshot(member.actor)
            except BaseException:
                if not member.repairing:
                    self._replay(member)
                raise
            if not member.left:
                tell(snapshot)
                self._go_live(member, snapshot)

    def leave(self, member: Member) -> None:
        """Detach a session; nothing is sent to it any more."""
        if member.left:
            return
        member.left = True
        channel = self._channel(member)
        members = self._members.get(channel, set())
        members.discard(member)
        if not members:
            self._members.pop(channel, None)
            self.feed.unsubscribe(channel)
        self._boards.leave(member)
        self._people.leave(member)
        for queue_id in member.queues:
            self._place(member, queue_id)

    async def expect(self, member: Member, queue_ids: Collection[str]) -> None:
        """Subscribe to queues before a member serves or watches them: then it misses nothing, and needs no resync.

        Without a confirmation in time it goes on; whoever listens by the time it comes is told to list again.
        """
        self._expect(member, queue_ids)
        await self._subscribed(member, queue_ids, self.pace.expect_s)

    def expect_nothing(self, member: Member) -> None:
        """Let go of what was expected and did not come."""
        self._expect(member, ())

    async def watch_queues(self, member: Member, queue_ids: Collection[str]) -> None:
        """Send `queue.status` of exactly these queues to a member."""
        await self.expect(member, queue_ids)
        before = member.queues
        member.watches, member.expects = frozenset(queue_ids), frozenset()
        self._interest_changed(member, before)
        for queue_id in queue_ids:
            self._ring(member, queue_id)

    async def watch_agents(self, member: Member) -> None:
        """Send a member what changes about agents and queues. Errors: API_NO_PERMISSION, UNAVAILABLE."""
        _require_supervisor(member.actor)
        await self._boards.join(member, self._clock or asyncio.get_running_loop())

    async def watch_users(self, member: Member, user_ids: Sequence[str] | None) -> list[UserStatus]:
        """Send a member `user.status` of exactly these users (None: of everybody); return how they are.

        Errors: API_NO_PERMISSION, UNAVAILABLE.
        """
        return await self._people.watch(member, user_ids, self._clock or asyncio.get_running_loop())

    def unwatch_users(self, member: Member) -> None:
        """Send a member `user.status` of nobody."""
        self._people.leave(member)

    async def follow_log(self, actor: Actor, since: str = "", contact_id: str = "", *, limit: int = 100) -> Following:
        """Follow the tenant's log from a cursor: see `log.begin`, `Logs.follow`.

        Errors: API_NO_PERMISSION, PARAM_ERR, UNAVAILABLE.
        """
        _require_supervisor(actor)
        begin = await self._logs.begin(actor.tenant, since, contact_id)
        return Following(begin, self._logs.follow(actor.tenant, begin, limit=limit))

    # What the feed brings

    def _on_message(self, channel: str, text: str) -> None:
        if (members := self._members.get(channel)) is not None:
            entry = orjson.loads(text)
            if self.on_frame is not None and "at" in entry:
                self.on_frame(entry["at"])
            told = frame_for(next(iter(members)).actor.user_id, entry) if "offsets" in entry else None
            for member in tuple(members):
                if told is not None:
                    self._deliver(member, told)
                elif entry.get("events") and not member.left:
                    # A message: once at most, and in no order with the others.
                    (member.sink.send if member.joined else member.keep_message)(text)
        elif (watch := self._watches.get(channel)) is not None:
            watch.take(orjson.loads(text))
        else:
            self._logs.ring(channel)

    def _on_lost(self, channel: str) -> None:
        for member in tuple(self._members.get(channel, ())):
            # A snapshot that is being read now may be older than the new subscription.
            member.stale = True
            self._repair(member, "subscription lost")
        if (watch := self._watches.get(channel)) is not None:
            watch.lost()
        self._logs.ring(channel)

    def _deliver(self, member: Member, told: Frame) -> None:
        if member.left or member.keep(told) or told.offset <= member.offset:
            return
        if told.offset != member.offset + 1:
            self._repair(member, "gap")
            return
        before, interest = member.queues, member.interest
        member.learn(told.events)
        member.sink.send(told.text(member.epoch))
        member.offset = told.offset
        if member.interest != interest:
            self._interest_changed(member, before)
        for event in told.events:
            if event["event"] == "session.replaced" and event["data"]["session_id"] == member.session_id:
                member.sink.replaced()

    def _go_live(self, member: Member, snapshot: Snapshot) -> None:
        """Stand where the snapshot stands, and deliver what was buffered behind it."""
        before = member.queues
        member.learn_snapshot(snapshot)
        self._interest_changed(member, before)
        self._replay(member)
        if member.stale:
            self._repair(member, "subscription lost")

    def _replay(self, member: Member) -> None:
        frames, member.buffer = member.buffer or [], None
        for told in frames:
            self._deliver(member, told)

    def _repair(self, member: Member, reason: str) -> None:
        """Bring a member back to the truth by a snapshot. Frames are buffered from now on."""
        # One that is joining reads its snapshot after this; a repair that runs reads a newer one if it must.
        if member.repairing or member.left or not member.joined:
            return
        member.repairing = True
        if member.buffer is None:
            member.buffer = []
        log.info("hub.repair", tenant=member.actor.tenant, reason=reason)
        member.repair = self._spawn(self._repair_until_done(member), "hub:repair")

    async def _repair_until_done(self, member: Member) -> None:
        def tell(snapshot: Snapshot) -> None:
            member.repairing = False
            member.sink.send(frame("snapshot", snapshot, offset=snapshot.offset, epoch=snapshot.epoch))

        low, high = RETRY_S
        while not member.left:
            try:
                async with self._snapshots:
                    await self.refresh(member, tell)
                return
            except DispatcherError as error:
                log.warning("hub.repair_failed", tenant=member.actor.tenant, code=error.code.name)
            except Exception:
                # Nobody else would ever deliver what is buffered by then.
                log.exception("hub.repair_failed", tenant=member.actor.tenant)
            await asyncio.sleep(low * random.uniform(0.5, 1.0))
            low = min(low * 2, high)

    # Queues

    def _interest_changed(self, member: Member, before: Iterable[str]) -> None:
        for queue_id in member.queues.union(before):
            self._place(member, queue_id)

    def _place(self, member: Member, queue_id: str) -> None:
        """Let a queue's watch know a member's interest; the first one makes it, the last one ends it."""
        channel = self._about(member, queue_id)
        watch = self._watches.get(channel)
        if watch is None:
            if member.left or queue_id not in member.queues:
                return
            clock = self._clock or asyncio.get_running_loop()
            watch = self._watches[channel] = Watch(
                member.actor.tenant, queue_id, self._engine, clock, self._spawn, self._budget
            )
            watch.subscribed = self._spawn(self._subscribe(watch, channel), f"hub:subscribe:{queue_id}")
        watch.place(member)
        if not watch.wanted:
            watch.close()
            del self._watches[channel]
            self.feed.unsubscribe(channel)

    async def _subscribe(self, watch: Watch, channel: str) -> None:
        await self.feed.subscribe(channel)
        watch.opened()

    async def _follow_before_answering(self, member: Member) -> None:
        """Subscribe to its queues before it is told the snapshot: what it lists afterwards then misses nothing."""
        self._interest_changed(member, ())
        await self._subscribed(member, member.queues, self.pace.join_s)

    def _expect(self, member: Member, queue_ids: Collection[str]) -> None:
        before = member.queues
        member.expects = frozenset(queue_ids)
        self._interest_changed(member, before)

    async def _subscribed(self, member: Member, queue_ids: Iterable[str], timeout_s: float) -> None:
        """Wait for the subscriptions of queues that a member is interested in."""
        watches = [self._watches.get(self._about(member, queue_id)) for queue_id in queue_ids]
        tasks = [watch.subscribed for watch in watches if watch and watch.subscribed and not watch.live]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    def _ring(self, member: Member, queue_id: str) -> None:
        """Have a queue's status sent to somebody who is new there."""
        watch = self._watches.get(self._about(member, queue_id))
        if watch is not None and watch.live:
            watch.ring()

    # Comparing with Redis

    async def _compare_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.pace.compare_s * random.uniform(0.8, 1.0))
            try:
                await self.compare()
            except Exception as error:  # whatever it was: nobody else would go on comparing
                is_odd = not isinstance(error, (RedisError, OSError))
                log.warning("hub.compare_failed", reason=str(error), exc_info=is_odd)

    async def compare(self) -> None:
        """Compare what was delivered with what Redis says was published, and repair. Errors: redis-py's."""
        members = [member for group in self._members.values() for member in group if member.joined]
        watches = [watch for watch in self._watches.values() if watch.live]
        for member in await compare(self._marks, members, watches, self.pace.settle_s):
            self._repair(member, "comparison")

    # Small things

    def _spawn(self, job: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = by_itself(job, name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("hub.task_failed", task=task.get_name(), exc_info=error)

    @staticmethod
    def _channel(member: Member) -> str:
        return key(member.actor.tenant, "to", member.actor.user_id)

    @staticmethod
    def _about(member: Member, queue_id: str) -> str:
        return key(member.actor.tenant, "about", queue_id)


def _require_supervisor(actor: Actor) -> None:
    if not actor.is_supervisor:
        raise DispatcherError(Code.API_NO_PERMISSION, "needs the role supervisor")
