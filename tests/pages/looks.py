"""What is asked of every look of a page: axe finds nothing, nothing is wider than the screen, in both themes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.pages.conftest import NARROW, WIDE

SETTLED = """new Promise(requestAnimationFrame).then(() => Promise.all(document.getAnimations()
    .filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {}))))"""
"""Colours change over a moment."""
PICTURES = os.environ.get("PAGES_PICTURES")
"""A folder into which every look is drawn, to be looked at; then in each size and language."""
CASES = {"wide": (WIDE, "en-US"), "narrow": (NARROW, "zh-CN")}
if PICTURES:
    CASES |= {"wide-zh": (WIDE, "zh-CN"), "narrow-en": (NARROW, "en-US")}
both = pytest.mark.parametrize(("size", "language"), CASES.values(), ids=CASES.keys())


async def looks_right(page: Page, axe: str, name: str, *, whole: bool = True) -> None:
    """Check what is shown now, in both themes. `whole`: draw what is below the screen too."""
    await page.emulate_media(reduced_motion="reduce")
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)
        await page.evaluate(SETTLED)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        found = await page.evaluate(f"async () => {{ {axe}\n; return (await axe.run()).violations; }}")
        bad = [(each["id"], [(node["html"][:90], node["failureSummary"]) for node in each["nodes"]]) for each in found]
        assert bad == [], (name, theme, bad)
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / f"{name}-{theme}.png", full_page=whole)
