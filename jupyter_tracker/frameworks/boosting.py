"""What boosters of every library have in common: params given as a dict, curves, importances."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from . import trainings
from .calls import Call
from .trainings import Training

_BARS = 20
_BAR = 14


def begin(call: Call, framework: str, rounds: int) -> Training:
    """Return the training of the estimator around this call, or one begun for a call of the library's own function.

    `rounds` is the library's default number of rounds.
    """
    if call.outer is not None and call.outer.training is not None:
        return call.outer.training
    given = call.argument(2, "num_boost_round")
    params = dict(call.argument(0, "params") or {}) | {"num_boost_round": rounds if given is None else given}
    stopping = call.options.get("early_stopping_rounds")
    training = trainings.of(call.run).begin(call.run, "Booster", "Booster")
    training.log_params(params | ({"early_stopping_rounds": stopping} if stopping else {}), framework)
    return training


def log_importance(training: Training, importance: Mapping[str, float]) -> None:
    """Keep the importance of every feature as JSON, and as a picture of the greatest twenty."""
    prefix = training.series("importance")
    if importance and prefix is not None:
        order = dict(sorted(importance.items(), key=lambda item: -item[1]))
        training.run.log_dict(order, f"{prefix}feature_importance.json")
        training.run.log_text(picture(order), f"{prefix}feature_importance.svg")


def picture(importance: Mapping[str, float]) -> str:
    """Return an SVG of bars, greatest first; `importance` is in that order and not empty."""
    rows = list(importance.items())[:_BARS]
    greatest = max(rows[0][1], 1e-300)
    bars = []
    for place, (name, value) in enumerate(rows):
        top = place * (_BAR + 4) + 4
        width = max(1.0, 300 * value / greatest)
        label = escape(name if len(name) <= 28 else f"{name[:27]}…")
        bars.append(
            f'<text x="176" y="{top + 11}" text-anchor="end">{label}</text>'
            f'<rect x="184" y="{top}" width="{width:.1f}" height="{_BAR}" fill="#4c78a8"/>'
            f'<text x="{190 + width:.1f}" y="{top + 11}">{value:.4g}</text>'
        )
    height = len(rows) * (_BAR + 4) + 8
    style = 'font-family="system-ui,sans-serif" font-size="11" fill="#333"'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="{height}" viewBox="0 0 560 {height}" {style}>'
    return f'{frame}<rect width="100%" height="100%" fill="#fff"/>{"".join(bars)}</svg>\n'
