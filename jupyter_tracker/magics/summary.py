"""The summary under a tracked cell: what was recorded and how it compares, readable without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from ..directions import direction
from ..formats import duration, number, value
from .attempt import LIBRARIES, Attempt

SHOWN = 12
_GOOD, _BAD, _MUTED = (
    "var(--jp-success-color1, #2e7d32)",
    "var(--jp-error-color1, #c62828)",
    "var(--jp-ui-font-color2, #666)",
)
_DOTS = {"finished": _GOOD, "failed": _BAD, "interrupted": "var(--jp-warn-color1, #b26a00)"}
_BOX = (
    "border:1px solid var(--jp-border-color2,#d0d0d0);border-left:3px solid {accent};border-radius:3px;padding:6px 10px;"
    "margin:4px 0;font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:12px;line-height:1.6;"
    "color:var(--jp-ui-font-color1,inherit);max-width:960px"
)


@dataclass(frozen=True, slots=True)
class Standings:
    """A metric's value beside the previous attempt's and the best so far; `better` is None where nobody knows."""

    key: str
    value: float
    delta: float | None
    better: bool | None
    best: str

    @property
    def change(self) -> str:
        """The difference to the previous attempt, with its sign; "" when there is none."""
        if self.delta is None:
            return ""
        return "±0" if self.delta == 0 else f"{'+' if self.delta > 0 else '−'}{number(abs(self.delta))}"


class Summary:
    """A display object with an HTML and a plain text form."""

    def __init__(
        self,
        attempt: Attempt,
        seconds: float,
    ) -> None:
        self.run = attempt.run
        self.seconds = seconds
        self.standing = attempt.standing
        self.problems = attempt.problems
        self.directions = attempt.directions
        self.own = attempt.inferred

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}

    def text(self) -> str:
        """Return the plain text form."""
        lines = [f"{self.run.name} · {' · '.join(self._facts())}"]
        for row in self._metrics():
            beside = ", ".join(
                part for part in (f"{row.change} vs previous" if row.change else "", row.best) if part
            )
            lines.append(f"  {row.key} = {number(row.value)}" + (f"  ({beside})" if beside else ""))
        if self.run.params:
            lines.append("  params: " + ", ".join(f"{key} {shown}" for key, shown in self._params()))
        lines += [f"  ! {problem.message} {problem.hint}".rstrip() for problem in self.problems]
        return "\n".join(lines)

    def html(self) -> str:
        """Return the HTML form; every name and value in it is escaped."""
        accent = _DOTS.get(self.run.outcome or "", _MUTED)
        facts = " · ".join(escape(fact) for fact in self._facts())
        parts = [f'<div><b>{escape(self.run.name)}</b> <span style="color:{_MUTED}">· {facts}</span></div>']
        metrics = "".join(_metric(row) for row in self._metrics())
        parts.append(f"<div>{metrics}</div>" if metrics else "")
        params = "".join(_pair(key, shown) for key, shown in self._params())
        parts.append(f'<div style="color:{_MUTED}">{params}</div>' if params else "")
        for problem in self.problems:
            text = escape(f"{problem.message} {problem.hint}".strip())
            parts.append(f'<div style="color:{_BAD}">{text}</div>')
        return f'<div class="jupyter-tracker-summary" style="{_BOX.format(accent=accent)}">{"".join(parts)}</div>'

    def _facts(self) -> list[str]:
        run = self.run
        facts = [run.outcome or "running", duration(self.seconds), run.experiment_name]
        if self.standing.attempt > 1:
            facts.append(f"attempt {self.standing.attempt}")
        facts.append(f'jt.get_run("{run.run_id}")')
        return [fact for fact in facts if fact]

    def _metrics(self) -> list[Standings]:
        """What the cell itself computed comes first, what libraries measured besides comes after it."""
        found = {key: last for key, last in self.run.metrics.items() if not key.startswith("system/")}
        known = {found[key] for key in self.own if key in found}
        shown = [key for key in found if key in self.own or found[key] not in known]
        order = sorted(shown, key=lambda key: (key not in self.own, key.startswith("training_")))
        return [self._row(key, found[key]) for key in order[:SHOWN]]

    def _row(self, key: str, value_: float) -> Standings:
        previous, best = self.standing.previous.get(key), self.standing.best.get(key)
        towards = self.directions.get(key) or self.standing.directions.get(key) or direction(key)
        delta = None if previous is None else value_ - previous
        better = None if not delta or towards is None else (delta > 0) == (towards == "max")
        return Standings(key, value_, delta, better, _against(value_, best, towards))

    def _params(self) -> list[tuple[str, str]]:
        """The cell's own params; of those that libraries recorded, how many there are."""
        own = [key for key in self.run.params if self.run.origins.get(key) not in LIBRARIES]
        pairs = [(key, value(self.run.params[key])) for key in own[:SHOWN]]
        left = len(self.run.params) - len(pairs)
        return [*pairs, ("and", f"{left} more")] if left > 0 else pairs


def _against(value_: float, best: tuple[float, str] | None, towards: str | None) -> str:
    if best is None or towards is None:
        return ""
    leads = value_ > best[0] if towards == "max" else value_ < best[0]
    return "best so far" if leads else f"best {number(best[0])} {best[1]}"


def _metric(row: Standings) -> str:
    colour = _MUTED if row.better is None else _GOOD if row.better else _BAD
    change = f' <span style="color:{colour}">{escape(row.change)}</span>' if row.change else ""
    best = f' <span style="color:{_MUTED}">{escape(row.best)}</span>' if row.best else ""
    return (
        '<span style="display:inline-block;margin-right:18px">'
        f"{escape(row.key)} <b>{escape(number(row.value))}</b>{change}{best}</span>"
    )


def _pair(key: str, shown: str) -> str:
    return f'<span style="display:inline-block;margin-right:14px">{escape(key)} {escape(shown)}</span>'
