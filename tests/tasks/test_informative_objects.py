"""Objects that maps cover against sets of pixels, and the baseline on planted maps."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from tasks.errors import AuditError
from tasks.images.named_objects import NamedObject
from tasks.informative_objects.class_objects import InformativeObjects
from tasks.informative_objects.map_regions import chance_to_cover, enlarged, high_region, ranks
from tasks.informative_objects.overlap_counts import OverlapCounts
from tasks.informative_objects.plan import ObjectsOptions, plan_objects
from tasks.informative_objects.ranking import objects_table, rank_objects
from tasks.informative_objects.stage import find_objects
from tasks.tables.storage import RunFolder
from tests.tasks.marked_audit import marked_audit
from tests.tasks.named_scenes import SIDE, Thing, scene_audit, scenes
from tests.tasks.test_dissection import slow_value

IMAGES, NAMED = 24, 21
SCENES = scenes(IMAGES, seed=5)
OPTIONS = ObjectsOptions()
Pixel = tuple[int, int]


def label(things: list[Thing]) -> int:
    area = {thing.name: thing.side**2 for thing in things}
    return 0 if area["red disc"] >= area.get("blue bar", 0) else 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("objects")
    return scene_audit(folder, SCENES, named=NAMED, labels=[label(each) for each in SCENES])


def look(run: RunFolder, options: ObjectsOptions = OPTIONS) -> InformativeObjects:
    return find_objects(plan_objects(run, options), lambda _done: None)


@pytest.fixture(scope="module")
def found(run: RunFolder) -> InformativeObjects:
    return look(run)


def right(run: RunFolder) -> dict[int, list[int]]:
    """Images of named objects by the class that they are rightly predicted as."""
    table = run.dataset("predictions").to_table().to_pylist()
    by_class: dict[int, list[int]] = {}
    for row in table:
        if row["label"] == row["predicted"] and row["image_id"] < NAMED:
            by_class.setdefault(row["predicted"], []).append(row["image_id"])
    return by_class


@pytest.fixture(scope="module")
def views(run: RunFolder) -> dict[int, dict[Pixel, float]]:
    """The enlarged map of each image, pixel by pixel."""
    maps: dict[int, dict[Pixel, float]] = {}
    for row in run.dataset("heatmaps").to_table().to_pylist():
        if row["role"] == "predicted":
            cells = np.array(row["heatmap"], dtype=np.float64).reshape(row["rows"], row["cols"])
            maps[row["image_id"]] = {
                (y, x): slow_value(cells, y, x) for y in range(SIDE) for x in range(SIDE)
            }
    return maps


def pixels_of(image: int, name: str) -> set[Pixel]:
    return {
        (int(y), int(x))
        for thing in SCENES[image] if thing.name == name
        for y, x in zip(*np.nonzero(thing.inside), strict=True)
    }  # fmt: skip


def slow_region(view: dict[Pixel, float]) -> set[Pixel]:
    peak = max(view.values())
    return {at for at, value in view.items() if value >= 0.2 * peak}


def slow_chance(view: dict[Pixel, float], area: int, thing: set[Pixel]) -> tuple[bool, bool]:
    """Whether the region of `area` pixels covers half of the thing: for certain, and possibly
    (equal pixels at its border may fall either way)."""
    border = sorted(view.values(), reverse=True)[area - 1]
    inside = {at for at, value in view.items() if value > border + 1e-6}
    tied = {at for at, value in view.items() if abs(value - border) <= 1e-6}
    sure = len(inside & thing) >= 0.5 * len(thing)
    most = len(inside & thing) + min(len(tied & thing), area - len(inside))
    least = len(inside & thing) + max(0, area - len(inside) - len(tied - thing))
    return sure or least >= 0.5 * len(thing), most >= 0.5 * len(thing)


def test_counts_are_those_of_sets_of_pixels(
    run: RunFolder, found: InformativeObjects, views: dict[int, dict[Pixel, float]]
) -> None:
    rows = {(row["class_idx"], row["object"]): row for row in found.table.to_pylist()}
    assert len(rows) >= 4
    by_class = right(run)
    total = sum(len(images) for images in by_class.values())
    for (class_idx, name), row in rows.items():
        images = by_class[class_idx]
        held = [i for i in images if pixels_of(i, name)]
        regions = {i: slow_region(views[i]) for i in held}
        hits = [len(regions[i] & pixels_of(i, name)) >= 0.5 * len(pixels_of(i, name)) for i in held]
        assert (row["images"], row["with_object"]) == (len(images), len(held))
        assert row["overlapped"] == sum(hits)
        assert row["rate"] == pytest.approx(sum(hits) / len(held))
        wilson = binomtest(sum(hits), len(held)).proportion_ci(method="wilson")
        assert (row["rate_low"], row["rate_high"]) == pytest.approx((wilson.low, wilson.high))
        often = binomtest(len(held), len(images)).proportion_ci(method="wilson")
        assert row["frequency"] == len(held) / len(images)
        assert row["frequency_low"] == pytest.approx(often.low, abs=1e-9)
        everywhere = sum(bool(pixels_of(i, name)) for all_ in by_class.values() for i in all_)
        elsewhere = (everywhere - len(held)) / (total - len(images))
        assert row["frequency_elsewhere"] == pytest.approx(elsewhere)
        bounds = [
            [slow_chance(views[j], len(regions[i]), pixels_of(i, name)) for j in images if j != i]
            for i in held
        ]
        low = np.mean([np.mean([sure for sure, _ in each]) for each in bounds])
        high = np.mean([np.mean([possible for _, possible in each]) for each in bounds])
        assert low - 0.02 <= row["chance"] <= high + 0.02
        assert row["difference"] == pytest.approx(row["rate"] - row["chance"])
        assert row["difference_low"] == pytest.approx(wilson.low - row["chance"])
        assert row["difference_high"] == pytest.approx(wilson.high - row["chance"])
        if row["chance"]:
            assert row["lift"] == pytest.approx(row["rate"] / row["chance"])
        assert row["mask_images"] + row["box_images"] == len(held)


def test_the_planted_object_comes_first(found: InformativeObjects) -> None:
    first = {row["class_idx"]: row for row in found.table.to_pylist() if row["rank"] == 0}
    assert (first[0]["object"], first[1]["object"]) == ("red disc", "blue bar")
    assert first[0]["rate"] == first[1]["rate"] == 1 and first[0]["difference_low"] > 0
    of_red = next(each for each in found.classes if each.class_idx == 0)
    assert of_red.objects[0].name == "red disc" and len(of_red.objects) == 3
    for row in found.table.to_pylist():  # the thing beside it stands everywhere as often
        if (row["class_idx"], row["object"]) == (0, "blue bar"):
            assert row["difference"] < 0.2 < first[0]["difference"]


def test_facts(run: RunFolder, found: InformativeObjects) -> None:
    used = sum(len(images) for images in right(run).values())
    table = run.dataset("predictions").to_table().to_pandas()
    hits = int((table["label"] == table["predicted"]).sum())
    assert found.facts["images"] == {"right": hits, "without_map": 0, "used": used}
    assert (found.facts["objects"], found.facts["classes"]) == (3, 2)
    assert found.facts["sources"]["mask"] == any(0 in ids for ids in right(run).values())


def test_the_seed_decides_all_of_it(run: RunFolder, found: InformativeObjects) -> None:
    assert look(run).table.equals(found.table)
    few = look(run, replace(OPTIONS, lenders=2))  # too few for chance
    assert few.table["chance"].null_count == few.table.num_rows
    rows = [row for row in few.table.to_pylist() if row["class_idx"] == 0]
    lows = [row["rate_low"] for row in rows]
    assert lows == sorted(lows, reverse=True)


def test_whole_objects_are_harder_to_cover(run: RunFolder, found: InformativeObjects) -> None:
    whole = look(run, replace(OPTIONS, covered=1.0, share=0.9))
    key = [(row["class_idx"], row["object"]) for row in found.table.to_pylist()]
    before = dict(zip(key, found.table["overlapped"].to_pylist(), strict=True))
    for row in whole.table.to_pylist():
        assert row["overlapped"] <= before[row["class_idx"], row["object"]]
    assert sum(row["overlapped"] for row in whole.table.to_pylist()) < sum(before.values())


def blob(centre: tuple[float, float], width: float, side: int = 48) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side] + 0.5
    distance = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
    return np.exp(-distance / (2 * width**2)).astype(np.float32)


def test_a_large_object_does_not_win_by_its_size() -> None:
    generator = np.random.default_rng(0)
    views, things = {}, {}
    for i in range(60):
        centre = tuple(generator.uniform(10, 38, 2))
        views[i] = blob(centre, 9)
        small, large = np.zeros((2, 48, 48), dtype=bool)
        y, x = int(centre[0]), int(centre[1])
        small[y - 4 : y + 4, x - 4 : x + 4] = True  # the map follows it
        top, left = generator.integers(0, 16, 2)
        large[top : top + 32, left : left + 32] = True  # and knows nothing of this one
        things[i] = [NamedObject("large", "box", large), NamedObject("small", "mask", small)]
    lent = {i: ranks(view, generator) for i, view in views.items()}
    counts = OverlapCounts(0.2, 0.3, lent, 50)
    for i, view in views.items():
        counts.update(i, view, things[i])
    (ranked,) = rank_objects({0: counts}, ["class"])
    small, large = ranked.objects
    assert (small.name, large.name) == ("small", "large")
    table = {row["object"]: row for row in objects_table([ranked]).to_pylist()}
    assert table["small"]["difference_low"] > 0.2 and table["small"]["rate"] == 1
    assert table["large"]["rate"] > 0.7  # often covered, by its size
    assert abs(table["large"]["difference"]) < 0.1 and table["large"]["difference_low"] < 0
    assert table["small"]["frequency_elsewhere"] is None


def test_an_image_does_not_lend_to_itself() -> None:
    generator = np.random.default_rng(1)
    mine, other = blob((10, 10), 4), blob((38, 38), 4)
    inside = high_region(mine, 0.2)
    lent = {0: ranks(mine, generator)} | {i: ranks(other, generator) for i in range(1, 6)}
    counts = OverlapCounts(0.2, 0.5, lent, 4)
    counts.update(0, mine, [NamedObject("thing", "mask", inside)])
    assert counts.objects["thing"].overlapped == 1 and counts.objects["thing"].chance == 0
    counts.update(1, other, [NamedObject("thing", "mask", np.zeros_like(inside))])
    assert counts.objects["thing"].with_object == 1 and counts.images == 2  # not in its view


def test_chance_counts_lent_regions_of_the_same_size() -> None:
    generator = np.random.default_rng(2)
    maps = generator.random((5, 6, 6)).astype(np.float32)
    inside = generator.random((6, 6)) < 0.4
    lent = np.stack([ranks(each, generator) for each in maps])
    for area in (4, 12, 30):
        hits = 0
        for each in maps:
            best = sorted(((-float(v), i) for i, v in enumerate(each.reshape(-1))))[:area]
            taken = {i for _, i in best}
            thing = {int(i) for i in np.flatnonzero(inside)}
            hits += len(taken & thing) >= 0.5 * len(thing)
        assert chance_to_cover(lent, area, inside, 0.5) == hits / 5


def test_equal_pixels_have_no_order_of_their_own() -> None:
    flat = np.zeros((20, 20), dtype=np.float32)
    flat[3, 3] = 1
    drawn = [ranks(flat, np.random.default_rng(seed)).reshape(20, 20) for seed in range(50)]
    assert all(each[3, 3] == 0 and sorted(each.reshape(-1)) == list(range(400)) for each in drawn)
    top = np.mean([each[:10].mean() for each in drawn])
    assert top == pytest.approx(200, abs=5)


def test_enlargement_is_bilinear() -> None:
    cells = np.random.default_rng(3).random((4, 4)) * 1e-30
    view = enlarged(cells, SIDE)
    expected = [[slow_value(cells, y, x) for x in range(SIDE)] for y in range(SIDE)]
    assert np.allclose(view, np.array(expected) / cells.max(), atol=1e-5)


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFolder]:
    yield marked_audit(tmp_path_factory.mktemp("marked"))


def test_without_names_it_says_what_is_needed(unnamed: RunFolder) -> None:
    with pytest.raises(AuditError, match=r"no object is named in the 60 images.*'box_names'"):
        plan_objects(unnamed, OPTIONS)


def test_without_right_predictions(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("wrong")
    run = scene_audit(folder, scenes(4), named=4, labels=[2, 2, 2, 2])
    with pytest.raises(AuditError, match=r"no rightly predicted image of .* has named objects"):
        plan_objects(run, OPTIONS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ObjectsOptions(share=0), "share: expected above 0 up to 1"),
        (ObjectsOptions(covered=1.1), "covered: expected above 0 up to 1"),
        (ObjectsOptions(share=math.nan), "share"),
        (ObjectsOptions(lenders=0), "lenders: expected 1 or more"),
        (ObjectsOptions(seed=-1), "seed: expected 0 or more"),
    ],
)
def test_options_out_of_range(run: RunFolder, options: ObjectsOptions, words: str) -> None:
    with pytest.raises(AuditError, match=words):
        plan_objects(run, options)


def test_pictures_are_of_the_surest_images(
    run: RunFolder, found: InformativeObjects, views: dict[int, dict[Pixel, float]]
) -> None:
    table = run.dataset("predictions").to_table().to_pandas().set_index("image_id")
    assert set(found.pictures) == {0, 1}
    for class_idx, pictures in found.pictures.items():
        images = right(run)[class_idx]
        order = sorted(images, key=lambda i: (-table.loc[i, "probability"], i))
        assert [picture.image_id for picture in pictures] == order[:4]
        for picture in pictures:
            region = slow_region(views[picture.image_id])
            drawn = {(int(y), int(x)) for y, x in zip(*np.nonzero(picture.region), strict=True)}
            assert len(drawn ^ region) <= 2
            names = sorted(thing.name for thing in SCENES[picture.image_id])
            assert [each.name for each in picture.objects] == names
            for each in picture.objects:
                thing = pixels_of(picture.image_id, each.name)
                assert int(each.inside.sum()) == len(thing)
                share = len(thing & region) / len(thing)
                assert each.share == pytest.approx(share, abs=2 / len(thing))
    assert not any(look(run, replace(OPTIONS, pictures=0)).pictures.values())
