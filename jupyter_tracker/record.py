"""A run as it was recorded, whole: what `get_run` returns."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from .artifacts import locate
from .formats import duration, number, value
from .roots import Root
from .run import RunInfo

_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001  (UTC, naive, as everywhere)


@dataclass(frozen=True)
class RunData:
    """Under MLflow's names: the last value of each metric, params as text, tags."""

    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]


@dataclass(frozen=True, repr=False)
class RunRecord:
    """One run. Times are naive UTC, `duration` is in seconds, `captures` holds source, git, environment and the like."""

    info: RunInfo
    data: RunData
    root: Root
    experiment: str | None
    start_time: datetime.datetime | None
    end_time: datetime.datetime | None
    duration: float | None
    note: str | None
    error: str | None
    artifacts: list[str]
    children: list[str]
    captures: dict[str, Any]
    typed_params: dict[str, Any]
    summaries: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, detail: dict[str, Any], root: Root) -> RunRecord:
        """Return the record of a row of the query `run.detail`."""
        run = detail["run"]
        uri = root.artifacts(run["run_id"]).as_uri()
        return cls(
            info=RunInfo(run["run_id"], run["name"] or "", run["experiment_id"] or "", run["status"], uri),
            data=RunData(
                {row["key"]: float(row["last"]) for row in detail["metrics"] if row["last"] is not None},
                {row["key"]: row["value"] for row in detail["params"]},
                detail["tags"],
            ),
            root=root,
            experiment=run["experiment"],
            start_time=_time(run["start_time"]),
            end_time=_time(run["end_time"]),
            duration=run["duration"],
            note=run["note"],
            error=detail["traceback"] or run["error"],
            artifacts=[row["path"] for row in detail["artifacts"]],
            children=detail["children"],
            captures=detail["captures"],
            typed_params={row["key"]: _typed(row) for row in detail["params"]},
            summaries={row["key"]: row for row in detail["metrics"]},
        )

    @property
    def run_id(self) -> str:
        return self.info.run_id

    @property
    def name(self) -> str:
        return self.info.run_name

    @property
    def status(self) -> str:
        return self.info.status

    @property
    def source(self) -> str | None:
        """The code as it was executed."""
        found = self.captures.get("source") or {}
        code: str | None = found.get("code")
        return code

    def artifact(self, path: str) -> Path:
        """Return where an artifact lies on disk; NotFound if the run has none of that path."""
        return locate(self.root, self.run_id, path)

    def show(self) -> None:
        """Display the run in a notebook, or print it."""
        from IPython.display import display

        display(self)

    def __repr__(self) -> str:
        lines = [
            f"{self.name}  {self.status}  {duration(self.duration)}  {self.experiment or ''}  {self.run_id}"
        ]
        lines += [f"  {key} = {number(last)}" for key, last in self._metrics()]
        lines += [f"  {key}: {value(text)}" for key, text in self.data.params.items()]
        return "\n".join(lines)

    def _metrics(self) -> list[tuple[str, float]]:
        return [(key, last) for key, last in self.data.metrics.items() if not key.startswith("system/")]

    def _repr_html_(self) -> str:
        metrics = "".join(_line(key, number(last)) for key, last in self._metrics())
        params = "".join(_line(key, value(text)) for key, text in self.data.params.items())
        facts = [self.status, duration(self.duration), self.experiment, self.run_id]
        head = " · ".join(escape(str(fact)) for fact in facts if fact)
        note = f'<div style="white-space:pre-wrap">{escape(self.note)}</div>' if self.note else ""
        error = (
            f'<pre style="max-height:200px;overflow:auto">{escape(self.error)}</pre>' if self.error else ""
        )
        return (
            f'<div style="font-size:13px"><b>{escape(self.name)}</b> · {head}{note}'
            f'<table style="display:inline-table;vertical-align:top;margin-right:24px">{metrics}</table>'
            f'<table style="display:inline-table;vertical-align:top">{params}</table>{error}</div>'
        )


def _line(key: str, text: str) -> str:
    return f'<tr><td style="text-align:left">{escape(key)}</td><td style="text-align:left"><b>{escape(text)}</b></td></tr>'


def _time(microseconds: int | None) -> datetime.datetime | None:
    return None if microseconds is None else _EPOCH + datetime.timedelta(microseconds=microseconds)


def _typed(row: dict[str, Any]) -> Any:
    kind, text, amount = row["type"], row["value"], row.get("number")
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text) if amount is None else amount
    if kind == "bool":
        return text in ("true", "True")
    return None if kind == "none" else text
