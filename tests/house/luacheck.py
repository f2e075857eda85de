"""Run luacheck on the scripts as Redis gets them: composed, one file each, in build/lua.

`make lint` calls it. Without luacheck it says so and succeeds at home, and fails in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from dispatcher.store.scripts import Scripts
from tests.house.tree import ROOT


def main() -> int:
    """Return the exit code: 0 where nothing was found, or where the tool is missing at home."""
    if shutil.which("luacheck") is None:
        print("luacheck is not installed (Debian: lua-check): the Lua scripts were NOT checked", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    folder = ROOT / "build" / "lua"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scripts = Scripts(clock="server")
    for name in scripts.names:
        (folder / f"{name}.lua").write_text(scripts.text(name))
    return subprocess.run(["luacheck", "--quiet", "--codes", "build/lua"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
