"""Runs side by side: what differs first, and in words what changed from one to the next."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .errors import Invalid, NotFound
from .formats import duration, number
from .formats import value as shown

if TYPE_CHECKING:
    import duckdb

_SECTIONS = ("source", "git", "environment")
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One param, metric, tag or fact over all runs; `values` in their order, None where a run has none."""

    kind: str
    key: str
    values: list[Any]

    @property
    def differs(self) -> bool:
        return not all(_same(one, self.values[0]) for one in self.values)


@dataclass(frozen=True)
class Comparison:
    """Two or more runs. `rows` has what differs first; `source` is a unified diff from each run to the next."""

    run_ids: list[str]
    names: list[str]
    rows: list[Row]
    source: list[str]
    changes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-like values."""
        return asdict(self)

    def text(self) -> str:
        """Return the comparison as text: a table, the diffs, a sentence."""
        table = [
            ["", *self.names],
            *([f"{row.kind} {row.key}", *(_cell(one) for one in row.values)] for row in self.rows),
        ]
        widths = [min(32, max(len(line[place]) for line in table)) for place in range(len(self.names) + 1)]
        marks = [" ", *("*" if row.differs else " " for row in self.rows)]
        lines = [
            f"{mark} "
            + "  ".join(cell[:width].ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for mark, line in zip(marks, table, strict=True)
        ]
        return "\n".join([*lines, *(diff for diff in self.source if diff), *self.changes])

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        left = 'style="text-align:left"'
        head = "".join(f"<th {left}>{escape(name)}</th>" for name in self.names)
        body = "".join(_html(row) for row in self.rows)
        diffs = "".join(
            f'<pre style="max-height:300px;overflow:auto">{escape(diff)}</pre>'
            for diff in self.source
            if diff
        )
        words = "".join(f"<div>{escape(change)}</div>" for change in self.changes)
        return f"<div>{words}<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>{diffs}</div>"


def compare(con: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> Comparison:
    """Compare the runs of these ids, in this order. NotFound for an unknown one."""
    if len(run_ids) < 2:
        raise Invalid("Two runs at least are compared")
    facts = [_facts(con, run_id) for run_id in run_ids]
    rows = [row for kind in ("param", "metric", "tag") for row in _rows(kind, [fact[kind] for fact in facts])]
    rows += _rows("run", [fact["run"] for fact in facts])
    rows += [row for row in _rows("package", [fact["packages"] for fact in facts]) if row.differs]
    sources = [fact["source"].get("code") or "" for fact in facts]
    return Comparison(
        list(run_ids),
        [str(fact["name"]) for fact in facts],
        sorted(rows, key=lambda row: not row.differs),
        [
            _diff(before, after, names)
            for before, after, names in _steps(sources, [str(fact["name"]) for fact in facts])
        ],
        [_sentence(before, after) for before, after in pairwise(facts)],
    )


def what_changed(con: duckdb.DuckDBPyConnection, run_id: str, against: str) -> str:
    """Return one sentence that says what is different in a run against another: params, code, git, packages, metrics."""
    return _sentence(_facts(con, against), _facts(con, run_id))


def _facts(con: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, Any]:
    run = con.execute(
        "SELECT name, status, experiment, duration, git_branch, run_idx FROM all_runs WHERE run_id = ?",
        [run_id],
    ).fetchone()
    if run is None:
        raise NotFound(f"No run {run_id}")
    name, status, experiment, took, branch, index = run
    captured = con.execute(
        "SELECT json_extract_string(body, '$.section'), body FROM event WHERE run_idx = ? AND kind = 'capture' ORDER BY time, writer, seq",
        [index],
    ).fetchall()
    values = {section: json.loads(body).get("value") for section, body in captured if section in _SECTIONS}
    sections = {section: value for section, value in values.items() if isinstance(value, dict)}
    git, environment = sections.get("git", {}), sections.get("environment", {})
    return {
        "name": name,
        "param": dict(
            con.execute("SELECT key, value FROM param WHERE run_idx = ? ORDER BY key", [index]).fetchall()
        ),
        "tag": dict(
            con.execute("SELECT key, value FROM tags WHERE run_id = ? ORDER BY key", [run_id]).fetchall()
        ),
        "metric": dict(
            con.execute(
                "SELECT key, last FROM metric_summary WHERE run_id = ? AND NOT starts_with(key, 'system/') ORDER BY key",
                [run_id],
            ).fetchall()
        ),
        "source": sections.get("source", {}),
        "packages": environment.get("packages") or {},
        "commit": git.get("commit"),
        "run": {
            "status": status,
            "experiment": experiment,
            "duration": duration(took),
            "branch": branch,
            "commit": (git.get("commit") or "")[:10] or None,
            "python": environment.get("python"),
        },
    }


def _rows(kind: str, per_run: list[dict[str, Any]]) -> list[Row]:
    keys = dict.fromkeys(key for found in per_run for key in found)
    return [Row(kind, key, [found.get(key) for found in per_run]) for key in keys]


def _steps(sources: list[str], names: list[str]) -> list[tuple[str, str, tuple[str, str]]]:
    return [
        (before, after, step)
        for (before, after), step in zip(pairwise(sources), pairwise(names), strict=True)
    ]


def _diff(before: str, after: str, names: tuple[str, str]) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=2)
    return "\n".join(lines)


def _sentence(before: dict[str, Any], after: dict[str, Any]) -> str:
    parts = [
        f"{key} {_cell(old)} → {_cell(new)}" for key, old, new in _changed(before["param"], after["param"])
    ]
    parts += _lines(before["source"].get("code") or "", after["source"].get("code") or "")
    if before["commit"] != after["commit"] and after["commit"]:
        parts.append(f"git {(before['commit'] or 'none')[:7]} → {after['commit'][:7]}")
    packages = _changed(before["packages"], after["packages"])
    parts += [f"{key} {old or 'absent'} → {new or 'removed'}" for key, old, new in packages[:_NAMED]]
    if len(packages) > _NAMED:
        parts.append(f"{len(packages) - _NAMED} more packages")
    parts += [
        f"{key} {_moved(old, new)}"
        for key, old, new in _changed(before["metric"], after["metric"])
        if old is not None and new is not None
    ]
    return f"{before['name']} → {after['name']}: " + (" · ".join(parts) if parts else "nothing changed")


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = dict.fromkeys([*before, *after])
    return [
        (key, before.get(key), after.get(key)) for key in keys if not _same(before.get(key), after.get(key))
    ]


def _same(one: Any, other: Any) -> bool:
    """Equal, or both NaN."""
    return bool(one == other or (one != one and other != other))


def _moved(old: float, new: float) -> str:
    if math.isfinite(old) and math.isfinite(new):
        return f"{'+' if new > old else '−'}{number(abs(new - old))}"
    return f"{_cell(old)} → {_cell(new)}"


def _lines(before: str, after: str) -> list[str]:
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines())
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    removed = sum(end - start for _, start, end, _, _ in changes)
    added = sum(end - start for _, _, _, start, end in changes)
    return [f"cell (+{added} −{removed})"] if added or removed else []


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return (
        number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else shown(value, 32)
    )


def _html(row: Row) -> str:
    style = "font-weight:600" if row.differs else "opacity:.7"
    cells = "".join(f'<td style="text-align:left;{style}">{escape(_cell(one))}</td>' for one in row.values)
    return f'<tr><td style="text-align:left">{escape(row.kind)} {escape(row.key)}</td>{cells}</tr>'
