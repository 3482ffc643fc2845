"""Events and their encoding: one immutable fact, one line of JSON, one checksum.

The format is specified in docs/journal-format.md. Encoding is on the path of every `log()`; it
uses nothing but the standard library and makes no copy that it does not need.
"""

from __future__ import annotations

import json
import math
import time as _time
from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

from .errors import Corrupt

FORMAT = 1
EXACT = 2**53
TAIL = len(b',"crc":"01234567"}\n')

_CRC_MARK = b',"crc":"'
_HEX = frozenset(b"0123456789abcdef")
_encode_json = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii


class Event(NamedTuple):
    """One fact of a journal: `seq` counts from 1 in its journal, `time` is UTC microseconds."""

    seq: int
    time: int
    kind: str
    fields: dict[str, Any]


def now() -> int:
    """Return the present time in UTC microseconds since 1970."""
    return _time.time_ns() // 1000


def encode(seq: int, time: int, kind: str, fields: Mapping[str, Any]) -> bytes:
    """Return the line of an event, newline included. Values must be JSON-like and finite."""
    return numbered(seq, body(time, kind, fields))


def body(time: int, kind: str, fields: Mapping[str, Any]) -> bytes:
    """Return the content of a line between its number and its checksum."""
    rest = _encode_json(fields)
    tail = f",{rest[1:-1]}" if len(rest) > 2 else ""
    return f',"time":{time},"kind":{_quote(kind)}{tail}'.encode("ascii")


def metrics_body(time: int, step: int, values: Mapping[str, str]) -> bytes:
    """Return the content of a metrics line; `values` maps keys to numbers as `key` and `number` write them."""
    inner = ",".join([f"{key}:{value}" for key, value in values.items()])
    return f',"time":{time},"kind":"metrics","step":{step},"values":{{{inner}}}'.encode("ascii")


def numbered(seq: int, content: bytes) -> bytes:
    """Return the line that holds `content` as event number `seq`."""
    line = b'{"seq":%d%b' % (seq, content)
    return b'%b,"crc":"%08x"}\n' % (line, crc32(line))


def key(name: str) -> str:
    """Return a metric's key as it stands in a line: a JSON string, lone surrogates replaced."""
    return _quote(clean(name))


def clean(text: str) -> str:
    """Return `text` with lone surrogates, which no UTF-8 store can hold, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def number(value: float) -> str:
    """Return a number as it stands in a line.

    Finite floats as their shortest exact decimal, integers up to 2^53 as digits; what JSON
    readers would bend (NaN, infinities, greater integers) as a quoted string.
    """
    if isinstance(value, int):
        return str(value) if -EXACT <= value <= EXACT else f'"{value}"'
    if math.isfinite(value):
        return repr(value)
    if value != value:
        return '"NaN"'
    return '"Infinity"' if value > 0 else '"-Infinity"'


def check(line: bytes) -> bool:
    """Tell whether a whole line, newline included, carries the checksum of its content."""
    digits = line[-11:-3]
    return (
        line[-TAIL:-11] == _CRC_MARK
        and line[-3:] == b'"}\n'
        and _HEX.issuperset(digits)
        and int(digits, 16) == crc32(line[:-TAIL])
    )


def decode(line: bytes) -> Event:
    """Return the event of a whole line; raises Corrupt for a line that was not written so."""
    if not check(line):
        raise Corrupt("journal line has a wrong checksum")
    try:
        fields = json.loads(line)
        return Event(fields.pop("seq"), fields.pop("time"), fields.pop("kind"), _without_crc(fields))
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise Corrupt(f"journal line is no event: {error}") from error


def _without_crc(fields: dict[str, Any]) -> dict[str, Any]:
    del fields["crc"]
    return fields
