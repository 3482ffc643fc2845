"""Runs to be searched, and a reading of filters and orders that shares nothing with the store: plain Python."""

from __future__ import annotations

import math
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from handmade import EPOCH, Hand
from hypothesis import strategies as st

from jupyter_tracker.catalog import Catalog
from jupyter_tracker.roots import Root

Test = Callable[["Facts"], bool]
Filter = tuple[str, Test]

DIRECTION = {"rmse": "min", "val acc": "max", "loss": "min", "loss.min": "min"}  # of drift nobody knows
NUMBERS = [-1.5, 0, 0.25, 1, 2, 3, 10, 1e3]


@dataclass
class Facts:
    """What one run is made of."""

    number: int
    name: str
    status: str
    experiment: str
    user: str
    source_type: str
    note: str | None
    params: dict[str, Any]
    metrics: dict[str, list[float]]
    tags: dict[str, str]
    start: int = 0
    duration: float | None = None
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return f"{self.number + 1:032x}"


def runs(count: int = 40, seed: int = 7) -> list[Facts]:
    draw = random.Random(seed)
    return [_run(number, draw) for number in range(count)]


def _run(number: int, draw: random.Random) -> Facts:
    def some(choices: dict[str, Callable[[], Any]]) -> dict[str, Any]:
        return {key: make() for key, make in choices.items() if draw.random() < 0.7}

    odd = [math.nan, math.inf, -math.inf]
    status = draw.choice(["finished", "failed", "interrupted", "lost"])
    return Facts(
        number, draw.choice(["base", "Base", "run_1", "été", f"n{number}"]), status,
        draw.choice(["churn", "vision/a"]), draw.choice(["ann", "bob"]), draw.choice(["notebook", "script"]),
        draw.choice([None, "good", "50% better", "it's `so`"]),
        some({
            "depth": lambda: draw.choice([1, 2, 3, 10]), "lr": lambda: draw.choice([0.25, 1e-3, *odd]),
            "opt.name": lambda: draw.choice(["adam", "sgd", "Adam"]),
            "mix": lambda: draw.choice([3, 2.5, True, False, None, "3", "1e3", "nan", "", "x"]),
        }),
        some({
            key: lambda: [draw.choice([*NUMBERS, *odd]) for _ in range(draw.randint(1, 4))]
            for key in ("rmse", "val acc", "drift", "loss", "loss.min")
        }),
        some({"team": lambda: draw.choice("ab"), "fold": lambda: draw.choice("123"), "mlflow.user": lambda: "eve"}),
        start=EPOCH + number // 2 * 3_600_000_000,
        duration=None if status == "lost" else float(draw.choice([0, 30, 90, 3600, 7200])),
    )  # fmt: skip


def write(root: Root, found: list[Facts]) -> None:
    """Write the runs' journals."""
    catalog = Catalog(root)
    ids = {name: catalog.create_experiment(name).experiment_id for name in ("churn", "vision/a")}
    for run in found:
        hand = Hand(root, run.run_id, clock=run.start)
        hand.start(
            time=run.start, name=run.name, user=run.user, source_type=run.source_type,
            experiment_id=ids[run.experiment],
        )  # fmt: skip
        floats = {key: "float" for key, value in run.params.items() if isinstance(value, float)}
        hand.add("params", values={key: _wire(value) for key, value in run.params.items()}, types=floats)
        for key, values in run.metrics.items():
            for step, value in enumerate(values):
                hand.add("metrics", step=step, values={key: _wire(value)})
        hand.add("tags", values=run.tags)
        if run.note is not None:
            hand.add("note", text=run.note)
        if run.status != "lost":
            hand.add("end", outcome=run.status, duration=run.duration, error=None)
        else:
            os.utime(hand.path, (0, 0))  # written to long ago, by a process of another host


def _wire(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


# What a filter's names mean


def rolled_up(key: str, how: str, run: Facts) -> float | None:
    values = run.metrics.get(key)
    if values is None:
        return None
    finite = [value for value in values if math.isfinite(value)]
    how = DIRECTION.get(key, "none") if how == "best" else how
    if how in ("first", "last", "count"):
        return {"first": values[0], "last": values[-1], "count": len(values)}[how]
    if how == "none" or not finite:
        return None
    return {"min": min, "max": max, "mean": lambda all_: sum(all_) / len(all_)}[how](finite)


def as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def param_text(key: str, run: Facts) -> str | None:
    return str(run.params[key]) if key in run.params else None


def as_number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def tag(key: str, run: Facts) -> str | None:
    return run.tags.get(key, run.user if key == "mlflow.user" else None)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b or (a != a and b != b), "!=": lambda a, b: not (a == b or (a != a and b != b)),
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def like(pattern: str, fold: bool) -> Callable[[str], bool]:
    parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    compiled = re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if fold else 0))
    return lambda text: compiled.fullmatch(text) is not None


# Filters as text and as Python

TEXTS = st.sampled_from(
    ["base", "Base", "run_1", "été", "n3", "adam", "sgd", "churn", "vision/a", "ann", "a", "b", "2", "3", "3.0", "1e3", "good",
     "50% better", "it's `so`", "nan", "True", "", "notebook", "eve", "None", 'x"y']
)  # fmt: skip
PATTERNS = st.sampled_from(
    ["%", "b%", "%E", "_ase", "%t%", "run_1", "n_", "%'s%", "50%%", "", "_", "a%m", "%\\%"]
)


def spelled(word: str) -> st.SearchStrategy[str]:
    return st.sampled_from([word, word.lower(), word.capitalize()])


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def name(prefixes: list[str], key: str) -> st.SearchStrategy[str]:
    bare = [key] if re.fullmatch(r"[\w.]+", key) else []
    shapes = [*bare, f"`{key}`", f'"{key}"']
    return st.tuples(st.sampled_from(prefixes), st.sampled_from(shapes)).map(".".join)


def written(number: float) -> st.SearchStrategy[str]:
    return st.sampled_from([repr(number), f"{number:+}", f"{number:e}"])


@st.composite
def texts(draw: st.DrawFn, written_as: str, value: Callable[[Facts], str | None]) -> Filter:
    """A comparison of text."""
    how = draw(
        st.sampled_from(
            ["=", "==", "!=", "<>", "<", ">=", "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "~", "IN", "NOT IN"]
        )
    )
    word = draw(spelled(how))
    if how in ("IN", "NOT IN"):
        members = draw(st.lists(TEXTS, min_size=1, max_size=4))
        text = f"{written_as} {word} ({', '.join(map(quoted, members))})"
        return text, lambda run: (found := value(run)) is not None and (found in members) is (how == "IN")
    if "LIKE" in how:
        pattern = draw(PATTERNS)
        test = like(pattern, "ILIKE" in how)
        negated = how.startswith("NOT")
        return (
            f"{written_as} {word} {quoted(pattern)}",
            lambda run: (found := value(run)) is not None and test(found) is not negated,
        )
    other = draw(TEXTS)
    if how == "~":
        return (
            f"{written_as}~{quoted(other)}",
            lambda run: (found := value(run)) is not None and other.lower() in found.lower(),
        )
    compare = COMPARE[{"==": "=", "<>": "!="}.get(how, how)]
    return (
        f"{written_as}{how}{quoted(other)}",
        lambda run: (found := value(run)) is not None and compare(found, other),
    )


@st.composite
def numbers(draw: st.DrawFn, written_as: str, value: Callable[[Facts], float | None], odd: bool) -> Filter:
    """A comparison of numbers; `odd` ones may be written as nan and inf."""
    how = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"]))
    if how in ("IN", "NOT IN"):
        members = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3))
        text = f"{written_as} {draw(spelled(how))} ({','.join(map(repr, members))})"
        return text, lambda run: (found := value(run)) is not None and (found in members) is (how == "IN")
    if odd and draw(st.integers(0, 4)) == 0:
        other = draw(st.sampled_from([math.inf, -math.inf] + ([math.nan] if how in ("=", "!=") else [])))
        literal = quoted(repr(other))
    else:
        other = draw(st.sampled_from(NUMBERS))
        literal = draw(written(other))
    return (
        f"{written_as} {how} {literal}",
        lambda run: (found := value(run)) is not None and COMPARE[how](found, other),
    )


@st.composite
def times(draw: st.DrawFn) -> Filter:
    how = draw(st.sampled_from(list(COMPARE)))
    moment = EPOCH + draw(st.integers(0, 40)) * 1_800_000_000
    stamp = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=moment)
    shapes = [
        str(moment // 1000),
        quoted(stamp.isoformat()),
        quoted(stamp.strftime("%Y-%m-%dT%H:%M:%SZ")),
        quoted(str(stamp.replace(tzinfo=None))),
    ]
    key = draw(st.sampled_from(["start_time", "attributes.start_time", "Created"]))
    return f"{key} {how} {draw(st.sampled_from(shapes))}", lambda run: COMPARE[how](run.start, moment)


@st.composite
def durations(draw: st.DrawFn) -> Filter:
    how = draw(st.sampled_from(list(COMPARE)))
    literal, seconds = draw(
        st.sampled_from(
            [("30", 30), ("'90s'", 90), ("'1.5min'", 90), ("'1h'", 3600), ("'2 H'", 7200), ("0", 0)]
        )
    )
    return (
        f"duration {how} {literal}",
        lambda run: run.duration is not None and COMPARE[how](run.duration, seconds),
    )


@st.composite
def statuses(draw: st.DrawFn) -> Filter:
    how = draw(st.sampled_from(["=", "!="]))
    literal, status = draw(
        st.sampled_from(
            [
                ("'FINISHED'", "finished"),
                ("failed", "failed"),
                ("'KILLED'", "interrupted"),
                ("'Lost'", "lost"),
                ("'running'", "running"),
            ]
        )
    )
    return f"attr.status {how} {literal}", lambda run: COMPARE[how](run.status, status)


@st.composite
def nulls(draw: st.DrawFn, written_as: str, value: Callable[[Facts], Any]) -> Filter:
    negated = draw(st.booleans())
    return (
        f"{written_as} {'is not' if negated else 'IS'} NULL",
        lambda run: (value(run) is not None) is negated,
    )


@st.composite
def metric(draw: st.DrawFn) -> Filter:
    key = draw(st.sampled_from([*DIRECTION, "drift", "absent"]))
    how = draw(st.sampled_from(["", "last", "first", "min", "max", "best", "mean", "count"]))
    text = draw(name(["metrics", "metric", "METRICS"], key)) + (f".{how}" if how else "")
    if text.lower().endswith(".loss.min"):
        key, how = "loss.min", "last"  # without quotes, a key that is there is meant before a roll-up

    def value(run):
        return rolled_up(key, how or "last", run)

    return draw(st.one_of(numbers(text, value, True), nulls(text, value)))


@st.composite
def param(draw: st.DrawFn) -> Filter:
    key = draw(st.sampled_from(["depth", "lr", "opt.name", "mix", "absent"]))
    text = draw(name(["params", "param", "parameters"], key))

    def value(run):
        return param_text(key, run)

    truth = draw(st.booleans())
    flag = f"{text} = {truth}", lambda run: (value(run) or "").lower() == str(truth).lower()
    return draw(
        st.one_of(
            numbers(text, lambda run: as_number(run.params.get(key)), False),
            texts(text, value),
            nulls(text, value),
            st.just(flag),
        )
    )


@st.composite
def tagged(draw: st.DrawFn) -> Filter:
    key = draw(st.sampled_from(["team", "fold", "mlflow.user", "absent"]))
    text = draw(name(["tags", "tag"], key))

    def value(run):
        return tag(key, run)

    return draw(
        st.one_of(
            numbers(text, lambda run: as_number(value(run)), False), texts(text, value), nulls(text, value)
        )
    )


@st.composite
def attribute(draw: st.DrawFn) -> Filter:
    key = draw(st.sampled_from(["name", "experiment", "user", "source_type", "note", "run_id"]))
    text = draw(st.sampled_from(["", "attributes.", "run."])) + key

    def value(run):
        return as_text(getattr(run, key))

    return draw(st.one_of(texts(text, value), nulls(text, value)))


@st.composite
def anywhere(draw: st.DrawFn) -> Filter:
    other = draw(TEXTS)

    def here(run):
        return [
            run.run_id,
            run.name,
            run.note,
            run.experiment,
            run.user,
            *map(str, run.params.values()),
            *run.tags.values(),
        ]

    return f"text ~ {quoted(other)}", lambda run: any(
        other.lower() in text.lower() for text in here(run) if text
    )


COMPARISON = st.one_of(metric(), param(), tagged(), attribute(), times(), durations(), statuses(), anywhere())
FILTER: st.SearchStrategy[Filter] = st.recursive(
    COMPARISON,
    lambda inner: st.one_of(
        st.tuples(inner, spelled("AND"), inner).map(
            lambda three: (f"({three[0][0]})\n{three[1]} ({three[2][0]})", lambda run: three[0][1](run) and three[2][1](run))
        ),
        st.tuples(COMPARISON, spelled("OR"), COMPARISON, spelled("AND"), COMPARISON).map(
            lambda all_: (
                f"{all_[0][0]} {all_[1]} {all_[2][0]} {all_[3]} {all_[4][0]}",
                lambda run: all_[0][1](run) or (all_[2][1](run) and all_[4][1](run)),
            )
        ),
        st.tuples(spelled("NOT"), inner).map(lambda two: (f"{two[0]}({two[1][0]})", lambda run: not two[1][1](run))),
    ),
    max_leaves=5,
)  # fmt: skip


# Orders: the clause, and what it reads of a run: a list of values that stand in for one, None for none


def _reading(text: str) -> Callable[[Facts], list[Any]]:
    kind, _, key = text.partition(".")
    key, _, how = key.replace("`", "").partition("|")
    if kind == "metrics":

        def metric_terms(run: Facts) -> list[Any]:
            value = rolled_up(key, how or "last", run)
            return [None] if value is None else [value]

        return metric_terms
    if kind == "params":
        return lambda run: [as_number(run.params.get(key)), param_text(key, run)]
    if kind == "tags":
        return lambda run: [as_number(run.tags.get(key)), run.tags.get(key)]
    return lambda run: [getattr(run, {"start_time": "start"}.get(kind, kind))]


ORDERS = ["metrics.rmse", "metrics.`val acc`|max", "metrics.drift|mean", "params.mix", "params.lr", "params.`opt.name`", "tags.fold",
          "name", "duration", "note", "start_time", "status"]  # fmt: skip
ORDER = st.lists(
    st.tuples(st.sampled_from(ORDERS), st.sampled_from(["", " ASC", " desc"])),
    max_size=3,
    unique_by=lambda two: two[0],
)


def clause(order: tuple[str, str]) -> str:
    return order[0].replace("|", ".") + order[1]


def arranged(found: list[Facts], orders: list[tuple[str, str]]) -> list[Facts]:
    """Sort as asked: numbers, then NaN, then none, either way; ties to the newest, then to the id."""
    found = sorted(found, key=lambda run: (-run.start, run.run_id))
    for text, direction in reversed(orders):
        terms = _reading(text)
        for place in reversed(range(len(terms(found[0])) if found else 0)):
            have = [run for run in found if (value := terms(run)[place]) is not None and value == value]
            odd = [run for run in found if (value := terms(run)[place]) is not None and value != value]
            none = [run for run in found if terms(run)[place] is None]
            ordered = sorted(have, key=lambda run: terms(run)[place], reverse=direction == " desc")
            found = [*ordered, *odd, *none]
    return found
