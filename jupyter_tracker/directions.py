"""Is less or more of a metric better? Read from the metric's name when nobody said."""

from __future__ import annotations

import re
from typing import Literal

Direction = Literal["min", "max"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_MINIMIZE = frozenset(
    "loss losses error errors err rmse mse mae mape smape msle rmsle medae logloss nll perplexity ppl"
    " deviance residual residuals cost regret wer cer fid brier entropy kl divergence distance"
    " latency pinball hinge crossentropy merror rmsd ece aic bic".split()
)
_MAXIMIZE = frozenset(
    "acc accuracy auc auroc auprc aucpr roc f1 f2 fbeta precision recall score r2 map ndcg bleu rouge meteor iou"
    " dice jaccard kappa mcc sensitivity specificity reward return likelihood elbo throughput"
    " correlation pearson spearman explained silhouette psnr ssim hits mrr tpr tnr ap".split()
)
_NEGATED = frozenset({"neg", "negative"})


def direction(metric: str) -> Direction | None:
    """Return whether a metric of this name is to be minimized or maximized, None when unknown.

    The last known word of the name decides (`val_log_loss` → "min", `score_loss` → "min"); a
    leading `neg` turns it round, as in scikit-learn's `neg_mean_squared_error`.
    """
    words = [word.lower() for word in _WORD.findall(metric)]
    found = next((_of_word(word) for word in reversed(words) if _of_word(word)), None)
    if found is None or not _NEGATED.intersection(words[:-1]):
        return found
    return "max" if found == "min" else "min"


def _of_word(word: str) -> Direction | None:
    if word in _MINIMIZE:
        return "min"
    return "max" if word in _MAXIMIZE else None
