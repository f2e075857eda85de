"""What the demo says: where to look, and lines to paste."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent

WATCH = """\
import asyncio, sys
from dispatcher.client import Client

async def main(url, token):
    async with await Client.connect(url, token) as me:
        await me.start_queuing("sales", "hello from the terminal")
        async for event in me.events():
            print(event.event, event.data)

asyncio.run(main(*sys.argv[1:]))
"""


@dataclass(frozen=True)
class Access:
    """The way in: tenant, its secret, what pages of old log in with, and tokens of one person of each role."""

    url: str
    tenant: str
    secret: str
    md5: str
    supervisor: str
    customer: str
    agent: str
    admin: str


def guide(access: Access, *, embedded: bool, simulated: bool) -> str:
    """Write the text that is shown when the demo is up."""
    store = "an embedded store: all is gone when it ends" if embedded else "the Redis of DISPATCHER_REDIS_URL"
    people = "Simulated agents and customers are at work." if simulated else "Nobody is simulated: all yours."
    url = access.url
    login = {"tenant": access.tenant, "secret": access.secret, "user_id": "olga", "roles": ["agent"]}
    contact = {"queue_id": "sales", "customer_id": "walk-in", "name": "Walk-in", "presence": "none"}
    queue = {"queue_id": "returns", "name": "Returns"}
    return (
        dedent(
            f"""
        The dispatcher is up on {store}. {people} Ctrl-C ends it.

          {url}/   open this: customer page, agent desk and console, one click away

          {url}/openapi.json   every HTTP command
          {url}/readyz         is it well
          tenant {access.tenant}   secret {access.secret}

        Tokens for the lines below: a supervisor's, a customer's, an agent's, and an admin's
          TOKEN={access.supervisor}
          CUSTOMER={access.customer}
          AGENT={access.agent}
          ADMIN={access.admin}

        A page or a program of your own: deploy/examples has some to begin with, and how to open them.
        This tenant takes pages of any site; elsewhere the option origins names yours.
        For a page of old: md5 {access.md5}

        Log in (as an agent)
          {_curl(url, "/v1/login", login)}

        The queues, with their status
          curl -s "{url}/v1/queues?status=1" -H "Authorization: Bearer $TOKEN"

        Put somebody into a queue, as a backend does for a phone call
          {_curl(url, "/v1/contacts", contact, token="TOKEN")}

        Make a queue, as an admin
          {_curl(url, "/v1/queues", queue, token="ADMIN")}

        Queue yourself, and follow what happens, with the client for Python
        """
        )
        + _python(url)
        + _by_hand(url)
    )


def _curl(url: str, path: str, body: Mapping[str, object], *, token: str = "") -> str:
    who = f' -H "Authorization: Bearer ${token}"' if token else ""
    return f"curl -s {url}{path}{who} -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"


def _python(url: str) -> str:
    # Not indented: it is Python, and is pasted as it stands.
    return f"{shlex.quote(sys.executable)} -c '\n{WATCH}' {url} \"$CUSTOMER\"\n"


def _by_hand(url: str) -> str:
    # Without a client: a fixed one would make the commands of a second try look like repeated ones.
    hello = '{"id":1,"cmd":"hello","args":{"token":"\'"$CUSTOMER"\'"}}'
    queue = '{"id":2,"cmd":"start_queuing","args":{"queue_id":"sales"}}'
    frames = f"(echo '{hello}'; echo '{queue}'; cat)"
    address = url.replace("http", "ws", 1) + "/v1/ws"
    return (
        f"\nThe same by hand, frame by frame\n  {frames} | {shlex.quote(sys.executable)} -m websockets {address}\n"
        f"or with websocat\n  {frames} | websocat {address}\n"
    )
