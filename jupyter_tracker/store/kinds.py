"""What ingest needs of each kind of event: typed fields, checked line by line before any of it meets DuckDB.

Unknown kinds pass unchecked and are kept as they are; unknown fields of known kinds likewise.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

import msgspec

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Header(msgspec.Struct):
    run: str
    writer: str
    format: int = 1
    segment: Int32 = 1
    host: str = ""
    boot_id: str = ""
    pid: Int64 = 0
    pid_start: Int64 = 0


class Start(msgspec.Struct):
    experiment_id: str
    name: str | None = None
    parent: str | None = None
    user: str | None = None
    host: str | None = None
    source_type: str | None = None
    lineage: str | None = None
    resumed: bool = False


class Params(msgspec.Struct):
    values: dict[str, Any]
    types: dict[str, str] = {}
    origin: dict[str, str | None] = {}


class Tags(msgspec.Struct):
    values: dict[str, str | None]


class Note(msgspec.Struct):
    text: str | None


class Name(msgspec.Struct):
    name: str


class Lifecycle(msgspec.Struct):
    deleted: bool


class Direction(msgspec.Struct):
    values: dict[str, Literal["min", "max"]]


class Artifact(msgspec.Struct):
    path: str
    size: Int64 | None = None
    sha256: str | None = None
    mime: str | None = None
    uri: str | None = None


class Capture(msgspec.Struct):
    section: str
    value: Any = None


class Failure(msgspec.Struct):
    type: str | None = None
    message: str | None = None


class End(msgspec.Struct):
    outcome: str
    duration: float | None = None
    error: Failure | None = None


class Source(msgspec.Struct):
    """The part of capture section "source" that becomes columns of a run."""

    notebook: str | None = None
    cell_id: str | None = None
    execution_count: Int32 | None = None


class Git(msgspec.Struct):
    """The part of capture section "git" that becomes columns of a run."""

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


class Standing(msgspec.Struct):
    """The part of capture section "standing" that becomes columns of a run."""

    attempt: Int32 | None = None


class Environment(msgspec.Struct):
    """The part of capture section "environment" that becomes columns of a run."""

    python: str | None = None


KINDS: dict[str, type[msgspec.Struct]] = {
    "header": Header,
    "start": Start,
    "params": Params,
    "tags": Tags,
    "note": Note,
    "name": Name,
    "lifecycle": Lifecycle,
    "direction": Direction,
    "artifact": Artifact,
    "capture": Capture,
    "end": End,
}
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "source": Source,
    "git": Git,
    "environment": Environment,
    "standing": Standing,
}
FOLDED = frozenset({"header", "start", "note", "name", "lifecycle", "capture", "end"})


def check(kind: str, fields: dict[str, Any]) -> msgspec.Struct | None:
    """The typed fields of an event, None for an unknown kind; msgspec.ValidationError names what is wrong."""
    wanted = KINDS.get(kind)
    if wanted is None:
        return None
    typed = msgspec.convert(fields, wanted)
    if isinstance(typed, Capture) and typed.section in SECTIONS and typed.value is not None:
        msgspec.convert(typed.value, SECTIONS[typed.section])
    return typed


def param(value: Any, type_name: str | None) -> tuple[str, float | None, str]:
    """A param as (text, number, type). The text is what Python's str() shows; number is None unless it is one."""
    kind = type_name or _TYPES.get(type(value), "str")
    if isinstance(value, bool) or value is None:
        return str(value), None, kind
    if isinstance(value, (int, float)):
        return repr(float(value)) if kind == "float" else str(value), _number(value), kind
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False), None, kind
    if kind == "float":
        return _NON_FINITE.get(value, value), _number(value), kind
    return value, _number(value) if kind == "int" else None, kind


_TYPES: dict[type, str] = {
    bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict", type(None): "none"
}  # fmt: skip


_NON_FINITE = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


def _number(value: str | float) -> float | None:
    """As a float that can be compared, else None: NaN would compare as the greatest number of all."""
    try:
        number = float(value)
    except OverflowError:
        return math.inf if float(str(value)) > 0 else -math.inf
    except ValueError:
        return None
    return None if math.isnan(number) else number
