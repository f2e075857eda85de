"""How often something is told to whom, and how much may be read for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence


class Cadence:
    """The pace of several audiences: at most once per interval, and the last one always.

    It has no clock: the caller says what time it is (seconds, any origin).
    `ring` says that there is news; `due` names the audiences to be told now, `told` that it happens.
    News that comes too early is not forgotten: `next_at` is when it is due.
    """

    __slots__ = ("_free_at", "_intervals", "_rung")

    def __init__(self, intervals: Sequence[float]) -> None:
        self._intervals = tuple(intervals)
        self._free_at = [0.0] * len(self._intervals)
        self._rung = [False] * len(self._intervals)

    def ring(self, *audiences: int) -> None:
        """Note that there is news for these audiences (none given: for all)."""
        for audience in audiences or range(len(self._rung)):
            self._rung[audience] = True

    def due(self, now: float, skip: Collection[int] = ()) -> list[int]:
        """Return the audiences that have news and may hear it."""
        return [audience for audience in self._news(skip) if self._free_at[audience] <= now]

    def told(self, audience: int, now: float) -> None:
        """Note that the news up to now is being told: before it is read, so that what comes meanwhile counts again."""
        self._rung[audience] = False
        self._free_at[audience] = now + self._intervals[audience]

    def forget(self, audience: int) -> None:
        """Drop the news of an audience that nobody is in: its interval does not begin."""
        self._rung[audience] = False

    def hold(self, audience: int, until: float) -> None:
        """Tell an audience its news again, but not before `until`: reading it has failed."""
        self._rung[audience] = True
        self._free_at[audience] = max(self._free_at[audience], until)

    def next_at(self, skip: Collection[int] = ()) -> float | None:
        """Return when the next audience is due; None: there is no news."""
        return min((self._free_at[audience] for audience in self._news(skip)), default=None)

    def _news(self, skip: Collection[int]) -> list[int]:
        return [audience for audience, rung in enumerate(self._rung) if rung and audience not in skip]


class Budget:
    """What all queues of a node may read together: so many a second, in the order in which they ask.

    Whoever asks for little at a time waits for little: no queue holds up the others. It has no clock either.
    """

    __slots__ = ("_free_at", "_per_s")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._free_at = 0.0

    def reserve(self, count: int, now: float) -> float:
        """Take `count` reads, and return when they may be made."""
        begin = max(now, self._free_at)
        self._free_at = begin + count / self._per_s
        return begin
