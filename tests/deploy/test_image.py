"""The image, by hand: the very lines of the Dockerfile in a folder of the test, and what it starts."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import site
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dispatcher.settings import Settings
from tests.deploy.conftest import DEPLOY
from tests.house.tree import ROOT, files
from tests.servers import any_binary, free_port, running, server

KEYS = "k" * 64


class Step(NamedTuple):
    """One instruction of a Dockerfile."""

    word: str
    rest: str


def steps() -> list[Step]:
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def only(word: str, number: int = -1) -> str:
    return [step.rest for step in steps() if step.word == word][number]


def environment(instruction: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(instruction))


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """A root folder in which the first stage was carried out: /src and /opt/dispatcher.

    What the pins name is not fetched anew: the environment takes it from the one that runs the tests.
    """
    with tempfile.TemporaryDirectory(prefix="dispatcher-image-") as name:
        root = Path(name)
        (root / "src").mkdir()
        first_stage = steps()[: [step.word for step in steps()].index("FROM", 1)]
        variables = {
            **os.environ,
            **environment(only("ENV", 0).replace("/src", f"{root}/src")),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            # Offline: no build environment of its own, no dependencies.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_DEPS": "1",
            "PIP_NO_INDEX": "1",
        }
        for step in first_stage:
            if step.word == "COPY":
                *sources, _ = step.rest.split()
                for source in sources:
                    _copy(source, root / "src")
            elif step.word == "RUN":
                line = re.sub(r"(?<![\w.])/(src|opt)\b", rf"{root}/\1", step.rest)
                done = subprocess.run(
                    line, shell=True, cwd=root / "src", env=variables, check=False, capture_output=True, text=True
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        [packages] = (root / "opt" / "dispatcher" / "lib").glob("python3*/site-packages")
        (packages / "tests.pth").write_text("\n".join(site.getsitepackages()))
        yield root


def _copy(source: str, target: Path) -> None:
    """Copy what git knows of a file or folder, as the context without what .dockerignore leaves out has it."""
    known = [path for path in files() if path == Path(source) or Path(source) in path.parents]
    assert known, source
    for path in known:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target / path)


def test_the_context_has_what_is_copied() -> None:
    allowed = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split() if line.startswith("!")}
    stage = 0
    for step in steps():
        stage += step.word == "FROM"
        if step.word == "COPY" and stage == 1:
            *sources, _ = step.rest.split()
            assert {source.removeprefix("./") for source in sources} <= allowed


def test_what_runs_is_no_root_and_knows_its_settings() -> None:
    assert only("USER") == "10001"
    assert "--uid 10001" in only("RUN")
    known = {f"DISPATCHER_{name.upper()}" for name in Settings.model_fields}
    set_ = environment(only("ENV"))
    assert {name for name in set_ if name.startswith("DISPATCHER_")} <= known
    assert only("EXPOSE") == set_["DISPATCHER_PORT"]
    assert (json.loads(only("ENTRYPOINT")), json.loads(only("CMD"))) == (["dispatcher"], ["serve"])


def test_the_built_program_serves_and_is_healthy(built: Path) -> None:
    binary = any_binary()
    assert binary is not None
    port = free_port()
    path = f"{built}/opt/dispatcher/bin:/usr/bin:/bin"
    with running(server(binary)) as redis:
        variables = {
            **{name: text for name, text in environment(only("ENV")).items() if name != "PATH"},
            "PATH": path,
            "DISPATCHER_PORT": str(port),
            "DISPATCHER_HOST": "127.0.0.1",
            "DISPATCHER_REDIS_URL": redis.url,
            "DISPATCHER_TOKEN_KEYS": KEYS,
        }
        start = [*json.loads(only("ENTRYPOINT")), *json.loads(only("CMD"))]
        start[0] = str(shutil.which(start[0], path=path))
        process = subprocess.Popen(start, cwd=built, env=variables, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if f":{port}" in line:
                    break
            check = json.loads(only("HEALTHCHECK").partition("CMD ")[2])
            check[0] = str(shutil.which(check[0], path=path))
            assert subprocess.run(check, env=variables, check=False, timeout=30).returncode == 0
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as response:
                assert json.load(response)["status"] == "ok"
            made = subprocess.run(
                [start[0], "tenant", "create", "acme"], cwd=built, env=variables, check=False, capture_output=True
            )
            assert made.returncode == 0, made.stderr
            process.terminate()
            process.communicate(timeout=30)
            assert process.returncode in {0, -15}
            assert subprocess.run(check, env=variables, check=False, timeout=30, stderr=-3).returncode != 0
        finally:
            process.kill()
            process.wait()
