"""The rows of the HTTP table, one method each, for backends, scripts and tests."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import BaseModel, JsonValue, SecretStr

from dispatcher.client.wire import ModelT, is_loopback, read, read_error
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import (
    Agent,
    Assignment,
    Call,
    Contact,
    Model,
    Page,
    Presence,
    Queue,
    QueueCreate,
    QueuePatch,
    QueueStatus,
    Role,
    Service,
    Snapshot,
    User,
    UserStatus,
)
from dispatcher.tenancy import Account, AccountCreate, AccountPatch, TenantOptions, TenantPatch


class Login(Model):
    """A token, when it expires (epoch ms), and whose it is."""

    token: str
    expires_at: int
    user: User


class Http:
    """HTTP to one node at `url`, with the token of one user (or none, to log in).

    Every method raises `DispatcherError`: the server's codes; UNAVAILABLE if no connection was made;
    OUTCOME_UNKNOWN if the answer did not come.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout_s, trust_env=not is_loopback(url))
        self._key = ""

    def under(self, key: str) -> Self:
        """Return this door with an Idempotency-Key on every POST: `await http.under(key).start_queuing(…)`.

        Repeat the same call under the same key after OUTCOME_UNKNOWN: it is done once, and its first answer comes
        again, for an hour. The same key with another call is REQUEST_ID_REUSED.
        """
        door = copy(self)
        door._key = key
        return door

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Who

    async def login(
        self,
        tenant: str,
        secret: str,
        user_id: str,
        *,
        name: str | None = None,
        roles: Sequence[Role] | None = None,
        queues: Sequence[str] | None = None,
        ttl_s: int | None = None,
    ) -> Login:
        """Log a user in with the tenant's secret; without `roles` as customer.

        `queues` limits what an agent may serve; `ttl_s`: how long the token lasts.

        Errors: TOKEN_APPIDNOTEXIST, TOKEN_AUTH_FAILED, RATE_LIMITED.
        """
        body = _given(tenant=tenant, secret=secret, user_id=user_id, name=name, roles=roles)
        return read(Login, await self._ask("POST", "/v1/login", body | _given(queues=queues, ttl_s=ttl_s)))

    async def login_with_password(self, tenant: str, user_id: str, password: str, *, ttl_s: int | None = None) -> Login:
        """Log a person in who has an account. Errors: ANCTPSWD_ERR, TOKEN_APPIDNOTEXIST, RATE_LIMITED."""
        body = _given(tenant=tenant, user_id=user_id, password=password, ttl_s=ttl_s)
        return read(Login, await self._ask("POST", "/v1/login", body))

    async def create_token(
        self,
        user_id: str,
        roles: Sequence[Role],
        *,
        name: str | None = None,
        queues: Sequence[str] | None = None,
        ttl_s: int | None = None,
    ) -> Login:
        """Make a token of a user. Errors: API_NO_PERMISSION (not an admin)."""
        body = _given(user_id=user_id, name=name, roles=roles, queues=queues, ttl_s=ttl_s)
        return read(Login, await self._ask("POST", "/v1/tokens", body))

    async def me(self) -> Snapshot:
        """Read who the token's user is, and where he stands."""
        return read(Snapshot, await self._ask("GET", "/v1/me"))

    # The tenant, and its people with passwords: for an admin, else API_NO_PERMISSION

    async def get_tenant(self) -> TenantOptions:
        """Read the tenant's options."""
        return read(TenantOptions, await self._ask("GET", "/v1/tenant"))

    async def update_tenant(self, patch: TenantPatch) -> TenantOptions:
        """Change the given options of the tenant."""
        return read(TenantOptions, await self._ask("PATCH", "/v1/tenant", _shown(patch)))

    async def list_accounts(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Account]:
        """List the accounts, by user."""
        return read(Page[Account], await self._ask("GET", "/v1/users", query=_given(limit=limit, cursor=cursor)))

    async def create_account(self, account: AccountCreate) -> Account:
        """Give a user an account. Errors: WRONG_STATE (he has one)."""
        return await self._post(Account, "/v1/users", _shown(account))

    async def update_account(self, user_id: str, patch: AccountPatch) -> Account:
        """Change the given members of an account. Errors: USER_NOT_FOUND."""
        return read(Account, await self._ask("PATCH", _path("users", user_id), _shown(patch)))

    async def delete_account(self, user_id: str) -> None:
        """Take an account away. Errors: USER_NOT_FOUND."""
        await self._ask("DELETE", _path("users", user_id))

    # Queues

    async def list_queues(
        self, *, status: bool = False, limit: int | None = None, cursor: str | None = None
    ) -> Page[Queue]:
        """List queues, with each one's status where `status` is set."""
        query = _given(status=1 if status else None, limit=limit, cursor=cursor)
        return read(Page[Queue], await self._ask("GET", "/v1/queues", query=query))

    async def create_queue(self, queue: QueueCreate) -> Queue:
        """Create a queue. Errors: QUEUE_EXISTS, API_NO_PERMISSION."""
        return await self._post(Queue, "/v1/queues", queue.model_dump(exclude_unset=True))

    async def get_queue(self, queue_id: str) -> Queue:
        """Read a queue. Errors: QUE_ID_INVALID."""
        return read(Queue, await self._ask("GET", _path("queues", queue_id)))

    async def update_queue(self, queue_id: str, patch: QueuePatch) -> Queue:
        """Change the given members of a queue. Errors: QUE_ID_INVALID, QUEUE_EXISTS, API_NO_PERMISSION."""
        body = patch.model_dump(exclude_unset=True)
        return read(Queue, await self._ask("PATCH", _path("queues", queue_id), body))

    async def delete_queue(self, queue_id: str, *, force: bool = False) -> bool:
        """Delete a queue; with `force` also one that is not empty. Errors: QUE_ID_INVALID, QUEUE_NOT_EMPTY.

        True when it is gone; False while it is being emptied.
        """
        query = _given(force=1 if force else None)
        response = await self._send("DELETE", _path("queues", queue_id), query=query)
        return response.status_code != httpx.codes.ACCEPTED

    async def get_queue_status(self, queue_id: str) -> QueueStatus:
        """Count a queue. Errors: QUE_ID_INVALID."""
        return read(QueueStatus, await self._ask("GET", _path("queues", queue_id, "status")))

    async def list_contacts(
        self, queue_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Contact]:
        """List who waits in a queue, in its order. Errors: QUE_ID_INVALID, QUE_SERVICE_NOT_START, API_NO_PERMISSION."""
        query = _given(limit=limit, cursor=cursor)
        return read(Page[Contact], await self._ask("GET", _path("queues", queue_id, "contacts"), query=query))

    async def list_queue_agents(
        self, queue_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Agent]:
        """List who serves a queue. Errors as `list_contacts`."""
        query = _given(limit=limit, cursor=cursor)
        return read(Page[Agent], await self._ask("GET", _path("queues", queue_id, "agents"), query=query))

    # Contacts

    async def start_queuing(
        self,
        queue_id: str,
        *,
        ext: str | None = None,
        customer_id: str | None = None,
        name: str | None = None,
        presence: Presence | None = None,
    ) -> Contact:
        """Put a customer into a queue (a backend: `customer_id`). Errors as of `Client.start_queuing`."""
        body = _given(queue_id=queue_id, ext=ext, customer_id=customer_id, name=name, presence=presence)
        return await self._post(Contact, "/v1/contacts", body)

    async def get_contact(self, contact_id: str) -> Contact:
        """Read a contact. Errors: CONTACT_NOT_FOUND."""
        return read(Contact, await self._ask("GET", _path("contacts", contact_id)))

    async def stop_queuing(self, contact_id: str) -> Contact:
        """Take a contact out; by a supervisor, of somebody else: removal. Errors: CONTACT_NOT_FOUND."""
        return read(Contact, await self._ask("DELETE", _path("contacts", contact_id)))

    async def start(self, contact_id: str) -> Contact:
        """Begin to serve without a call. Errors: CONTACT_NOT_FOUND, WRONG_STATE, API_NO_PERMISSION."""
        return await self._post(Contact, _path("contacts", contact_id, "start"))

    async def complete(self, contact_id: str) -> Contact:
        """End the service. Errors: CONTACT_NOT_FOUND, WRONG_STATE, API_NO_PERMISSION."""
        return await self._post(Contact, _path("contacts", contact_id, "complete"))

    async def transfer(self, contact_id: str, *, queue_id: str | None = None, agent_id: str | None = None) -> Contact:
        """Send a contact on, or (a supervisor) move a waiting one. Errors as of `Client.transfer`."""
        body = _given(queue_id=queue_id, agent_id=agent_id)
        return await self._post(Contact, _path("contacts", contact_id, "transfer"), body)

    # Agents: `agent_id` may be "me"

    async def list_agents(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Agent]:
        """List the agents who serve something. Errors: API_NO_PERMISSION (below supervisor)."""
        query = _given(limit=limit, cursor=cursor)
        return read(Page[Agent], await self._ask("GET", "/v1/agents", query=query))

    async def get_agent(self, agent_id: str = "me") -> Agent:
        """Read an agent. Errors: USER_NOT_FOUND, API_NO_PERMISSION."""
        return read(Agent, await self._ask("GET", _path("agents", agent_id)))

    async def set_capacity(self, agent_id: str, capacity: int) -> Agent:
        """Set how many contacts an agent may hold. Errors: USER_NOT_FOUND, API_NO_PERMISSION."""
        return read(Agent, await self._ask("PATCH", _path("agents", agent_id), {"capacity": capacity}))

    async def start_service(self, queues: Sequence[Service], *, agent_id: str = "me") -> Agent:
        """Serve several queues in one step. Errors as of `Client.start_service`, and NOT_LOGIN (no session)."""
        body = {"queues": [queue.model_dump() for queue in queues]}
        return await self._post(Agent, _path("agents", agent_id, "queues"), body)

    async def stop_service(self, queue_id: str, *, agent_id: str = "me") -> Agent:
        """Stop serving a queue. Errors: QUE_SERVICE_NOT_START."""
        return read(Agent, await self._ask("DELETE", _path("agents", agent_id, "queues", queue_id)))

    async def set_dnd(self, dnd: int, *, agent_id: str = "me", reason: str | None = None) -> Agent:
        """Set or clear (0) manual mode. Errors: USER_NOT_FOUND, API_NO_PERMISSION."""
        return read(Agent, await self._ask("PUT", _path("agents", agent_id, "dnd"), _given(dnd=dnd, reason=reason)))

    async def request_assignment(self, *, queue_id: str | None = None, customer_id: str | None = None) -> Assignment:
        """Ask for a contact. Errors as of `Client.request_assignment`, and NOT_LOGIN (no session)."""
        body = _given(queue_id=queue_id, customer_id=customer_id)
        return await self._post(Assignment, "/v1/agents/me/assignments", body)

    async def accept(self, assignment_id: str) -> Assignment:
        """Accept an offer. Errors: QUE_USER_CANCELLED, ASSIGNMENT_GONE."""
        return await self._post(Assignment, _path("assignments", assignment_id, "accept"))

    async def reject(self, assignment_id: str) -> Assignment:
        """Reject an offer. Errors: QUE_USER_CANCELLED, ASSIGNMENT_GONE, WRONG_STATE."""
        return await self._post(Assignment, _path("assignments", assignment_id, "reject"))

    # Calls, status and messages: `user_id` may be "me"

    async def call(self, callee: str, *, meeting: JsonValue = None, ext: str | None = None) -> Call:
        """Call a user. Errors as of `Client.call`, and NOT_LOGIN (no session)."""
        return await self._post(Call, "/v1/calls", _given(callee=callee, meeting=meeting, ext=ext))

    async def accept_call(self, call_id: str, *, meeting: JsonValue = None, ext: str | None = None) -> Call:
        """Answer a call. Errors as of `Client.accept_call`."""
        return await self._post(Call, _path("calls", call_id, "accept"), _given(meeting=meeting, ext=ext))

    async def reject_call(self, call_id: str, *, ext: str | None = None) -> Call:
        """Refuse a call that rings. Errors as of `Client.reject_call`."""
        return await self._post(Call, _path("calls", call_id, "reject"), _given(ext=ext))

    async def hangup(self, call_id: str, *, ext: str | None = None) -> Call:
        """End a call. Errors: INVALID_CALLID."""
        return await self._post(Call, _path("calls", call_id, "hangup"), _given(ext=ext))

    async def get_user_status(self, user_id: str = "me") -> UserStatus:
        """Read whether a user can be reached. Errors: USER_NOT_FOUND, API_NO_PERMISSION."""
        return read(UserStatus, await self._ask("GET", _path("users", user_id, "status")))

    async def send_cmd(self, to: str, data: str) -> None:
        """Send a message to a user's session. Errors: USER_NOT_FOUND, OFFLINE, API_NO_PERMISSION."""
        await self._ask("POST", "/v1/messages", {"to": to, "data": data})

    # How it is done

    async def _post(self, model: type[ModelT], path: str, body: dict[str, Any] | None = None) -> ModelT:
        return read(model, await self._ask("POST", path, body))

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, query: dict[str, Any] | None = None
    ) -> Any:
        response = await self._send(method, path, body, query=query)
        return response.json() if response.content else None

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, query: dict[str, Any] | None = None
    ) -> httpx.Response:
        try:
            headers = {"Idempotency-Key": self._key} if self._key and method == "POST" else {}
            response = await self._http.request(method, path, json=body, params=query, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise DispatcherError(Code.UNAVAILABLE, f"{method} {path}: {error}") from error
        except httpx.TransportError as error:
            raise DispatcherError(Code.OUTCOME_UNKNOWN, f"{method} {path}: {error}") from error
        if not response.is_success:
            raise _error(response)
        return response


def _error(response: httpx.Response) -> DispatcherError:
    """Read a problem document; what is none (a proxy's page) is a SERVER_EXCEPTION."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict) and "code" in problem:
        return read_error(problem)
    request = response.request
    detail = f"{request.method} {request.url.path}: HTTP {response.status_code}"
    return DispatcherError(Code.SERVER_EXCEPTION, detail)


def _path(*parts: str) -> str:
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def _shown(model: BaseModel) -> dict[str, Any]:
    """Return the members that were given, their secrets in plain text, as the wire needs them."""
    given = model.model_dump(exclude_unset=True)
    for name, value in given.items():
        if isinstance(value, SecretStr):
            given[name] = value.get_secret_value()
        elif isinstance(value, frozenset):
            given[name] = sorted(value)
    return given


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
