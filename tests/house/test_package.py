"""What is installed, and from what."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files

SERVER_MODULES = (
    "api", "dispatcher.cli", "dispatcher.engine", "dispatcher.events", "dispatcher.store",
    "fakeredis", "fastapi", "lupa", "redis", "starlette", "uvicorn",
)  # fmt: skip
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][0-9A-Za-z.+!]*")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("dispatcher-*.whl")
    unpacked = folder / "unpacked"
    zipfile.ZipFile(built).extractall(unpacked)
    return unpacked


def _python(code: str, path: Path) -> str:
    """Run `code` in a Python that finds our packages in `path` first; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=path, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_wheel_carries_the_whole_program(wheel: Path) -> None:
    expected = {str(path) for path in files("dispatcher", "api")} | {f"dispatcher/{path}" for path in files("lua")}
    carried = {
        str(path.relative_to(wheel))
        for path in wheel.rglob("*")
        if path.is_file() and ".dist-info" not in str(path.relative_to(wheel))
    }
    assert carried == expected


def test_wheel_finds_its_own_scripts(wheel: Path) -> None:
    code = (
        "import dispatcher; from dispatcher.store.scripts import Scripts; s = Scripts(clock='server');"
        "print(dispatcher.__file__, sum(bool(s.text(n)) for n in s.names))"
    )
    where, count = _python(code, wheel).split()
    assert Path(where).is_relative_to(wheel)
    assert int(count) == len(files("lua/commands/*.lua"))


def test_wheel_names_the_command_and_the_license(wheel: Path) -> None:
    [info] = wheel.glob("*.dist-info")
    assert "dispatcher = dispatcher.cli:main" in (info / "entry_points.txt").read_text()
    assert (info / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_sdk_imports_nothing_of_the_server() -> None:
    loaded = set(_python("import sys, dispatcher.client; print(*sys.modules)", ROOT).split())
    assert not loaded & set(SERVER_MODULES)


def test_constraints_are_exact_pins_of_all_that_we_ask_for() -> None:
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in pins if not PIN.fullmatch(line)]
    names = {_name(line) for line in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    assert not {_name(requirement) for requirement in asked} - names


def _name(requirement: str) -> str:
    """The package's name in its normal form, of a requirement such as `Fakeredis[lua]>=2.40`."""
    [name] = re.findall(r"^[A-Za-z0-9._-]*[A-Za-z0-9]", requirement)
    return re.sub(r"[-_.]+", "-", str(name)).lower()
