"""Network dissection against a restatement in plain loops, on pictures with planted units."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.dissection.concept_areas import ConceptAreas
from tasks.dissection.dissection import Dissection
from tasks.dissection.overlaps import OverlapSums
from tasks.dissection.plan import DissectionOptions, plan_dissection
from tasks.dissection.regions import unit_regions
from tasks.dissection.shuffled_images import partners
from tasks.dissection.stage import dissect, find_thresholds
from tasks.dissection.thresholds import SKETCH_ERROR, Thresholds
from tasks.errors import AuditError
from tasks.explain.audited_model import AuditedModel
from tasks.images.named_objects import NamedObject
from tasks.model.loading import load_model
from tasks.tables.storage import RunFolder
from tests.tasks.marked_audit import marked_audit
from tests.tasks.named_scenes import SIDE, scene_audit, scenes

IMAGES, NAMED = 18, 15
SHARE = 0.02
SCENES = scenes(IMAGES)
OPTIONS = DissectionOptions(top_share=SHARE, shown=3, pictures=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("scenes")
    return scene_audit(folder, SCENES, named=NAMED, labels=[i % 3 for i in range(IMAGES)])


def look(run: RunFolder, options: DissectionOptions = OPTIONS) -> Dissection:
    plan = plan_dissection(run, options)
    return dissect(plan, AuditedModel(plan.facts, "cpu"), lambda _done: None)


@pytest.fixture(scope="module")
def found(run: RunFolder) -> Dissection:
    return look(run)


@pytest.fixture(scope="module")
def maps(run: RunFolder) -> list[np.ndarray]:
    """(K, 8, 8) of each image, of the untouched model in float64, by a hook of our own."""
    model = load_model(run.audit()["config"]["model"], None).module.eval().double()
    kept: list[torch.Tensor] = []
    model.get_submodule("relu").register_forward_hook(lambda _m, _i, out: kept.append(out.clone()))
    for row in run.dataset("manifest").to_table().sort_by("image_id").to_pylist():
        pixels = (np.asarray(Image.open(row["uri"]), dtype=np.float64) / 255 - 0.5) / 0.25
        with torch.no_grad():
            model(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    return [each[0].numpy() for each in kept]


def slow_level(maps: list[np.ndarray], unit: int, share: float) -> float:
    values = sorted((float(v) for each in maps for v in each[unit].reshape(-1)), reverse=True)
    return values[math.floor(share * len(values) + 1e-9)]


def slow_value(cells: np.ndarray, y: int, x: int) -> float:
    """Bilinear, at the centre of a pixel of the view, values at the centres of the cells."""
    scale = len(cells) / SIDE
    row, col = (y + 0.5) * scale - 0.5, (x + 0.5) * scale - 0.5
    row, col = min(max(row, 0), len(cells) - 1), min(max(col, 0), len(cells) - 1)
    top, left = int(row), int(col)
    bottom, right = min(top + 1, len(cells) - 1), min(left + 1, len(cells) - 1)
    down, across = row - top, col - left
    above = cells[top, left] * (1 - across) + cells[top, right] * across
    below = cells[bottom, left] * (1 - across) + cells[bottom, right] * across
    return float(above * (1 - down) + below * down)


def slow_region(cells: np.ndarray, level: float, least: float) -> set[tuple[int, int]]:
    values = {(y, x): slow_value(cells, y, x) for y in range(SIDE) for x in range(SIDE)}
    if level <= least:
        return {at for at, value in values.items() if value > level + 1e-6 * abs(level)}
    return {at for at, value in values.items() if value >= level - 1e-6 * abs(level)}


def slow_object(image: int, name: str) -> set[tuple[int, int]]:
    return {
        (int(y), int(x))
        for thing in SCENES[image]
        if thing.name == name
        for y, x in zip(*np.nonzero(thing.inside), strict=True)
    }


@pytest.fixture(scope="module")
def slow(maps: list[np.ndarray]) -> dict[tuple[int, str], tuple[float, ...]]:
    """Intersection, union, IoU, IoU within and by chance of each unit and thing."""
    table: dict[tuple[int, str], tuple[float, ...]] = {}
    for unit in range(6):
        level = slow_level(maps, unit, SHARE)
        least = min(float(each[unit].min()) for each in maps)
        regions = [slow_region(maps[i][unit], level, least) for i in range(NAMED)]
        for name in ("blue bar", "green box", "red disc"):
            things = [slow_object(i, name) for i in range(NAMED)]
            both = sum(len(m & t) for m, t in zip(regions, things, strict=True))
            either = sum(len(m | t) for m, t in zip(regions, things, strict=True))
            holds = [(m, t) for m, t in zip(regions, things, strict=True) if t]
            within = sum(len(m | t) for m, t in holds)
            # Each map stands before each image with the same probability.
            mixed = sum(len(m & t) for m in regions for t in things) / NAMED
            area = sum(len(m) for m in regions) + sum(len(t) for t in things)
            table[unit, name] = (
                both, either, both / either if either else 0,
                both / within if within else 0, mixed / (area - mixed),
            )  # fmt: skip
    return table


def test_levels_are_those_of_a_sorted_list(found: Dissection, maps: list[np.ndarray]) -> None:
    for unit in found.units:
        assert unit.threshold == pytest.approx(slow_level(maps, unit.unit, SHARE), abs=1e-5)
    assert found.facts["positions"] == IMAGES * 64 and found.facts["threshold_error"] == 0
    for unit in found.units:
        values = [float(v) for each in maps for v in each[unit.unit].reshape(-1)]
        level = slow_level(maps, unit.unit, SHARE)
        kinds = {
            "dead": min(values) == max(values),
            "sparse": min(values) == level < max(values),
            "saturated": min(values) < level == max(values),
        }
        assert unit.state == next((name for name, holds in kinds.items() if holds), "ok")
    assert {unit.state for unit in found.units} >= {"dead", "saturated"}


def test_scores_are_those_of_sets_of_pixels(
    found: Dissection, slow: dict[tuple[int, str], tuple[float, ...]]
) -> None:
    rows = found.tables["scores"].to_pylist()
    assert len(rows) == len(slow) == 18
    for row in rows:
        both, either, iou, within, chance = slow[row["unit"], row["concept"]]
        # A pixel on the border of a region may fall either way in float32.
        assert row["intersection"] == pytest.approx(both, abs=2)
        assert row["union"] == pytest.approx(either, abs=2)
        assert row["iou"] == pytest.approx(iou, abs=2e-3)
        assert row["iou_within"] == pytest.approx(within, abs=2e-3)
        assert row["chance_iou"] == pytest.approx(chance, abs=2e-3)
    # Not all of them are of nothing.
    assert sum(value[0] > 50 for value in slow.values()) >= 4


def test_planted_units_are_named(
    found: Dissection, slow: dict[tuple[int, str], tuple[float, ...]]
) -> None:
    labels = [unit.label for unit in found.units]
    assert labels[:4] == ["red disc", "blue bar", "", "green box"]
    assert found.units[0].iou == pytest.approx(slow[0, "red disc"][2], abs=2e-3)
    assert found.units[0].iou > 3 * found.units[0].chance
    assert (found.units[2].concept, found.units[2].iou) == ("", 0)
    units = found.facts["units"]
    assert units["detectors"] == sum(bool(label) for label in labels)
    assert units["unique"] == len({label for label in labels if label}) == 3
    assert units["dead"] == 1 and units["all"] == 6
    best = [max(slow[unit, name][4] for name in ("blue bar", "green box", "red disc"))
            for unit in range(6)]  # fmt: skip
    assert units["chance_detectors"] == sum(value > 0.04 for value in best)


def test_one_shuffle_holds_maps_against_other_images(
    run: RunFolder, found: Dissection, maps: list[np.ndarray]
) -> None:
    lent = partners(list(range(NAMED)), OPTIONS.seed)
    assert sorted(lent) == sorted(lent.values()) == list(range(NAMED))
    assert all(one != other for one, other in lent.items()) and partners([7], 0) == {}
    detectors = 0
    for unit in range(6):
        level = slow_level(maps, unit, SHARE)
        least = min(float(each[unit].min()) for each in maps)
        regions = {i: slow_region(maps[i][unit], level, least) for i in range(NAMED)}
        scores = []
        for name in ("blue bar", "green box", "red disc"):
            pairs = [(regions[i], slow_object(other, name)) for i, other in lent.items()]
            either = sum(len(m | t) for m, t in pairs)
            scores.append(sum(len(m & t) for m, t in pairs) / either)
        assert all(abs(score - 0.04) > 1e-3 for score in scores)
        detectors += max(scores) > 0.04
    assert found.facts["units"]["shuffled_detectors"] == detectors


def test_concepts_are_counted_and_measured(found: Dissection) -> None:
    for concept in found.concepts:
        areas = [len(slow_object(i, concept.name)) for i in range(NAMED)]
        held = sum(area > 0 for area in areas)
        assert concept.images == held
        assert concept.mask_images == (concept.name == SCENES[0][0].name)
        assert concept.box_images == held - concept.mask_images
        assert concept.area == pytest.approx(sum(areas) / (NAMED * SIDE**2))
        assert concept.best_iou <= concept.reachable <= 1
        assert concept.units == [unit.label for unit in found.units].count(concept.name)
    assert found.facts["images"] == {"audited": IMAGES, "seen": IMAGES, "named": NAMED}


def test_pictures_show_the_strongest_images(found: Dissection, maps: list[np.ndarray]) -> None:
    best = sorted((u for u in found.units if u.concept), key=lambda u: (-u.iou, u.unit))
    assert list(found.pictures) == [unit.unit for unit in best[:3]]
    for unit, pictures in found.pictures.items():
        level = slow_level(maps, unit, SHARE)
        regions = [slow_region(each[unit], level, 0.0) for each in maps[:NAMED]]
        order = sorted(
            (-round(float(maps[i][unit].max()), 6), -len(regions[i]), i)
            for i in range(NAMED) if regions[i]
        )  # fmt: skip
        assert [picture.image_id for picture in pictures] == [i for _, _, i in order[:2]]
        for picture in pictures:
            own = maps[picture.image_id][unit]
            assert picture.activation == pytest.approx(float(own.max()), abs=1e-4)
            drawn = {(int(y), int(x)) for y, x in zip(*np.nonzero(picture.region), strict=True)}
            assert len(drawn ^ regions[picture.image_id]) <= 2 and drawn
            thing = slow_object(picture.image_id, found.units[unit].concept)
            if picture.image_id < NAMED and thing:
                assert picture.object is not None and int(picture.object.sum()) == len(thing)
            else:
                assert picture.object is None


def test_the_sketch_is_too_high_by_no_more_than_it_says(run: RunFolder, found: Dissection) -> None:
    plan = plan_dissection(run, OPTIONS)
    first = find_thresholds(plan, AuditedModel(plan.facts, "cpu"), lambda _n: None, exact_bytes=0)
    exact = [unit.threshold for unit in found.units]
    for own, level in zip(exact, first.thresholds.level.tolist(), strict=True):
        assert own <= level <= own * (1 + SKETCH_ERROR) + 1e-6
    assert first.thresholds.error == SKETCH_ERROR and first.thresholds.positions == IMAGES * 64


def thresholds(levels: list[float], least: float = 0.0) -> Thresholds:
    level = torch.tensor(levels)
    return Thresholds(level, torch.full_like(level, least), torch.full_like(level, 9.0), 1, 0.0)


def sums_of(
    images: list[tuple[torch.Tensor, list[NamedObject]]], areas: ConceptAreas
) -> OverlapSums:
    sums = OverlapSums(thresholds([1.0, 0.5]), areas, torch.device("cpu"))
    for activations, objects in images:
        sums.update(activations, objects)
    return sums


def test_an_image_in_which_no_unit_is_strong_counts_with_its_objects_alone() -> None:
    inside = np.zeros((12, 12), bool)
    inside[:3, :4] = True
    objects = [NamedObject("a", "box", inside)]
    areas = ConceptAreas(12)
    areas.update(objects)
    sums = OverlapSums(thresholds([1.0, 0.5]), areas, torch.device("cpu"))
    assert sums.update(torch.zeros(2, 3, 3), objects).tolist() == [0, 0]
    found = sums.compute()
    assert found.union.tolist() == [[12], [12]] and found.intersection.tolist() == [[0], [0]]


def small_images(generator: np.random.Generator) -> list[tuple[torch.Tensor, list[NamedObject]]]:
    names = [["a", "b"], ["a"], ["b"], ["a", "c"]]
    return [
        (
            torch.from_numpy(generator.gamma(0.7, 1.0, (2, 3, 3)).astype(np.float32)),
            [NamedObject(name, "box", generator.random((12, 12)) < 0.4) for name in of_image],
        )
        for of_image in names
    ]


def test_chance_is_the_mean_over_all_permutations() -> None:
    images, areas = small_images(np.random.default_rng(3)), ConceptAreas(12)
    for _, objects in images:
        areas.update(objects)
    overlaps = sums_of(images, areas).compute()
    regions = [unit_regions(a, torch.tensor([1.0, 0.5]), torch.zeros(2), 12) for a, _ in images]
    total = np.zeros((2, 3))
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        for place, source in enumerate(order):
            for each in images[place][1]:
                for unit in range(2):
                    hit = regions[source][unit].numpy() & each.inside
                    total[unit, areas.names.index(each.name)] += hit.sum()
    assert np.allclose(overlaps.expected, total / len(orders), rtol=1e-5)
    whole = overlaps.intersection + overlaps.union
    assert np.allclose(overlaps.chance, total / len(orders) / (whole - total / len(orders)))
    assert overlaps.images == 4


def test_shards_merge_to_the_same_sums() -> None:
    images, areas = small_images(np.random.default_rng(4)), ConceptAreas(12)
    left, right = ConceptAreas(12), ConceptAreas(12)
    for place, (_, objects) in enumerate(images):
        areas.update(objects)
        (left if place < 1 else right).update(objects)
    left.merge(right)
    assert torch.equal(left.pixels, areas.pixels)
    assert (left.held, left.images, left.boxes) == (areas.held, 4, areas.boxes)
    one, first, rest = (
        sums_of(images, areas),
        sums_of(images[:1], areas),
        sums_of(images[1:], areas),
    )
    first.merge(rest)
    for name in ("intersection", "union", "union_within", "iou"):
        assert np.array_equal(getattr(one.compute(), name), getattr(first.compute(), name))
    assert np.allclose(one.compute().expected, first.compute().expected, rtol=1e-12)


def test_an_image_that_is_gone_counts_nowhere(run: RunFolder, maps: list[np.ndarray]) -> None:
    uri = Path(run.dataset("manifest").to_table().sort_by("image_id").to_pylist()[4]["uri"])
    uri.rename(uri.with_suffix(".gone"))
    try:
        gone = look(run)
    finally:
        uri.with_suffix(".gone").rename(uri)
    assert [failure["uri"] for failure in gone.facts["failures"]] == [str(uri)]
    assert gone.facts["images"] == {"audited": IMAGES, "seen": IMAGES - 1, "named": NAMED - 1}
    left = [each for place, each in enumerate(maps) if place != 4]
    assert gone.units[0].threshold == pytest.approx(slow_level(left, 0, SHARE), abs=1e-5)


def test_a_sample_and_a_concept_of_one_image(run: RunFolder) -> None:
    some = look(run, replace(OPTIONS, images=3, shown=0))
    assert some.facts["images"]["seen"] == 3 and not some.pictures
    assert all(concept.images <= 3 for concept in some.concepts)
    one = look(run, replace(OPTIONS, images=1, seed=2, shown=0))
    assert one.facts["units"]["shuffled_detectors"] is None
    for concept in one.concepts:  # with one image nothing can be shuffled
        assert concept.images == 1
    scores = one.tables["scores"].to_pandas()
    assert scores["chance_iou"].tolist() == pytest.approx(scores["iou"].tolist(), abs=1e-6)


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFolder]:
    yield marked_audit(tmp_path_factory.mktemp("marked"))


def test_without_names_it_says_what_is_needed(unnamed: RunFolder) -> None:
    with pytest.raises(AuditError) as error:
        plan_dissection(unnamed, OPTIONS)
    for words in ("no object is named in the 60 images", "26 images with boxes, 0 with masks",
                  "'box_names'", "'mask_name'", "--annotations"):  # fmt: skip
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (DissectionOptions(top_share=0), "top_share: expected above 0 up to 0.5"),
        (DissectionOptions(top_share=float("nan")), "top_share"),
        (DissectionOptions(iou=1), "iou: expected 0 or more and less than 1"),
        (DissectionOptions(images=0), "images: expected at least 1"),
        (DissectionOptions(shown=-1), "shown: expected 0 or more"),
        (DissectionOptions(pictures=0), "pictures: expected 1 or more"),
        (DissectionOptions(seed=-1), "seed: expected 0 or more"),
    ],
)
def test_options_out_of_range(run: RunFolder, options: DissectionOptions, words: str) -> None:
    with pytest.raises(AuditError, match=words):
        plan_dissection(run, options)


def test_an_audit_of_another_version(run: RunFolder) -> None:
    whole = run.audit_file.read_text()
    run.audit_file.write_text(whole.replace('"schema_version": ', '"schema_version": 9'))
    try:
        with pytest.raises(AuditError, match="another version of camaudit"):
            plan_dissection(run, OPTIONS)
    finally:
        run.audit_file.write_text(whole)
