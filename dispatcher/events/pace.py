"""The hub's times."""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.events.feed import BACKOFF_S, ECHO_S, PROBE_S


@dataclass(frozen=True, slots=True)
class Pace:
    """The hub's times, in seconds.

    `compare_s`: how often its users' offsets are compared with Redis; `settle_s`: how long a published frame
    may be under way before it counts as lost; `join_s`: how long a joining session waits for its subscriptions;
    `expect_s`: how long a command waits for those of the queues it names; `probe_s`, `echo_s`, `backoff_s`: the feed's.
    """

    compare_s: float = 10.0
    settle_s: float = 1.0
    join_s: float = 10.0
    expect_s: float = 1.0
    probe_s: float = PROBE_S
    echo_s: float = ECHO_S
    backoff_s: tuple[float, float] = BACKOFF_S
