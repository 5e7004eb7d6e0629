"""Deep features as a representation: planted zoom, the same features again, plain arithmetic."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.images.preprocessing import Preprocessing
from tasks.representation.answers import head_answers
from tasks.representation.classifiers import draw_folds, out_of_fold_answers
from tasks.representation.common_images import compare_crops, compare_whole_images
from tasks.representation.extraction import extract_views
from tasks.representation.plan import RepresentationOptions, plan_representation
from tasks.representation.predicted_maps import predicted_maps
from tasks.representation.representation import Representation
from tasks.representation.stage import judge
from tasks.representation.views import ViewReader
from tasks.tables.storage import RunFolder
from tests.tasks.measured_audit import finish, finished_audit
from tests.tasks.tiny_audit import configure, draw, run_audit, table
from tests.tasks.zoomed_audit import IMAGES, zoomed_audit


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return zoomed_audit(tmp_path_factory.mktemp("zoomed"))


def represent(run: RunFolder, options: RepresentationOptions) -> Representation:
    plan = plan_representation(run, options)
    model = AuditedModel(plan.facts, "cpu")
    return judge(plan, compare_crops(plan, model, lambda _n: None))


@pytest.fixture(scope="module")
def found(run: RunFolder) -> Representation:
    return represent(run, RepresentationOptions(folds=4))


def accuracy(found: Representation, view: str, classifier: str) -> float:
    (own,) = (a for a in found.accuracies if (a.view, a.classifier) == (view, classifier))
    return own.value


def test_what_only_zoom_can_tell_is_told_on_the_crops(found: Representation) -> None:
    for classifier in ("linear_svm", "logistic"):
        assert accuracy(found, "full", classifier) < 0.75
        assert accuracy(found, "map_box", classifier) > 0.85
        assert accuracy(found, "true_box", classifier) > 0.95
    (pair,) = (
        c for c in found.comparisons
        if (c.view, c.classifier, c.reference_view) == ("map_box", "linear_svm", "full")
    )  # fmt: skip
    assert pair.paired.low > 0 and pair.paired.p_value < 0.01
    assert len(found.gained) == min(16, pair.paired.only_own) and not found.lost


def test_the_answers_make_the_accuracies(found: Representation) -> None:
    answers = found.tables["answers"].to_pandas()
    assert len(answers) == IMAGES * len(found.accuracies)
    for told in found.accuracies:
        own = answers[(answers["view"] == told.view) & (answers["classifier"] == told.classifier)]
        assert told.correct == (own["predicted"] == own["label"]).sum()
        assert told.images == IMAGES and told.value == told.correct / IMAGES
    by_image = answers.pivot(index="image_id", columns=["view", "classifier"], values="correct")
    for pair in found.comparisons:
        own = by_image[pair.view, pair.classifier]
        other = by_image[pair.reference_view, pair.reference_classifier]
        assert pair.paired.only_own == (own & ~other).sum()
        assert pair.paired.only_reference == (other & ~own).sum()
        assert pair.paired.difference == pytest.approx(own.mean() - other.mean())


def test_the_head_is_that_of_the_audit(run: RunFolder, found: Representation) -> None:
    predictions = table(run, "predictions")
    correct = (predictions["predicted"] == predictions["label"]).mean()
    assert accuracy(found, "full", "head") == correct
    plan = plan_representation(run, RepresentationOptions(crops=False))
    stored = judge(plan, compare_whole_images(plan))
    assert accuracy(stored, "full", "head") == correct
    assert {each.view for each in stored.accuracies} == {"full"}
    assert "boxes" not in stored.tables and not stored.gained


def test_features_come_out_as_they_were_stored(run: RunFolder, found: Representation) -> None:
    plan = plan_representation(run, RepresentationOptions())
    model = AuditedModel(plan.facts, "cpu")
    ids = plan.features.image_id
    reader = ViewReader(model.preprocessing, predicted_maps(run, ids))
    rows = run.dataset("manifest").to_table().sort_by("image_id").to_pylist()
    again = extract_views(model, rows, reader, lambda _n: None)
    features = table(run, "features").sort_values("image_id")["pooled"]
    stored = np.stack([np.asarray(row, dtype=np.float64) for row in features])
    assert np.abs(again.pooled["full"] - stored).max() <= 2**-10 * np.abs(stored).max()
    assert again.image_id.tolist() == list(range(IMAGES)) and found.facts["changed"] == 0


def test_the_boxes_hold_the_patch(run: RunFolder, found: Representation) -> None:
    boxes = found.tables["boxes"].to_pandas().set_index(["view", "image_id"])
    for row in run.dataset("manifest").to_table().to_pylist():
        left, top, right, bottom = row["boxes"][0]
        true = boxes.loc["true_box", row["image_id"]]
        # To the pixels of the view, six pixels of the image each, outwards.
        assert abs(true["top"] - top) <= 6 and abs(true["bottom"] - bottom) <= 6
        assert abs(true["left"] - left) <= 6 and abs(true["right"] - right) <= 6
        of_map = boxes.loc["map_box", row["image_id"]]
        assert of_map["top"] <= (top + bottom) / 2 <= of_map["bottom"]
        assert of_map["left"] <= (left + right) / 2 <= of_map["right"]
        assert true["found"] and of_map["found"]


def test_a_crop_is_the_square_of_the_image_itself(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    preprocessing = Preprocessing(32, 32, (0.0,) * 3, (1.0,) * 3)  # type: ignore[arg-type]
    raw = np.zeros((4, 4), np.float32)
    raw[:2, 2:] = 1  # half of the side, at the top right
    row = {"image_id": 7, "uri": str(tmp_path / "a.png"), "label": 0, "mask_uri": None,
           "boxes": [[0, 32, 32, 64]]}  # fmt: skip
    views = ViewReader(preprocessing, {7: raw}).read(row)
    assert views.boxes["true_box"] == (32, 0, 64, 32)
    lower_left = pixels[32:, :32]
    assert np.array_equal(views.pixels["true_box"].permute(1, 2, 0).numpy(), lower_left)
    top, left, bottom, right = views.boxes["map_box"]
    assert (top, right) == (0, 64) and 32 <= bottom <= 48 and 16 <= left <= 32


def test_answers_are_of_what_has_not_seen_the_image() -> None:
    generator = np.random.default_rng(1)
    labels = (np.arange(60) % 3).astype(np.int32)
    features = (generator.normal(size=(60, 5)) + labels[:, None]).astype(np.float16)
    fold = draw_folds(labels, 4, seed=2)
    assert all(abs((labels[fold == f] == c).sum() - 5) <= 1 for f in range(4) for c in range(3))
    got = out_of_fold_answers(features, labels, fold, "linear_svm", c=0.5, seed=0)
    for number in range(4):
        train = fold != number
        scaler = StandardScaler().fit(features[train].astype(np.float64))
        svm = LinearSVC(C=0.5, random_state=0, max_iter=10_000)
        svm.fit(scaler.transform(features[train].astype(np.float64)), labels[train])
        expected = svm.predict(scaler.transform(features[~train].astype(np.float64)))
        assert got[~train].tolist() == expected.tolist()


def test_the_heads_of_all_and_of_these_classes() -> None:
    logits = {"full": np.array([[9, 1, 0, 2], [0, 5, 8, 6], [1, 1, 0, 1]], np.float32)}
    answers = head_answers(logits, np.array([1, 3, 3], np.int32))
    assert answers["full", "head"].tolist() == [0, 2, 0]
    assert answers["full", "head_known"].tolist() == [3, 3, 1]
    all_known = head_answers(logits, np.arange(4, dtype=np.int32))
    assert set(all_known) == {("full", "head")}


def test_images_gone_or_changed_are_told(run: RunFolder) -> None:
    folder = run.root.parent / "images"
    kept = [(folder / f"{i}.png").read_bytes() for i in (3, 4)]
    (folder / "3.png").unlink()
    Image.fromarray(np.full((192, 192, 3), 200, np.uint8)).save(folder / "4.png")
    again = represent(run, RepresentationOptions(folds=4))
    for i, content in zip((3, 4), kept, strict=True):
        (folder / f"{i}.png").write_bytes(content)
    assert (again.facts["unreadable"], again.facts["changed"]) == (1, 1)
    assert again.facts["images"] == IMAGES - 1
    assert 3 not in again.tables["answers"]["image_id"].to_pylist()


def test_without_true_boxes_two_views_are_compared(tmp_path: Path) -> None:
    run = zoomed_audit(tmp_path, boxes=False)
    found = represent(run, RepresentationOptions(folds=2))
    assert {each.view for each in found.accuracies} == {"full", "map_box"}
    assert found.facts["without_object"] == 0


def test_rare_classes_are_left_out(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 8, second_pass=0)  # labels 0, 1, 2, 0, 1, 2, 0, 1
    plan = plan_representation(run, RepresentationOptions(folds=3))
    assert plan.rare == 2 and plan.features.image_id.tolist() == [0, 1, 3, 4, 6, 7]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (RepresentationOptions(images=0), "images: expected 1 or more"),
        (RepresentationOptions(folds=1), "folds: expected 2 or more"),
        (RepresentationOptions(c=float("nan")), "c: expected a number above 0"),
        (RepresentationOptions(seed=-1), "seed: expected 0 or more"),
        (RepresentationOptions(images=4, folds=3), "0 classes have 3 images or more among the 4"),
    ],
)
def test_options_out_of_range(run: RunFolder, options: RepresentationOptions, words: str) -> None:
    with pytest.raises(AuditError, match=words):
        plan_representation(run, options)


def test_without_labels_or_without_an_end(tmp_path: Path) -> None:
    unlabelled = tmp_path / "unlabelled"
    for i in range(4):
        draw(unlabelled / f"{i}.png", seed=i)
    with pytest.raises(AuditError, match=r"no image of .* has a label"):
        plan_representation(finished_audit_of(tmp_path / "a", unlabelled), RepresentationOptions())
    unfinished = run_audit(configure(tmp_path / "b", unlabelled, second_pass=0))
    with pytest.raises(AuditError, match="has not finished"):
        plan_representation(unfinished, RepresentationOptions())


def finished_audit_of(folder: Path, images: Path) -> RunFolder:
    return finish(configure(folder, images, second_pass=0))


def test_a_model_that_has_changed_is_refused(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 6, second_pass=0)
    code = tmp_path / "code" / "model.py"
    code.write_text(code.read_text().replace("mul_(20)", "mul_(21)"))
    plan = plan_representation(run, RepresentationOptions(folds=2))
    with pytest.raises(AuditError, match="no longer the model that was audited"):
        AuditedModel(plan.facts, "cpu")
