"""Small scripts with the interface of `Scripts`, for tests of what carries scripts."""

from __future__ import annotations

ECHO = "echo"
COUNT = "count"
FREE = "free"
REFUSE = "refuse"
FAIL = "fail"
ODD = "odd"
REPEAT = "repeat"
LOOP = "loop"

_TEXTS = {
    ECHO: "return {'OK', ARGV[1], ARGV[2]}",
    # Counts in the tenant's meta key, so that a test sees how often it ran.
    COUNT: "return {'OK', tostring(redis.call('HINCRBY', KEYS[1], 'n', 1)), ''}",
    FREE: "return {'OK', tostring(redis.call('HINCRBY', KEYS[1], 'n', 1)), ''}",
    REFUSE: "return {ARGV[1], ARGV[2], ''}",
    FAIL: "redis.call('HINCRBY', KEYS[1], 'n', 1) return redis.call('HINCRBY', KEYS[1], 'n', 'x')",
    ODD: "return 1",
    REPEAT: "return {'REPEATED', '', ''}",
    LOOP: "while true do end",
}
_ARGUMENTS: dict[str, tuple[str, ...]] = {ECHO: ("text", "due"), REFUSE: ("code", "detail")}
_FLAGS = {FREE: " flags=allow-oom"}


class Standin:
    """The scripts above."""

    names = tuple(_TEXTS)

    def text(self, name: str, *, embedded: bool = False) -> str:
        return ("-- " if embedded else "") + f"#!lua{_FLAGS.get(name, '')}\n{_TEXTS[name]}"

    def arguments(self, name: str) -> tuple[str, ...]:
        return _ARGUMENTS.get(name, ())
