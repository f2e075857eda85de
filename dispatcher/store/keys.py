"""The one key table: every key and channel of a tenant, as Python, Lua and lua/README.md know it.

A key is `acd:{tenant}:<facet>` or `acd:{tenant}:<facet>:<id>`: facet before id, id last, so that an id
can never imitate a facet. The braces are Redis Cluster's hash tag: one tenant is one slot.
"""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """One row: facet, what its id is (empty: a single key), Redis type, content, and how long it lives."""

    facet: str
    id: str
    type: str
    content: str
    lives: str


TENANT_KEYS: tuple[Key, ...] = (
    Key("meta", "", "HASH", "the tenant: secrets, options, clock (`now`, `seq`), queues being deleted", "for ever"),
    Key("guard", "", "-", "never exists: lets a cluster refuse a script while the slot moves", "never"),
    Key("clock", "", "STRING", "the virtual clock's ms; only where tests swap the clock", "tests only"),
    Key("queues", "", "ZSET", "all queue ids @ 0", "with its queues"),
    Key("queue_names", "", "HASH", "queue name → queue id", "with its queues"),
    Key("queue", "queue", "HASH", "policy and `queue_seq` of one queue", "until deleted"),
    Key("waiting", "queue", "ZSET", "contacts that wait @ queued_at", "while somebody waits"),
    Key("held", "queue", "ZSET", "contacts whose customer is disconnected @ queued_at", "while somebody is held"),
    Key("preparing", "queue", "ZSET", "contacts offered or accepted @ time of the offer", "while there are some"),
    Key("serving", "queue", "ZSET", "contacts in service @ begin of service", "while there are some"),
    Key("able", "queue", "ZSET", "able agents @ agent priority·2^42 + idle_since", "while there are some"),
    Key("queue_agents", "queue", "ZSET", "agents serving the queue @ 1 connected, 0 not", "while there are some"),
    Key(
        "heads", "", "ZSET", "queues with somebody waiting @ queue priority·2^42 + queued_at of the oldest", "with them"
    ),
    Key("agents", "", "ZSET", "users who serve at least one queue @ 0", "while there are some"),
    Key("agent_queues", "user", "ZSET", "queues the agent serves @ agent priority", "while he serves"),
    Key(
        "user",
        "user",
        "HASH",
        "a person: session, offset, last request; as customer, as agent",
        "24 h after the last of session, contact, service and non-default settings",
    ),
    Key("contact", "contact", "HASH", "one request for service, with its open assignment", "10 min after its end"),
    Key("call", "call", "HASH", "a call that rings or is answered", "until it ends"),
    Key("assignment", "assignment", "STRING", "an ended assignment, as JSON", "10 min"),
    Key(
        "sessions",
        "node",
        "ZSET",
        "sessions that a node holds, `session:user` @ when opened",
        "while there are some; without their node a lease (10 s)",
    ),
    Key("timers", "", "ZSET", "pending deadlines `kind:id` @ due ms", "while there are some"),
    Key("log", "", "STREAM", "all that happened, in order: `entry` (JSON)", "7 days"),
    Key("request", "user/key", "STRING", "what an Idempotency-Key of a user asked, as a digest, and its answer", "1 h"),
    Key("accounts", "", "ZSET", "users with an account @ 0", "with its accounts"),
    Key("account", "user", "HASH", "an account: name, roles, queues, its password's argon2 hash", "until deleted"),
    Key("login", "address", "STRING", "logins tried from one address in the current minute", "1 min"),
    Key("login_as", "user", "STRING", "logins tried with a password of one user in the current minute", "1 min"),
)

CHANNELS: tuple[Key, ...] = (
    Key("feed", "", "CHANNEL", "every log entry, live", "-"),
    Key("to", "user", "CHANNEL", "entries that tell one user something", "-"),
    Key("about", "queue", "CHANNEL", "entries that changed a queue's line or its counts", "-"),
)

GLOBAL_KEYS: tuple[Key, ...] = (
    Key("tenants", "", "SET", "all tenants' names. It may lag; the tenant's own `meta` is written first", "for ever"),
    Key(
        "nodes",
        "",
        "ZSET",
        "nodes @ last seen (ms). Its lag costs lateness, never correctness",
        "each until it stops, or 1 min after it was last seen",
    ),
)
"""Of no tenant: named `acd:<facet>`."""

TENANTS, NODES = (f"acd:{key.facet}" for key in GLOBAL_KEYS)

_FACETS = frozenset(key.facet for key in TENANT_KEYS + CHANNELS)


def key(tenant: str, facet: str, id: str = "") -> str:
    """Return the key or channel of `facet` in `tenant`, e.g. `acd:{demo}:waiting:1`."""
    if facet not in _FACETS:
        raise KeyError(facet)
    return f"acd:{{{tenant}}}:{facet}:{id}" if id else f"acd:{{{tenant}}}:{facet}"


def parse(name: str) -> tuple[str, str, str] | None:
    """Return `(tenant, facet, id)` of a key or channel name, or None if it is not of a tenant."""
    head, _, rest = name.partition("}:")
    if not rest or not head.startswith("acd:{"):
        return None
    facet, _, id = rest.partition(":")
    return head[5:], facet, id
