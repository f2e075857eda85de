"""The Python SDK: `from dispatcher.client import Client`. It needs no part of the server.

    async with await Client.connect("http://127.0.0.1:8000", token) as client:
        await client.start_queuing("1")
        matched = await client.wait_for("contact.matched")

`Client` is a person's live connection; `Http` is every row of the HTTP table that needs none. `SyncClient` and
`SyncHttp` are the same for programs without asyncio.
"""

from dispatcher.client.client import Client
from dispatcher.client.http import Http, Login
from dispatcher.client.sync import SyncClient, SyncHttp
from dispatcher.errors import Code, DispatcherError

__all__ = ["Client", "Code", "DispatcherError", "Http", "Login", "SyncClient", "SyncHttp"]
