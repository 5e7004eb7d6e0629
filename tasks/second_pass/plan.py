"""What the second pass will do: which images, on whose backgrounds, in which shards."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.second_pass.donors import (
    DONORS_PER_KIND,
    LENT_BY,
    OTHER_DONORS,
    donor_pool,
    matching_donors,
    other_donors,
)
from tasks.second_pass.image_rows import Floats, object_cells, read_image_rows
from tasks.second_pass.sample import SAMPLED_BY, choose_sample
from tasks.second_pass.tested_shards import ShardKeys, arrange, shown_images
from tasks.tables.by_image import columns_by_image, stored_image_ids
from tasks.tables.shards import Shard
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table

SEED = 0
# Two fills, two removals and the colours; the donors of two classes, and of all others.
FORWARDS_PER_IMAGE = 5 + 2 * DONORS_PER_KIND + OTHER_DONORS
IMAGES_PER_SHARD = 32
PICTURES_KEPT = 400  # images whose changed versions are kept to be shown
# Shares of the view. Around a larger object there is but a rim: on photographs whose margin was a
# tenth of a logit, a change of it decided the answer, and the image counted as confirmed.
SMALLEST_OBJECT, LARGEST_OBJECT = 0.005, 0.9

TESTS = pa.schema(
    {
        "image_id": pa.int64(),
        "stratum": pa.string(),
        "inclusion": pa.float64(),
        "predicted": pa.int32(),
        "against_idx": pa.int32(),
        "donors_predicted": pa.list_(pa.int64()),
        "donors_against": pa.list_(pa.int64()),
        "donors_other": pa.list_(pa.int64()),
        "keep_pictures": pa.bool_(),
    }
)


@dataclass(frozen=True)
class SecondPassPlan:
    """tests : schema TESTS, one row per image to test
    images : schema IMAGE_ROWS, of all images that are tested or may lend
    shards : runs of rows of `tests`
    """

    tests: pa.Table
    images: pa.Table
    shards: tuple[Shard, ...]


def read_candidates(run: RunFolder) -> pd.DataFrame:
    """Labelled images, by image_id, with what the first pass says of each: image_id, label,
    predicted, against_idx, correct, margin (logit predicted - logit against), label_probability,
    object_source, object_area, score, lift. 44 bytes of memory each."""
    labelled = pc.field("label") >= 0
    image_id = stored_image_ids(run, "predictions", labelled)
    of_contrast = (pc.field("role") == "contrast") & (pc.field("method") == run.first_method())
    columns = {"image_id": image_id}
    for table, names, chosen in (
        ("predictions", ["label", "predicted", "correct", "margin", "label_probability"], labelled),
        ("heatmaps", ["against_idx"], of_contrast),
        ("background", ["object_source", "object_area", "score", "lift"], None),
    ):
        columns |= columns_by_image(run, table, names, image_id, chosen)
    columns["margin"] = np.abs(columns["margin"])
    return pd.DataFrame(columns, copy=False)


def rows_of(candidates: pd.DataFrame, image_ids: npt.ArrayLike) -> pd.DataFrame:
    """The rows of some images, all of them among the candidates of `read_candidates`."""
    return candidates.iloc[np.searchsorted(candidates["image_id"], np.asarray(image_ids, np.int64))]


def plan_second_pass(
    run: RunFolder, budget: float, earlier: RunFolder | None = None
) -> SecondPassPlan:
    """Choose the images and their donors. Writes nothing.

    budget : forwards per labelled image
    earlier : an audit of the same configuration, whose shards are kept where they are the same
    """
    candidates = read_candidates(run)
    area = candidates["object_area"]
    testable = (area >= SMALLEST_OBJECT) & (area <= LARGEST_OBJECT)
    size = _affordable(int(budget * len(candidates)))
    sample = choose_sample(candidates.loc[testable, SAMPLED_BY], size, SEED)
    chosen = sample.merge(rows_of(candidates, sample["image_id"]), on="image_id")
    pool = donor_pool(candidates.loc[testable, LENT_BY], SEED) if len(chosen) else {}
    lenders = {donor for ids in pool.values() for donor in ids}
    of_lenders = rows_of(candidates, sorted(lenders))
    labels = dict(zip(of_lenders["image_id"].tolist(), of_lenders["label"].tolist(), strict=True))
    images = read_image_rows(run, {*chosen["image_id"].tolist(), *lenders})
    cells = object_cells(run, images)
    tests = _tests(chosen, pool, labels, cells)
    ordered, shards = arrange(tests, ShardKeys(run, images), IMAGES_PER_SHARD, earlier)
    return SecondPassPlan(ordered, images, shards)


def _tests(
    chosen: pd.DataFrame,
    pool: dict[int, list[int]],
    labels: dict[int, int],
    cells: dict[int, Floats],
) -> pa.Table:
    shown = chosen.sort_values(["correct", "score", "image_id"], ascending=[True, False, True])
    columns = {name: chosen[name] for name in ("image_id", "stratum", "inclusion", "predicted")}
    columns |= {
        "against_idx": chosen["against_idx"],
        "donors_predicted": _donors(pool, chosen, "predicted", cells),
        "donors_against": _donors(pool, chosen, "against_idx", cells),
        "donors_other": other_donors(pool, labels, chosen, cells, SEED),
        "keep_pictures": np.isin(chosen["image_id"], shown["image_id"].head(PICTURES_KEPT)),
    }
    return pa.table(columns, schema=TESTS)


def _affordable(forwards: int) -> int:
    """Images that can be tested: each shard has one forward for the empty image, too."""
    shards, left = divmod(forwards, IMAGES_PER_SHARD * FORWARDS_PER_IMAGE + 1)
    return shards * IMAGES_PER_SHARD + max(left - 1, 0) // FORWARDS_PER_IMAGE


def write_second_pass_plan(run: RunFolder, plan: SecondPassPlan) -> None:
    """Write what each shard is to do, and remove what an earlier, other plan left."""
    run.remove_tests_from(len(plan.shards))
    for shard in plan.shards:
        rows = plan.tests.slice(shard.start, shard.stop - shard.start)
        write_table(run.partial_file("tests", shard.index), rows)
        shown = pc.is_in(plan.images["image_id"], value_set=shown_images(rows))
        images = plan.images.filter(shown)
        write_table(run.partial_file("images", shard.index), images)


def _donors(
    pool: dict[int, list[int]], chosen: pd.DataFrame, role: str, cells: dict[int, Floats]
) -> list[list[int]]:
    return [
        matching_donors(pool.get(class_idx, []), image_id, DONORS_PER_KIND, cells)
        for class_idx, image_id in zip(
            chosen[role].tolist(), chosen["image_id"].tolist(), strict=True
        )
    ]
