"""Who is refused what, by the real doors of a node: the register of scenes, and the place where they are played."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import httpx

from dispatcher.errors import Code
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.keys import key
from tests.api.nodes import Running, Socket
from tests.scripts.frozen import Frozen


class Asked(NamedTuple):
    """What is refused: by HTTP, and as a command of the same user's WebSocket where there is one."""

    user: str
    method: str
    path: str
    body: Any = None
    cmd: str = ""
    args: dict[str, Any] | None = None
    headers: dict[str, str] | None = None
    compared: bool = True
    """Whether no key may change; not where the try itself is counted, or a key cannot be read."""


class Place:
    """A node, a tenant of the test's own, and people who come to it."""

    def __init__(self, one: Running, stack: AsyncExitStack, tenant: str) -> None:
        self.one = one
        self.tenant = tenant
        self.engine = one.app.node.dispatcher
        self.boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
        self.sockets: dict[str, Socket] = {}
        self._stack = stack

    def token(self, user: str, *roles: Role, ttl_s: int = 3600, tenant: str = "") -> dict[str, str]:
        tokens = self.one.app.node.tokens
        return {"Authorization": f"Bearer {tokens.mint(tenant or self.tenant, user, user, roles, ttl_s=ttl_s).token}"}

    def header(self, user: str) -> dict[str, str]:
        return self.token(user, Role.ADMIN if user == "boss" else Role.AGENT, Role.CUSTOMER)

    async def come(self, *users: str) -> None:
        """Connect users, who are agents and customers alike."""
        for user in users:
            opened = self.one.socket(self.header(user), user * 4)
            self.sockets[user] = await self._stack.enter_async_context(opened)

    async def queue(self, queue_id: str = "q", **policy: Any) -> None:
        await self.engine.create_queue(self.boss, QueueCreate(queue_id=queue_id, **policy))

    async def do(self, asked: Asked) -> httpx.Response:
        headers = self.header(asked.user) | (asked.headers or {})
        return await self.one.http.request(asked.method, asked.path, json=asked.body, headers=headers)

    async def done(self, user: str, method: str, path: str, body: Any = None) -> Any:
        """Do something that succeeds; return the answer."""
        answer = await self.do(Asked(user, method, path, body))
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def command(self, user: str, cmd: str, args: dict[str, Any] | None) -> dict[str, Any]:
        """Send a command over a user's WebSocket; return the answer."""
        connection = self.sockets[user].connection
        await connection.send(json.dumps({"id": 99, "cmd": cmd, "args": args or {}}))
        while (frame := json.loads(await connection.recv())).get("id") != 99:
            pass
        return dict(frame)

    async def offered(self, agent: str = "ann", customer: str = "kim", **policy: Any) -> str:
        """Let a customer wait and an agent be offered him; return the assignment."""
        await self.queue(**policy)
        await self.come(agent, customer)
        await self.done(agent, "PUT", "/v1/agents/me/queues/q")
        await self.done(customer, "POST", "/v1/contacts", {"queue_id": "q"})
        (given,) = (await self.done(agent, "GET", "/v1/me"))["assignments"]
        return str(given["assignment_id"])

    async def frozen(self) -> dict[str, Any]:
        """Everything of the tenant, but when its node's lease ends."""
        contents = (await Frozen.read(self.engine.runner.store, self.tenant)).contents
        timers = key(self.tenant, "timers")
        contents[timers] = [pair for pair in contents.get(timers, []) if not pair[0].startswith("lease:")]
        return contents


Scene = Callable[[Place], Awaitable[Asked]]
SCENES: dict[Code, Scene] = {}


def scene(code: Code) -> Callable[[Scene], Scene]:
    """Enter what leads to an error."""

    def enter(prepare: Scene) -> Scene:
        assert code not in SCENES
        SCENES[code] = prepare
        return prepare

    return enter


def join(user: str, queue_id: Any) -> Asked:
    return Asked(user, "POST", "/v1/contacts", {"queue_id": queue_id}, "start_queuing", {"queue_id": queue_id})


def call(user: str, callee: str) -> Asked:
    return Asked(user, "POST", "/v1/calls", {"callee": callee}, "call", {"callee": callee})


def request(user: str) -> Asked:
    return Asked(user, "POST", "/v1/agents/me/assignments", {}, "request_assignment")


def accept(user: str, assignment_id: str) -> Asked:
    args = {"assignment_id": assignment_id}
    return Asked(user, "POST", f"/v1/assignments/{assignment_id}/accept", None, "accept", args)
