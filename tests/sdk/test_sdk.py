"""The JavaScript SDK: its own tests under `node --test` against a node of ours, and its types."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.house.tree import ROOT
from tests.processes import node
from tests.servers import any_binary, running, server

FILES = ("api/web/sdk/dispatcher.js", "api/web/sdk/cloudroom.js")
TENANT = "sdk"
TYPESCRIPT = ("typescript@5.9.3", "@types/node@20.19.25")


async def create_tenant(url: str) -> str:
    """Make the tenant; return its secret."""
    store = await connect(url)
    try:
        return await Dispatcher(Runner(store, Scripts())).create_tenant(TENANT)
    finally:
        await store.close()


@pytest.mark.needs("node")
def test_against_a_node() -> None:
    binary = any_binary()
    assert binary is not None
    with running(server(binary)) as instance, node(instance.url) as process:
        with asyncio.Runner() as runner:
            secret = runner.run(create_tenant(instance.url))
        given = {"SDK_URL": f"http://127.0.0.1:{process.port}", "SDK_TENANT": TENANT, "SDK_SECRET": secret}
        # Node 20 has WebSockets, but only when asked for.
        done = subprocess.run(
            ["node", "--experimental-websocket", "--test", "tests/sdk/"],
            cwd=ROOT,
            env=os.environ | given,
            check=False,
            capture_output=True,
            text=True,
            timeout=150,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "# fail 0" in done.stdout or "ℹ fail 0" in done.stdout


@pytest.mark.needs("npm")
def test_types(tmp_path: Path) -> None:
    install = ["npm", "install", "--no-save", "--no-package-lock", "--silent", *TYPESCRIPT]
    subprocess.run(install, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    tsc = tmp_path / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["--noEmit", "--checkJs", "--allowJs", "--strict", "--target", "es2022", "--module", "nodenext"]
    done = subprocess.run(
        ["node", str(tsc), *options, "--lib", "es2022,dom,dom.iterable", *FILES],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
