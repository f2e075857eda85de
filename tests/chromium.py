"""The machine's Chromium, driven by Playwright: one way for pages, SDK and bench."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

BINARY = shutil.which("chromium")
"""Debian's: Playwright's own would be fetched."""


@asynccontextmanager
async def chromium(*args: str) -> AsyncIterator[Browser]:
    """Run a browser without a screen."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BINARY, args=["--no-sandbox", *args])
        try:
            yield browser
        finally:
            await browser.close()
