"""The values a filter compares with, read as what the field is: number, time, duration, status, flag or text."""

from __future__ import annotations

import datetime
import re

from .fields import Type, kind
from .tokens import Source, Token, fail
from .tree import Field

STATUS = {
    "running": "running", "finished": "finished", "failed": "failed", "killed": "interrupted", "interrupted": "interrupted",
    "lost": "lost", "scheduled": "running",
}  # fmt: skip
TEXTUAL = frozenset({"LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "CONTAINS"})
_UNORDERED = frozenset({"status", "flag"})
_EXPECTED: dict[Type, str] = {
    "time": "a time was expected: '2026-11-24', '2026-11-24T09:30:00' or milliseconds since 1970",
    "duration": "a duration was expected: 90, '90s', '5min' or '2h'",
    "flag": "true or false was expected",
    "number": "a number was expected",
}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|sec|min|m|h|d)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

Value = str | float | bool


def value(source: Source, compared: Field, operator: str, token: Token) -> Value:
    """Return what the token behind an operator stands for; Invalid if the field cannot be compared with it."""
    type_ = kind(compared)
    if token.kind not in ("text", "quoted", "number", "name"):
        fail(
            source,
            token.at,
            "a value was expected here",
            "A text stands in single quotes: name = 'baseline'.",
        )
    if operator in TEXTUAL:
        if type_ == "number":
            fail(source, token.at, f"{operator} compares texts, and this is a number")
        return token.value if token.kind != "name" else _bare(source, token)
    if type_ in _UNORDERED and operator not in ("=", "!="):
        fail(
            source,
            token.at,
            f"a {type_} is equal or not, neither less nor greater",
            "There are = and != for it.",
        )
    if type_ != "text":
        return _typed(source, type_, operator, token)
    loose = compared.kind in ("param", "tag")
    if loose and token.kind == "number":
        return float(token.text)
    if loose and token.word in ("TRUE", "FALSE") and operator in ("=", "!="):
        return token.word == "TRUE"
    return token.value if token.kind != "name" else _bare(source, token)


def members(source: Source, compared: Field, found: list[Token]) -> tuple[Value, ...]:
    """Return the values of a list; those of a param or tag are numbers if all are written so."""
    numbers = compared.kind in ("param", "tag") and all(token.kind == "number" for token in found)
    if kind(compared) == "text":
        return tuple(float(token.text) if numbers else token.value for token in found)
    return tuple(_typed(source, kind(compared), "IN", token) for token in found)


def _bare(source: Source, token: Token) -> str:
    hint = f"A text stands in single quotes: '{token.text[:40]}'."
    return fail(source, token.at, "a value was expected here", hint)


def _typed(source: Source, type_: Type, operator: str, token: Token) -> Value:
    if type_ == "status":
        return _status(source, token)
    try:
        found = _read(type_, token)
    except (ValueError, KeyError, OverflowError):
        return fail(source, token.at, _EXPECTED[type_])
    if found != found and operator not in ("=", "!="):
        hint = "It is neither less nor greater than a number, and in no list."
        fail(source, token.at, "NaN is compared with = and != only", hint)
    return found


def _read(type_: Type, token: Token) -> Value:
    if type_ == "time":
        return _time(token)
    if type_ == "duration":
        return _duration(token)
    if type_ == "flag":
        return {"true": True, "1": True, "false": False, "0": False}[token.value.lower()]
    return float(token.value)


def _time(token: Token) -> str:
    if token.kind == "number":
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=float(token.text))  # noqa: DTZ001  (UTC)
        return moment.isoformat()
    moment = datetime.datetime.fromisoformat(token.value.strip().replace("Z", "+00:00"))
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return moment.isoformat()


def _duration(token: Token) -> float:
    found = _SPAN.fullmatch(token.value.strip())
    return float(found[1]) * _SECONDS[found[2].lower()] if found else float(token.value)


def _status(source: Source, token: Token) -> str:
    status = STATUS.get(token.value.lower())
    if status is None:
        hint = "There are running, finished, failed, interrupted and lost."
        fail(source, token.at, f"there is no status {token.value[:40]!r}", hint)
    return status
