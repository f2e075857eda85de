"""The pages as they are served: their policy, their files, and nothing beside them."""

from __future__ import annotations

import re

from dispatcher.demo.entrance import PATH
from tests.api.conftest import Door
from tests.api.fakes import FakeDispatcher

PAGES = ("/", "/visit", "/desk")


async def test_pages_keep_to_their_own_files_and_are_asked_for_each_time(door: Door) -> None:
    for path in PAGES:
        response = await door.get(path)
        assert response.headers["content-type"].startswith("text/html")
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["referrer-policy"] == "no-referrer"
        policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == ("'self'" if path == "/visit" else "'none'")
        for file in re.findall(r'(?:src|href)="([^"]+)"', response.text):
            found = await door.get(file)
            assert (found.status_code, found.headers["cache-control"]) == (200, "no-cache"), file
    again = await door.get("/web/look/look.css")
    unchanged = await door.get("/web/look/look.css", headers={"If-None-Match": again.headers["etag"]})
    assert unchanged.status_code == 304


async def test_the_customers_page_may_be_framed_by_the_tenants_origins(door: Door, fake: FakeDispatcher) -> None:
    policy = (await door.get("/visit?tenant=t")).headers["content-security-policy"]
    assert policy.endswith(" ".join(("frame-ancestors 'self'", *await fake.get_origins("t"))))
    assert (await door.get("/visit?tenant=;")).json()["code"] == "PARAM_ERR"


async def test_nothing_else_is_served_nor_the_demos_entrance(door: Door) -> None:
    for path in (PATH, "/web/", "/web/look/", "/web/README.md", "/web/look/../../app.py", "/admin"):
        assert (await door.get(path)).status_code == 404, path
