"""A concept from a finished audit: its maps against the raw model's activations in plain loops."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tasks.concepts.concept import Concept
from tasks.concepts.plan import ConceptOptions, plan_concept
from tasks.concepts.stage import draw_concept, learn_concept
from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.model.loading import load_model
from tasks.tables.storage import RunFolder
from tests.tasks.marked_audit import IMAGES, MARKED, mark_of, marked_audit
from tests.tasks.tiny_audit import SIDE, table

OPTIONS = ConceptOptions("mark=red", shown=6)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return marked_audit(tmp_path_factory.mktemp("marked"))


def find(run: RunFolder, options: ConceptOptions) -> Concept:
    plan = plan_concept(run, options)
    return draw_concept(plan, learn_concept(plan), AuditedModel(plan.facts, "cpu"), lambda _n: None)


@pytest.fixture(scope="module")
def concept(run: RunFolder) -> Concept:
    return find(run, OPTIONS)


def activations(run: RunFolder, image_id: int) -> np.ndarray:
    """(K, H, W) of the untouched model in float64, by a hook of our own."""
    facts = run.audit()
    model = load_model(facts["config"]["model"], None).module.eval().double()
    uri = table(run, "manifest").set_index("image_id").loc[image_id, "uri"]
    pixels = np.asarray(Image.open(uri), dtype=np.float64) / 255
    inputs = (pixels - [0.5, 0.4, 0.3]) / [0.2, 0.2, 0.2]
    kept: list[torch.Tensor] = []
    layer = model.get_submodule(facts["model"]["target_layer"])
    layer.register_forward_hook(lambda _m, _i, output: kept.append(output.clone()))
    with torch.no_grad():
        model(torch.from_numpy(inputs).permute(2, 0, 1)[None])
    return kept[0][0].numpy()


def columns(found: pa.Table) -> dict[int, dict[str, object]]:
    return {row["image_id"]: row for row in found.to_pylist()}


def test_the_map_is_the_weighted_sum_of_activations(run: RunFolder, concept: Concept) -> None:
    weights = concept.tables["weights"]["weight"].to_pylist()
    maps, scores = columns(concept.tables["maps"]), columns(concept.tables["scores"])
    assert len(maps) >= 12
    for image_id in list(maps)[::4]:
        activation = activations(run, image_id)
        units, rows, cols = activation.shape
        expected = [
            sum(weights[k] * activation[k, y, x] for k in range(units)) / (rows * cols)
            for y in range(rows)
            for x in range(cols)
        ]
        size = max(abs(v) for v in expected)
        assert maps[image_id]["map"] == pytest.approx(expected, abs=1e-4 * size)
        # The cells and the bias make the decision value of the pooled features, stored in float16.
        pooled = activation.mean(axis=(1, 2))
        rounding = sum(abs(weights[k]) * abs(pooled[k]) for k in range(units)) * 2**-10
        total = sum(expected) + concept.facts["bias"]
        assert total == pytest.approx(scores[image_id]["score"], abs=rounding + 1e-6)
        assert rounding < 0.05


def test_the_score_is_that_of_the_scaled_features(run: RunFolder, concept: Concept) -> None:
    features = table(run, "features").set_index("image_id")["pooled"]
    scores = concept.tables["scores"].to_pandas().set_index("image_id")
    train = scores.index[scores["split"] == "train"]
    rows = np.stack([np.asarray(features[i], dtype=np.float64) for i in train])
    weights = concept.tables["weights"].to_pandas()
    assert weights["mean"].tolist() == pytest.approx(rows.mean(axis=0).tolist(), abs=1e-9)
    expected_scale = np.where(rows.std(axis=0) > 0, rows.std(axis=0), 1)
    assert weights["scale"].tolist() == pytest.approx(expected_scale.tolist(), abs=1e-9)
    for image_id in scores.index[::7]:
        x = np.asarray(features[image_id], dtype=np.float64)
        value = float(weights["weight"] @ x) + concept.facts["bias"]
        assert scores.loc[image_id, "score"] == pytest.approx(value, abs=1e-9)


def test_counts_sides_and_precision(concept: Concept) -> None:
    scores = concept.tables["scores"].to_pandas()
    assert len(scores) == IMAGES and scores["positive"].sum() == MARKED
    assert (scores["positive"] == (scores["image_id"] < MARKED)).all()
    held = scores[scores["split"] == "held_out"]
    # The rank of each positive among the held-out images, no two scores being equal.
    ranking = held.sort_values("score", ascending=False)["positive"].tolist()
    hits = [sum(ranking[: n + 1]) / (n + 1) for n, positive in enumerate(ranking) if positive]
    assert concept.precision.value == pytest.approx(sum(hits) / len(hits))
    assert concept.facts["images"]["held_out"] == {
        "positive": int(held["positive"].sum()), "negative": int((~held["positive"]).sum())
    }  # fmt: skip
    assert concept.base_rate == held["positive"].mean()
    assert concept.precision.low <= concept.precision.value <= concept.precision.high
    assert concept.precision.value > 0.9


def test_what_is_shown_is_held_out_and_in_order(concept: Concept) -> None:
    scores = concept.tables["scores"].to_pandas().set_index("image_id")
    held = scores[scores["split"] == "held_out"]
    top = (
        held[held["positive"] & (held["score"] > 0)].sort_values("score", ascending=False).index[:6]
    )
    assert concept.groups["top"] == top.tolist()
    wrong = held[~held["positive"] & (held["score"] > 0)].sort_values("score", ascending=False)
    assert concept.groups["false_positive"] == wrong.index[:6].tolist()
    missed = held[held["positive"] & (held["score"] <= 0)].sort_values("score")
    assert concept.groups["miss"] == missed.index[:6].tolist()


def test_the_map_lies_on_the_mark(run: RunFolder, concept: Concept) -> None:
    assert concept.objects is not None and concept.objects.difference.low > 0
    for image_id, row in columns(concept.tables["maps"]).items():
        if image_id >= MARKED:
            assert row["object_energy"] is None and row["object_area"] is None
            continue
        left, top, right, bottom = mark_of(image_id)
        cells = np.reshape(row["map"], (row["rows"], row["cols"]))
        size = SIDE // row["rows"]
        on = off = 0.0
        for y in range(row["rows"]):
            for x in range(row["cols"]):
                inside = top <= y * size < bottom and left <= x * size < right
                on += max(cells[y, x], 0) * inside
                off += max(cells[y, x], 0) * (not inside)
        assert row["object_energy"] == pytest.approx(on / (on + off), abs=1e-5)
        assert row["object_area"] == pytest.approx((right - left) * (bottom - top) / SIDE**2)


def test_the_seed_decides_all_of_it(run: RunFolder, concept: Concept) -> None:
    again = find(run, OPTIONS)
    assert all(again.tables[name].equals(one) for name, one in concept.tables.items())
    assert again.facts == concept.facts
    other = find(run, ConceptOptions("mark=red", seed=1, shown=6))
    assert not other.tables["scores"].equals(concept.tables["scores"])


def test_negatives_of_a_users_own(run: RunFolder) -> None:
    found = find(run, ConceptOptions("mark=red", negatives="split=b", sampled=0))
    scores = found.tables["scores"].to_pandas()
    assert scores["image_id"].tolist() == list(range(MARKED + 24))
    assert scores["positive"].tolist() == [True] * MARKED + [False] * 24
    assert found.objects is None  # no image was to be sampled


def test_an_image_that_is_gone_has_no_map(run: RunFolder, concept: Concept) -> None:
    uri = Path(table(run, "manifest").set_index("image_id").loc[concept.groups["top"][0], "uri"])
    uri.rename(uri.with_suffix(".gone"))
    found = find(run, OPTIONS)
    uri.with_suffix(".gone").rename(uri)
    assert concept.groups["top"][0] not in found.maps
    assert [failure["uri"] for failure in found.facts["failures"]] == [str(uri)]
    assert found.tables["scores"].equals(concept.tables["scores"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ConceptOptions("mark=blue"), ["'blue' is unknown"]),
        (ConceptOptions("mark=red", negatives="mark=red"), ["26 images are among the positives"]),
        (ConceptOptions("mark=none"), ["17 positives in all; expected 20"]),
        (ConceptOptions("mark=red", c=0), ["c: expected a number above 0"]),
        (ConceptOptions("mark=red", rounds=0), ["rounds: expected 1 or more"]),
        (ConceptOptions("mark=red", shown=0), ["shown: expected 1 or more"]),
        (ConceptOptions("mark=red", seed=-1), ["seed: expected 0 or more"]),
    ],
)
def test_what_cannot_be_learned(run: RunFolder, options: ConceptOptions, words: list[str]) -> None:
    with pytest.raises(AuditError) as error:
        plan_concept(run, options)
    assert all(word in str(error.value) for word in words), error.value


def test_all_positive(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("\n".join(str(i) for i in range(IMAGES)))
    with pytest.raises(AuditError, match="0 negatives in all"):
        plan_concept(run, ConceptOptions(str(tmp_path / "all.txt")))


def test_an_audit_of_another_version(run: RunFolder) -> None:
    whole = run.audit_file.read_text()
    run.audit_file.write_text(whole.replace('"schema_version": ', '"schema_version": 9'))
    try:
        with pytest.raises(AuditError, match="another version of camaudit"):
            plan_concept(run, OPTIONS)
    finally:
        run.audit_file.write_text(whole)


def test_features_that_are_not_there_or_not_finite(run: RunFolder) -> None:
    (file,) = (run.root / "tables" / "features").glob("*.parquet")
    whole = file.read_bytes()
    stored = pq.read_table(file)
    try:
        broken = stored.to_pylist()
        broken[4]["pooled"][1] = float("nan")
        pq.write_table(pa.Table.from_pylist(broken, stored.schema), file)
        with pytest.raises(AuditError, match=r"1 images .* not finite; the first is image_id 4"):
            plan_concept(run, OPTIONS)
        pq.write_table(stored.slice(0, 0), file)
        with pytest.raises(AuditError, match="no rows"):
            plan_concept(run, OPTIONS)
        file.unlink()
        with pytest.raises(AuditError, match="table 'features' is missing"):
            plan_concept(run, OPTIONS)
    finally:
        file.write_bytes(whole)
