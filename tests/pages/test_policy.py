"""The SDK in pages of others, whose policies forbid it things."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dispatcher.model import Role
from dispatcher.tenancy import TenantPatch
from tests.pages.conftest import House

pytestmark = pytest.mark.needs("chromium")

BARE = """<!doctype html>
<meta http-equiv="Content-Security-Policy" content="script-src 'unsafe-inline' NODE; connect-src *">
<script type="module">
  import { connect } from 'NODE/sdk/dispatcher.js';
  await connect('NODE', location.hash.slice(1), { heartbeat_s: 0.1 });
</script>
"""


async def test_a_page_that_forbids_workers_has_a_heartbeat_all_the_same(
    house: House, site: str, tmp_path: Path
) -> None:
    (tmp_path / "bare.html").write_text(BARE.replace("NODE", house.url))
    await house.admin.update_tenant(TenantPatch(origins=(site,)))
    page = await house.blank()
    beat = asyncio.Event()

    def sent(frame: str | bytes) -> None:
        if "ping" in str(frame):
            beat.set()

    page.on("websocket", lambda socket: socket.on("framesent", sent))
    await page.goto(f"{site}/bare.html#{await house.token('kim', Role.CUSTOMER)}")
    async with asyncio.timeout(10):
        await beat.wait()
    assert any("worker" in said for said in house.complaints), "the browser did forbid it"
    house.complaints.clear()
