"""Who plays in the demo: the queues, their policies, the agents and what customers want."""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.model import QueueCreate, Role, Service

QUEUES = (
    QueueCreate(queue_id="vip", name="VIP", description="Served before all others", priority=1, offer_timeout=10),
    QueueCreate(queue_id="sales", name="Sales", priority=5, offer_timeout=15, wrap_up=4),
    QueueCreate(
        queue_id="support", name="Support", description="The longest talks", offer_timeout=15, wrap_up=6, missed_limit=2
    ),
    QueueCreate(queue_id="billing", name="Billing", priority=20, max_waiting=8, max_wait=90, join_when_no_agents=False),
)


@dataclass(frozen=True)
class AgentPart:
    """An agent: what he serves, how long he serves (seconds on average), and how he answers offers.

    `rejects` and `misses` are probabilities. A manual one asks for each contact himself.
    """

    agent_id: str
    name: str
    serves: tuple[Service, ...]
    talk_s: float
    rejects: float = 0.0
    misses: float = 0.0
    manual: bool = False


@dataclass(frozen=True)
class CustomerPart:
    """What a customer comes for: a queue, how often (a weight), what he says, how long he waits (mean, seconds)."""

    queue_id: str
    weight: int
    wishes: tuple[str, ...]
    patience_s: float


AGENTS = (
    AgentPart("anna", "Anna", (Service(queue_id="vip"), Service(queue_id="sales")), talk_s=9),
    AgentPart("boris", "Boris", (Service(queue_id="sales"), Service(queue_id="vip", priority=5)), 11, rejects=0.1),
    AgentPart("chen", "陈静", (Service(queue_id="support"),), talk_s=14, misses=0.08),
    AgentPart("dora", "Dora", (Service(queue_id="support"), Service(queue_id="billing", priority=1)), talk_s=12),
    AgentPart("emil", "Emil", (Service(queue_id="billing"), Service(queue_id="sales", priority=9),
                               Service(queue_id="support", priority=9)), talk_s=10, rejects=0.05),
    AgentPart("fatima", "Fatima", (Service(queue_id="support"), Service(queue_id="billing")), talk_s=12, manual=True),
)  # fmt: skip

VISITING_AGENTS = (("olga", "Olga Ivanova"), ("paul", "Paul Weber"), ("li", "李薇"))
"""Whom a visitor of the pages can be: (user id, name)."""

VISITING_SUPERVISORS = (("sofia", "Sofia Marin", Role.ADMIN), ("tom", "Tom Brandt", Role.SUPERVISOR))
"""The same for the console; the first one also edits queues, accounts and options."""

CUSTOMERS = (
    CustomerPart("sales", 4, ("a quote", "a demo", "more seats"), patience_s=40),
    CustomerPart("support", 5, ("login fails", "it is slow", "no sound", "how do I export?"), patience_s=60),
    CustomerPart("billing", 2, ("a second invoice", "my address changed"), patience_s=30),
    CustomerPart("vip", 1, ("the usual, please",), patience_s=90),
)

NAMES = (
    "Ada", "Bruno", "Chloé", "Darko", "Elif", "Finn", "Grace", "Hana", "Igor", "Jana", "Kofi", "Lin", "Mia", "Noor",
    "Otto", "Pia", "Quinn", "Rosa", "Sven", "Tomás", "Uma", "Vera", "Wei", "Xenia", "Yusuf", "Zoë",
)  # fmt: skip

ARRIVALS_PER_S = 0.42
"""A little less than the agents can serve, so that lines form and dissolve."""

PRESENT_MAX = 60
"""Customers at once. Above it an arrival goes away again."""
