"""What the pages are made of, and the way into the demo's."""

from __future__ import annotations

import json
import re
import subprocess

import httpx
import pytest

from dispatcher.client import Http
from dispatcher.demo.entrance import PATH
from dispatcher.demo.scene import VISITING_AGENTS, VISITING_SUPERVISORS
from dispatcher.model import Role
from tests.e2e.test_demo import demo
from tests.house.tree import ROOT
from tests.pages.conftest import House

WEB = ROOT / "api" / "web"
OWN = ("look", "start", "visit", "desk", "console")


async def test_of_a_real_tenant_and_of_none(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.url) as client:
        await client.patch(
            "/v1/tenant",
            json={"origins": ["https://shop.example"]},
            headers={"Authorization": f"Bearer {await house.token('boss', Role.ADMIN)}"},
        )
        for tenant, allowed in ((house.tenant, "'self' https://shop.example"), ("nobody", "'self'")):
            response = await client.get("/visit", params={"tenant": tenant})
            assert response.headers["content-security-policy"].endswith(f"frame-ancestors {allowed}")


async def test_the_demo_leads_to_its_people_one_click_away() -> None:
    async with demo("alone") as running, httpx.AsyncClient(base_url=running.url) as client:
        assert (await client.get("/")).headers["location"] == "/?demo"
        assert (await client.get("/?demo")).headers["content-security-policy"]
        first, second = [(await client.get(PATH, headers={"Origin": "https://evil.example"})) for _ in range(2)]
        assert first.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in first.headers
        people = first.json()["people"]
        assert [agent["name"] for agent in people["desk"]] == [name for _, name in VISITING_AGENTS]
        guests = [found.json()["people"]["visit"][0]["token"] for found in (first, second)]
        users = []
        for token, role in (
            (guests[0], Role.CUSTOMER),
            (guests[1], Role.CUSTOMER),
            (people["desk"][0]["token"], Role.AGENT),
            *((one["token"], role) for one, (_, _, role) in zip(people["console"], VISITING_SUPERVISORS, strict=True)),
        ):
            async with Http(running.url, token) as http:
                user = (await http.me()).user
                users.append(user.user_id)
                assert user.roles == (role,)
        assert len(set(users)) == 5
        assert f"{running.url}/ " in running.guide


@pytest.mark.needs("node")
def test_languages_have_the_same_texts_and_pages_use_no_other() -> None:
    said = {}
    for language in ("en", "zh"):
        program = f"""import texts from './api/web/texts/{language}.js';
            console.log(JSON.stringify(Object.fromEntries(
                Object.entries(texts).map(([key, text]) => [key, typeof text === 'function' ? 'f' : text]))))"""
        done = subprocess.run(
            ["node", "--input-type=module", "-e", program], cwd=ROOT, check=True, capture_output=True, text=True
        )
        said[language] = json.loads(done.stdout)
    assert said["en"].keys() == said["zh"].keys()
    assert all(text for texts in said.values() for text in texts.values())
    assert {key for key, text in said["en"].items() if text == "f"} == {
        key for key, text in said["zh"].items() if text == "f"
    }
    code = "".join(path.read_text() for folder in OWN for path in (WEB / folder).glob("*.js"))
    exact = set(re.findall(r"\bt\((?:[\w.]+ \? )?'([a-z_.]+)'", code))
    assert exact
    assert exact <= said["en"].keys()
    begun = {begin for begin in re.findall(r"`([a-z_.]+\.)\$\{", code) if "." in begin}
    unused = [key for key in said["en"] if f"'{key}'" not in code and not any(key.startswith(begin) for begin in begun)]
    assert unused == []


def test_modules_load_nothing_but_their_own_and_the_sdk() -> None:
    for folder in OWN:
        for path in (WEB / folder).glob("*.js"):
            for target in re.findall(r"from '([^']+)'|import\('([^']+)'\)", path.read_text()):
                name = "".join(target)
                assert name == "/sdk/dispatcher.js" or (path.parent / name).resolve().is_file(), (path, name)


@pytest.mark.parametrize("page", ["visit", "desk", "console"])
def test_pages_load_their_modules_at_once(page: str) -> None:
    """One that is found only inside another one comes a round trip later."""
    html = (WEB / page / "index.html").read_text()
    named = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', html))
    [first] = re.findall(r'<script type="module" src="([^"]+)">', html)
    needed: set[str] = set()
    found = [first]
    while found:
        address = found.pop()
        path = WEB / address.removeprefix("/web/").removeprefix("/")
        for target in re.findall(r"from '([^']+)'|^import '([^']+)'", path.read_text(), re.MULTILINE):
            name = "".join(target)
            other = name if name.startswith("/") else f"/web/{(path.parent / name).resolve().relative_to(WEB)}"
            if other not in needed:
                needed.add(other)
                found.append(other)
    assert named == needed
