"""Made-up answers to changed images: an object and a background that each speak for a class."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from tasks.tables.background_schemas import INTERVENTIONS

Row = dict[str, Any]
Draw = Callable[[int, str, int], bytes | None]  # image_id, intervention, donor_id

_COLOURS = {name: 40 + 24 * place for place, name in enumerate(INTERVENTIONS)}


def flat_picture(image_id: int, intervention: str, donor_id: int) -> bytes | None:
    """A JPEG of one colour for each intervention."""
    del image_id, donor_id
    picture = np.full((32, 32, 3), _COLOURS[intervention], np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def evidence_rows(
    rng: np.random.Generator, verdict: Row, by_background: float, donors: Row, draw: Draw
) -> list[Row]:
    """The changed images of one tested image.

    verdict : with image_id, predicted, against_idx and margin
    by_background : share of the margin that the background gives, in [0, 1]
    donors : image ids by class
    """
    image_id, predicted, against = (verdict[k] for k in ("image_id", "predicted", "against_idx"))
    of_background = by_background * verdict["margin"]
    of_object = verdict["margin"] - of_background
    rows = []
    for intervention, draws in zip(INTERVENTIONS, (1, 1, 2, 2, 4, 1, 1, 1, 1), strict=True):
        for number in range(draws):
            noise = float(rng.normal(0, 0.25))
            margin = (
                noise
                + {
                    "background_blurred": of_object + 0.3 * of_background,
                    "background_mean": of_object,
                    "donor_predicted": of_object + of_background,
                    "donor_against": of_object - of_background,
                    "donor_other": of_object - 0.5 * of_background,
                    "object_inpainted": of_background,
                    "object_mean": 0.9 * of_background,
                    "colours_matched": of_object + 0.9 * of_background,
                    "empty": 0.0,
                }[intervention]
            )
            lent = {"donor_predicted": predicted, "donor_against": against}
            other = min(set(donors) - {predicted, against}) if number == 0 else max(donors)
            kind = {**lent, "donor_other": other}.get(intervention)
            donor = -1 if kind is None else donors[kind][(image_id + number) % len(donors[kind])]
            third = (image_id + number) % 7 == 3 and margin < 0
            said = predicted if margin > 0 else 3 - (against == 3) if third else against
            rows.append(
                _row(image_id, intervention, number, donor, said, margin)
                | {"picture": draw(image_id, intervention, donor)}
            )
    return rows


def _row(
    image_id: int, intervention: str, number: int, donor: int, said: int, margin: float
) -> Row:
    level = 6.0
    probability = 0.97 / (1 + float(np.exp(-margin)))
    return {
        "image_id": image_id,
        "intervention": intervention,
        "draw": number,
        "donor_id": donor,
        "predicted": said,
        "logit_predicted": level + margin / 2,
        "logit_against": level - margin / 2,
        "probability_predicted": probability,
        "probability_against": 0.97 - probability,
    }


def summarise(verdict: Row, rows: list[Row], threshold: float) -> Row:
    """What `verdicts` says of a tested image, from its changed images."""

    def margins(*kinds: str) -> list[float]:
        chosen = [row for row in rows if row["intervention"] in kinds]
        return [row["logit_predicted"] - row["logit_against"] for row in chosen]

    def chances(kind: str) -> list[float]:
        return [row["probability_predicted"] for row in rows if row["intervention"] == kind]

    margin = verdict["margin"]
    alone = float(np.mean(margins("background_blurred", "background_mean")))
    ground = float(np.mean(margins("object_inpainted", "object_mean")))
    gap = float(np.mean(chances("donor_predicted")) - np.mean(chances("donor_against")))
    against = [row["predicted"] for row in rows if row["intervention"] == "donor_against"]
    others = [row["predicted"] for row in rows if row["intervention"] != "donor_against"]
    placebo = max(np.ptp(chances("donor_predicted")), np.ptp(chances("donor_against")))
    undetermined = verdict["image_id"] % 11 == 5
    verdicts = "confirmed" if gap > threshold else "not_background" if gap < 0.15 else "suspected"
    return {
        "shapley_object": (alone + margin - ground) / 2,
        "shapley_background": (ground + margin - alone) / 2,
        "gap": gap,
        "placebo_gap": float(placebo),
        "turned": float(np.mean([said == verdict["against_idx"] for said in against])),
        "held": float(np.mean([said == verdict["predicted"] for said in others])),
        "right_replaced": float(np.mean([row["predicted"] == verdict["label"] for row in rows])),
        "background_alone": float(np.mean([m > 0 for m in margins("object_mean")])),
        "reliance": float(np.clip(ground / (abs(ground) + abs(alone)), 0, 1)),
        "verdict": "undetermined" if undetermined else verdicts,
        "trail": [
            f"on backgrounds of the other class the probability falls by {gap:.2f}, "
            f"<threshold> {threshold:.2f}",
            f"the background alone has a margin of {ground:+.1f} logits, the object {alone:+.1f}",
        ],
    }
