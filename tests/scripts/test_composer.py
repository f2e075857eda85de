"""The composer: what it makes of small files, and which defects of a header it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.store.entities import EntityError
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


def lines_of(text: str, name: str) -> list[str]:
    """Return a function with all that stands inside of it."""
    lines = text.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(f"local function {name}("))
    opened = 0
    for n in range(begin, len(lines)):
        opened += lines[n].count("function ") - (lines[n] == "end")
        if not opened:
            return lines[begin : n + 1]
    raise AssertionError(f"{name} does not end")


NESTING = """\
-- What is done once.
-- ONCE doing other
local function shared(x)
  return x
end

local function inmost(x)
  return shared(x)
end

local function inner(x)
  return inmost(x)
end

local function doing(what, often)
  return inner(what) .. inmost(often)
end

local function other(what)
  return shared(what)
end
"""


def test_what_only_a_function_called_once_uses_stands_inside_of_it(make: Make) -> None:
    command = COMMAND.replace("doing(what, often)", "doing(what, often) .. other(what)")
    text = compose(make(commands__thing_do=command, lib__doing=NESTING))
    inside = [line.partition("(")[0] for line in lines_of(text, "doing") if "function" in line]
    assert inside == ["local function doing", "local function inmost", "local function inner"]
    assert len(lines_of(text, "shared")) == 3, "two that are not inside each other use it"
    assert text.index("function shared") < text.index("function doing")


def test_what_is_called_often_is_made_once(make: Make) -> None:
    text = compose(make(lib__doing=NESTING.replace("-- ONCE doing other", "-- ONCE other")))
    assert len(lines_of(text, "doing")) == 3


def test_refuses_an_argument_that_is_called_like_something_outside(make: Make) -> None:
    """Inside of the function, another would take it for what stands outside of both."""
    lib = "-- L.\nlocal state = 1\nlocal function doing(state, often)\n  return state + often\nend\n"
    with pytest.raises(ScriptError, match=r"^doing: the argument state is called like something outside$"):
        compose(make(lib__doing=lib))


ENTITY = """\
-- A thing.
-- HASH first colour size=0
-- OWN  seen known=
local function doing(id, often)
  local key = QUEUE .. id
  local v = redis.call('HMGET', key, FIELDS_DOING)
  local t = ENTITY_DOING
  put(t, {colour = 'red' .. string.rep('x', 2), weight = (often + 1), })
  t.seen = 'it.size' .. t.id
  return t.colour .. t.known
end
"""


def test_an_entity_is_an_array_of_what_is_mentioned(make: Make) -> None:
    text = compose(make(lib__doing=ENTITY))
    assert "'HMGET', key, 'first', 'colour')" in text, "size is not read: nobody mentions it"
    assert "local t = {id, key, false, 1, false, v[1] or '', v[2] or '', false, ''}" in text
    assert "t[7] = 'red' .. string.rep('x', 2) put(t, 'colour', t[7], 'weight', (often + 1))" in text
    assert "t[8] = 'it.size' .. t[1]" in text, "what stands in a text is not a member"
    assert "return t[7] .. t[9]" in text


def test_an_absent_field_is_what_its_lib_says(make: Make) -> None:
    text = compose(make(lib__doing=ENTITY.replace("t.known", "t.size")))
    assert "v[1] or '', v[2] or '', v[3] or '0', false}" in text


def test_more_fields_than_one_put_takes_are_several(make: Make) -> None:
    text = compose(make(lib__doing=ENTITY.replace("weight = (often + 1), ", "a = 1, b = {2, 3}, c = 4, d = 5")))
    assert "put(t, 'colour', t[7], 'a', 1, 'b', {2, 3}) put(t, 'c', 4, 'd', 5)" in text


def test_a_member_of_two_entities_has_one_slot(make: Make) -> None:
    other = (
        ENTITY.replace("first colour", "begin middle end_ colour").replace("doing", "other").replace("DOING", "OTHER")
    )
    command = COMMAND.replace("USES   doing", "USES   doing other").replace("often)", "often) .. other(what, often)")
    text = compose(make(commands__thing_do=command, lib__doing=ENTITY, lib__other=other))
    assert "local t = {id, key, false, 1, false, v[1] or '', v[2] or '', false, ''}" in text
    # `begin`, `colour`, and its own two, in the slots that they have already.
    assert text.count("t[7] = 'red'") == 2
    assert text.count("return t[7] .. t[9]") == 2


def test_refuses_a_table_whose_key_is_a_member(make: Make) -> None:
    with pytest.raises(EntityError, match="a table with the key colour cannot be told from an entity"):
        compose(make(lib__doing=ENTITY.replace("t.seen = ", "local x = {colour = 1}\n  t.seen = ")))


@pytest.mark.parametrize("broken", ["put(t, {colour = 'red'", "put(t, {colour = 'red'}, 1)"])
def test_refuses_a_put_that_is_not_well_formed(make: Make, broken: str) -> None:
    lib = ENTITY.replace("put(t, {colour = 'red' .. string.rep('x', 2), weight = (often + 1), })", broken)
    with pytest.raises(EntityError, match="a put "):
        compose(make(lib__doing=lib))
