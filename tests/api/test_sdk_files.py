from __future__ import annotations

from api.sdk import FOLDER
from tests.api.conftest import Door


async def test_the_sdk_is_served_to_pages_of_any_origin(door: Door) -> None:
    response = await door.get("/sdk/dispatcher.js", headers={"Origin": "https://shop.example"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.text == (FOLDER / "dispatcher.js").read_text()
    again = await door.get("/sdk/dispatcher.js", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


async def test_nothing_else_is_served(door: Door) -> None:
    for path in ("/sdk/nothing.js", "/sdk/", "/sdk/..%2f..%2fapp.py", "/sdk/../app.py"):
        response = await door.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "PARAM_ERR"), path
