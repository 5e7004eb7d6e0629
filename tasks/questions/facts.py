"""vqa.json: what was asked, what was learned from it, and how good it is."""

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.images.inputs import Failure
from tasks.questions.answered import KindScore, MapShares
from tasks.questions.learned import Learned
from tasks.questions.plan import QuestionPlan
from tasks.statistics.bootstrap import RESAMPLES, Estimate


def vqa_facts(
    plan: QuestionPlan,
    learned: Learned,
    scores: list[KindScore],
    shares: list[MapShares],
    failures: list[Failure],
) -> dict[str, Any]:
    """Content of vqa.json, without NaN, which JSON has not.

    failures : images whose maps could not be drawn any more
    """
    return {
        "run": str(plan.run.root.resolve()),
        "shard_keys": plan.audit_key,
        "target_layer": plan.features.target_layer,
        "questions": plan.options.questions,
        "train": _asked(plan, ~plan.tested),
        "held_out": _asked(plan, plan.tested),
        "audited": plan.audited,
        "copies": len(plan.groups) - len(np.unique(plan.groups)),
        "not_asked": plan.not_asked,
        "without_features": plan.without_features,
        "words": list(learned.bag.words),
        "answers": list(learned.model.answers),
        "c": plan.options.c,
        "seed": plan.options.seed,
        "resamples": RESAMPLES,
        "converged": learned.model.converged,
        "accuracy": [_score(score) for score in scores],
        "maps": [_share(share) for share in shares],
        "failures": [asdict(failure) for failure in failures],
    }


def _asked(plan: QuestionPlan, of: npt.NDArray[np.bool_]) -> dict[str, int]:
    return {"images": len(np.unique(plan.of[of])), "questions": int(of.sum())}


def _score(score: KindScore) -> dict[str, Any]:
    return {
        "kind": score.kind or "all",
        "questions": score.questions,
        "unseen": score.unseen,
        **{reader: _estimate(each) for reader, each in score.accuracy.items()},
        "gain": _estimate(score.gain),
    }


def _share(share: MapShares) -> dict[str, Any]:
    estimates = {name: getattr(share, name) for name in ("energy", "area", "difference")}
    return {"kind": share.kind, **{name: _estimate(each) for name, each in estimates.items()}}


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    values = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    told = {name: value if np.isfinite(value) else None for name, value in values.items()}
    return {**told, "images": estimate.images}
