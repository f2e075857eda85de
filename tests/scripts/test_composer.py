"""The composer: what it makes of small files, and which defects of a header it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.store.scripts import COMMON_ARGUMENTS, REQUIRED_SECTIONS, ScriptError, Scripts

COMMAND = """\
-- Do something.
--
-- KEYS   meta guard
-- ARGV   what often
-- REPLY  true
-- ERRORS none
-- EVENTS none
-- CALLS  1
-- USES   doing
return {'OK', doing(what, often), ''}
"""
CLOCK = "-- Time.\nlocal now = 'real'\n"
DOING = """\
-- Doing it.
-- USES clock
local function doing(what, often)
  -- 'acd:' in a comment means nothing
  return redis.call('ZADD', WAITING .. what, often, now)
end

local function unused_here()
  return redis.call('HGET', META, 'x')
end
"""

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a folder with one good command and its libs; files by name may replace them or be added."""

    def write(**files: str) -> Path:
        standard = {
            "commands/thing_do": COMMAND,
            "lib/doing": DOING,
            "lib/clock": CLOCK,
            "lib/clock_virtual": CLOCK.replace("real", "virtual"),
        }
        for name, text in (standard | {name.replace("__", "/"): text for name, text in files.items()}).items():
            path = tmp_path / f"{name}.lua"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def compose(folder: Path, name: str = "thing_do") -> str:
    return Scripts(folder=folder).text(name)


def test_a_whole_command(make: Make) -> None:
    text = compose(make())
    assert text.startswith("#!lua\n")
    parts = [
        "local now = 'real'",
        "'ZADD', P .. 'waiting:' .. ",
        "local what = ARGV[5]",
        "local often = ARGV[6]",
        "{'OK', ",
    ]
    assert [part for part in parts if part not in text] == []
    assert text.count("ARGV[") == 2, "of the common arguments it mentions none"


def test_what_nothing_uses_is_left_out(make: Make) -> None:
    text = compose(make())
    assert "unused_here" not in text
    assert "META" not in text
    assert "--" not in text, "no comments"


def test_flags_stand_in_the_first_line(make: Make) -> None:
    folder = make(commands__thing_do=COMMAND.replace("-- USES", "-- FLAGS  allow-oom\n-- USES"))
    assert compose(folder).startswith("#!lua flags=allow-oom\nlocal P")


def test_the_embedded_store_sees_the_first_line_as_a_comment(make: Make) -> None:
    scripts = Scripts(folder=make())
    assert scripts.text("thing_do", embedded=True) == "-- " + scripts.text("thing_do")


def test_the_virtual_clock_takes_the_place_of_the_other(make: Make) -> None:
    text = Scripts(clock="virtual", folder=make()).text("thing_do")
    assert "'virtual'" in text
    assert "'real'" not in text


def test_counting_replies_the_number_of_calls_as_a_fourth_element(make: Make) -> None:
    text = Scripts(counting=True, folder=make()).text("thing_do")
    assert "reply[4]" in text


def test_each_lib_stands_once_and_after_those_it_uses(make: Make) -> None:
    folder = make(
        commands__thing_do=COMMAND.replace("USES   doing", "USES   left right doing"),
        lib__left="-- L.\n-- USES base\nlocal left = base .. 'l'\n",
        lib__right="-- R.\n-- USES base left\nlocal right = base .. left\n",
        lib__base="-- B.\nlocal base = 'b'\n",
    )
    text = compose(folder)
    assert [text.count(f"local {lib} =") for lib in ("base", "left", "right")] == [1, 1, 1]
    assert text.index("local base") < text.index("local left") < text.index("local right")


def test_the_names_and_the_arguments_are_those_of_the_headers(make: Make) -> None:
    scripts = Scripts(folder=make(commands__other_do=COMMAND.replace("ARGV   what often", "ARGV")))
    assert scripts.names == ("other_do", "thing_do")
    assert scripts.arguments("thing_do") == (*COMMON_ARGUMENTS, "what", "often")
    assert scripts.arguments("other_do") == COMMON_ARGUMENTS


@pytest.mark.parametrize("section", REQUIRED_SECTIONS)
def test_refuses_a_missing_section(make: Make, section: str) -> None:
    lines = [line for line in COMMAND.splitlines() if not line.startswith(f"-- {section}")]
    with pytest.raises(ScriptError, match=f"^thing_do: no {section}$"):
        compose(make(commands__thing_do="\n".join(lines)))


def test_names_all_missing_sections(make: Make) -> None:
    with pytest.raises(ScriptError, match=r"^thing_do: no KEYS, ARGV, REPLY, ERRORS, EVENTS, CALLS$"):
        compose(make(commands__thing_do="-- Do something.\nreturn 1\n"))


def test_refuses_a_section_that_stands_below_the_header(make: Make) -> None:
    below = COMMAND.replace("-- CALLS  1\n", "") + "-- CALLS  1\n"
    with pytest.raises(ScriptError, match="no CALLS"):
        compose(make(commands__thing_do=below))


@pytest.mark.parametrize("where", ["commands/thing_do", "lib/doing"])
def test_refuses_a_section_that_stands_twice(make: Make, where: str) -> None:
    text = {"commands/thing_do": COMMAND, "lib/doing": DOING}[where]
    twice = "-- USES clock\n-- USES clock\n" + text
    with pytest.raises(ScriptError, match="USES stands twice"):
        compose(make(**{where.replace("/", "__"): twice}))


def test_refuses_a_lib_that_is_not_there(make: Make) -> None:
    with pytest.raises(ScriptError, match=r"^thing_do: there is no lib nothing$"):
        compose(make(commands__thing_do=COMMAND.replace("doing\n", "nothing\n", 1)))


def test_refuses_a_lib_that_uses_one_that_is_not_there(make: Make) -> None:
    with pytest.raises(ScriptError, match=r"^doing: there is no lib nothing$"):
        compose(make(lib__doing=DOING.replace("USES clock", "USES nothing")))


def test_refuses_a_lib_that_uses_itself(make: Make) -> None:
    with pytest.raises(ScriptError, match=r"^doing uses itself: doing$"):
        compose(make(lib__doing=DOING.replace("USES clock", "USES doing")))


def test_refuses_libs_that_use_each_other(make: Make) -> None:
    with pytest.raises(ScriptError, match=r"^doing uses itself: doing clock$"):
        compose(make(lib__clock="-- USES doing\n" + CLOCK))


def test_does_not_know_a_script_that_is_not_there(make: Make) -> None:
    with pytest.raises(KeyError):
        compose(make(), "thing_undo")
