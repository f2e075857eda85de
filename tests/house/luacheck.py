"""Run luacheck on the scripts as Redis gets them: composed, one file each, in build/lua.

`make lint` calls it. Without luacheck it says so and succeeds at home, and fails in CI.

A library brings all its functions into each script that uses one of them, so "unused" counts only where a thing is
unused in every script that carries it. What is found in many scripts alike is told once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from typing import Literal, NamedTuple

from dispatcher.store.scripts import Scripts
from tests.house.tree import ROOT

CLOCKS: tuple[Literal["server", "virtual"], ...] = ("server", "virtual")
FINDING = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+):(?P<column>\d+): \((?P<code>[EW]\d{3})\) (?P<text>.*)$")


class Finding(NamedTuple):
    """What stays the same when the same source line stands in several scripts."""

    code: str
    text: str
    source: str

    @property
    def is_about_use(self) -> bool:
        """Whether another script may use what this one does not."""
        return self.code.startswith(("W21", "W22", "W23"))


def compose() -> dict[str, list[str]]:
    """Write every script with either clock; return their lines by path."""
    shutil.rmtree(ROOT / "build" / "lua", ignore_errors=True)
    composed = {}
    for clock in CLOCKS:
        scripts = Scripts(clock=clock)
        for name in scripts.names:
            path = f"build/lua/{clock}/{name}.lua"
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(scripts.text(name))
            composed[path] = scripts.text(name).splitlines()
    return composed


def check(composed: dict[str, list[str]]) -> list[str]:
    """Run luacheck on the composed scripts; return what it found, each thing once."""
    command = ["luacheck", "--codes", "--formatter", "plain", *composed]
    printed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if printed.returncode > 2 or printed.stderr:
        return [printed.stdout + printed.stderr]
    places: dict[Finding, list[str]] = defaultdict(list)
    for line in printed.stdout.splitlines():
        if match := FINDING.match(line):
            source = composed[match["path"]][int(match["line"]) - 1]
            text = re.sub(r" on line \d+( column \d+)?", "", match["text"])
            places[Finding(match["code"], text, source)].append(f"{match['path']}:{match['line']}:{match['column']}")
    found = []
    for finding, where in places.items():
        carriers = sum(finding.source in lines for lines in composed.values())
        if not finding.is_about_use or len(where) >= carriers:
            what = f"{where[0]}: ({finding.code}) {finding.text}"
            found.append(f"{what} [in {len(where)} scripts] {finding.source.strip()}")
    return sorted(found)


def main() -> int:
    """Return the exit code: 0 where nothing was found, or where the tool is missing at home."""
    if shutil.which("luacheck") is None:
        print("luacheck is not installed (Debian: lua-check): the Lua scripts were NOT checked", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    composed = compose()
    found = check(composed)
    print(*found, f"luacheck: {len(composed)} composed scripts, {len(found)} findings", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
