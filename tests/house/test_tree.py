"""What must not stand in the tree, and what must."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import ROOT, files, lines

# The patterns are written so that none of them matches its own line.
FORBIDDEN = {
    "an address of a package registry": (
        r"--(extra-)?index-url|find-links|(pypi|npmjs|debian)\.(org|com|net)\b|files[.]pythonhosted|^registry *="
    ),
    "a path of one machine": r"(^|[^A-Za-z0-9_.])/(work|farm|root|home/[a-z]+)/",
    "something left open": r"\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K|NotImplemented[E]rror)\b",
    "somebody else's code": r"\b(copyright|SPDX-License-Identifi[e]r|licensed under)\b.*(\(c\)|©|\d{4}|:)",
    "a conflict of a merge": r"^(<{7}|>{7}) ",
}
HAS_A_README = ("api", "deploy", "dispatcher", "lua", "tests")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nowhere_stands(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.IGNORECASE if what == "somebody else's code" else 0)
    found = [
        f"{place}: {line.strip()[:120]}"
        for place, line in lines()
        if not place.startswith(("LICENSE:", "tests/house/test_tree.py:")) and pattern.search(line)
    ]
    assert not found, f"{what} in the tree"


def test_documents_name_no_temporary_path() -> None:
    assert not [f"{place}: {line}" for place, line in lines("*.md") if "/tmp/" in line]


def test_no_folder_of_other_peoples_code_and_no_lock_file() -> None:
    strange = re.compile(r"(^|/)(vendor|third_party|node_modules|dist)/|\.min\.(js|css)$|(-lock\.json|\.lock)$")
    assert not [str(path) for path in files() if strange.search(str(path))]


@pytest.mark.parametrize("folder", HAS_A_README)
def test_each_folder_explains_itself(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text()
    assert text.startswith("# ")
    assert len(text.split()) >= 30


def test_each_lane_is_explained() -> None:
    lanes = {path.parts[1] for path in files("tests") if len(path.parts) > 2}
    explained = set(re.findall(r"`([a-z0-9_]+)/`", (ROOT / "tests" / "README.md").read_text()))
    assert lanes <= explained


def test_the_top_level_is_the_agreed_one() -> None:
    folders = {path.parts[0] for path in files() if len(path.parts) > 1}
    assert folders <= {*HAS_A_README, ".ci"}


def test_links_between_documents_lead_somewhere() -> None:
    link = re.compile(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)")
    targets = [(path, target) for path in files("*.md") for target in link.findall((ROOT / path).read_text())]
    assert not [f"{path}: {target}" for path, target in targets if not (ROOT / path.parent / target).exists()]
