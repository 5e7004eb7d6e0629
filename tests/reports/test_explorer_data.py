"""The explorer's data, read back by Arrow, against the tables that they were packed from."""

import math
from pathlib import Path
from urllib.parse import parse_qsl

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from reports.build import build_report
from reports.explorer import detail_files, map_files, thumbnails
from reports.explorer.features import NEIGHBOURS_SHOWN, UNITS_SHOWN, nearest, strongest
from reports.explorer.finding_links import finding_link
from reports.explorer.image_rows import ANSWERS, QUANTITIES
from reports.explorer.links import images_link
from reports.explorer.script_files import smallest_integers, write_script
from reports.map_cells import quantise
from tasks.tables.background_schemas import INTERVENTIONS, VERDICTS
from tasks.tables.schemas import ROLES
from tasks.tables.storage import RunFolder
from tests.reports.explorer_numbers import (
    contexts_of,
    explanations,
    read_script,
    tags_of,
    write_explored_run,
)
from tests.reports.small_run import (
    CLASSES,
    EMPTY,
    GRID,
    IMAGES,
    UNREADABLE,
    SmallRun,
    write_small_run,
)

MAPS_PER_FILE, DETAILS_PER_FILE = 16, 12


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """A run whose data take several files, and the folder of its report."""
    run = write_explored_run(tmp_path_factory.mktemp("explored"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_files, "IMAGES_PER_FILE", MAPS_PER_FILE)
        patch.setattr(detail_files, "IMAGES_PER_FILE", DETAILS_PER_FILE)
        return run, build_report(run.folder).parent


def rows_of(explored, table: str) -> list[dict]:
    return RunFolder(explored[0].folder).dataset(table).to_table().to_pylist()


def test_rows_are_those_of_the_tables(explored):
    run, report = explored
    facts, table = read_script(report / "explorer" / "rows.js")
    assert facts["classes"] == CLASSES
    stored = {row["image_id"]: row for row in rows_of(explored, "predictions")}
    verdicts = {row["image_id"]: row for row in rows_of(explored, "verdicts")}
    scores = {row["image_id"]: row for row in rows_of(explored, "background")}
    maps = {r["image_id"]: r for r in rows_of(explored, "heatmaps") if r["role"] == "predicted"}
    clusters, tags = explanations(run.rows["predictions"]), facts["tags"]
    assert [row["image_id"] for row in table.to_pylist()] == sorted(stored)
    for row in table.to_pylist():
        image_id = row["image_id"]
        own, verdict = stored[image_id], verdicts[image_id]
        for name in ("label", "predicted", "width", "height"):
            assert row[name] == own[name]
        assert ANSWERS[row["answer"]] == ("right" if own["correct"] else "mistake")
        assert facts_state(row) == maps[image_id]["state"]
        assert VERDICTS[row["verdict"]] == verdict["verdict"]
        assert row["tested"] == (verdict["stratum"] is not None)
        expected = own | scores[image_id] | {"object_energy": maps[image_id]["object_energy"]}
        for name in QUANTITIES:
            value = math.nan if expected[name] is None else expected[name]
            assert row[name] == pytest.approx(value, nan_ok=True, abs=0)
        own_tags = {
            name: values[row[f"tag_{place}"]]
            for place, (name, values) in enumerate(tags.items())
            if row[f"tag_{place}"] >= 0
        }
        assert own_tags == dict(tags_of(image_id) or [])
        kept = [k for k in facts["contexts"] if row[f"contexts_{k // 32}"] >> (k % 32) & 1]
        assert kept == contexts_of(image_id)
        if image_id == 7:
            assert row["explanation"] == -1
        else:
            class_idx, cluster, _ = facts["clusters"][row["explanation"]]
            assert (class_idx, cluster) == (own["predicted"], clusters[image_id])


def facts_state(row) -> str:
    return ("ok", "empty", "not_finite")[row["map"]]


def test_names_and_pictures(explored):
    run, report = explored
    _, table = read_script(report / "explorer" / "names.js")
    uris = [row["uri"] for row in run.rows["manifest"]]
    found = table.to_pylist()
    assert [row["folder"] + row["name"] for row in found] == uris
    for image_id, row in enumerate(found):
        assert (report / row["picture"]).stem == str(image_id)
        assert cv2.imread(str(report / row["picture"])).shape[0] in (112, 128)


def test_maps_are_within_half_a_step(explored):
    _, report = explored
    stored = {(row["image_id"], row["role"]): row for row in rows_of(explored, "heatmaps")}
    files = sorted((report / "explorer").glob("maps-*.js"), key=lambda f: int(f.stem[5:]))
    assert len(files) == math.ceil(IMAGES / MAPS_PER_FILE)
    rows = [row for file in files for row in read_script(file)[1].to_pylist()]
    assert len(rows) == IMAGES
    drawn = 0
    for image_id, row in enumerate(rows):
        for role in ROLES:
            own = stored.get((image_id, role))
            same = (
                role == "label" and own["class_idx"] == stored[image_id, "predicted"]["class_idx"]
            )
            if own is None or same:
                assert row[f"{role}_cells"] is None and math.isnan(row[f"{role}_scale"])
                continue
            assert row[f"{role}_class"] == own["class_idx"]
            if own["state"] != "ok":
                assert row[f"{role}_cells"] is None and row[f"{role}_scale"] == 0
                continue
            assert row[f"{role}_scale"] == np.float32(own["scale"])
            if role == "contrast":
                assert row["against"] == own["against_idx"]
            for byte, value in zip(row[f"{role}_cells"], own["heatmap"], strict=True):
                decoded = (byte - 128) / 127 if role == "contrast" else byte / 255
                expected = value if role == "contrast" else max(0.0, value)
                assert abs(decoded - expected) <= 0.5 / (127 if role == "contrast" else 255) + 1e-7
                drawn += 1
    assert drawn > 2 * IMAGES * GRID * GRID


@pytest.mark.parametrize("signed", [False, True])
def test_a_float16_is_quantised_to_its_nearest_byte(signed):
    values = np.arange(0, 2**16, 7, dtype=np.uint16).view(np.float16).astype(np.float32)
    values = values[np.isfinite(values) & (np.abs(values) <= 1)]
    found = quantise(values[None], signed)[0].astype(int)
    steps = (np.arange(1, 256) - 128) / 127 if signed else np.arange(256) / 255
    wanted = values.astype(np.float64) if signed else np.maximum(0, values.astype(np.float64))
    decoded = (found - 128) / 127 if signed else found / 255
    nearest_step = np.abs(wanted[:, None] - steps[None, :]).min(axis=1)
    np.testing.assert_allclose(np.abs(decoded - wanted), nearest_step, atol=1e-7)


def test_details(explored):
    _, report = explored
    files = sorted((report / "explorer").glob("details-*.js"), key=lambda f: int(f.stem[8:]))
    assert len(files) == math.ceil(IMAGES / DETAILS_PER_FILE)
    details = [row for file in files for row in read_script(file)[1].to_pylist()]
    verdicts = {row["image_id"]: row for row in rows_of(explored, "verdicts")}
    changes: dict[int, list] = {}
    for row in rows_of(explored, "evidence"):
        if row["intervention"] != "empty":
            changes.setdefault(row["image_id"], []).append(row)
    for image_id, (own, row) in enumerate(
        zip(rows_of(explored, "predictions"), details, strict=True)
    ):
        assert row["top_class"] == own["top_k_class"]
        first = own["top_k_logit"][0]
        for found, logit in zip(row["top_probability"], own["top_k_logit"], strict=True):
            assert found == pytest.approx(own["probability"] * math.exp(logit - first), rel=1e-3)
        assert row["trail"] == verdicts[image_id]["trail"]
        tried = sorted(
            changes.get(image_id, []),
            key=lambda change: (INTERVENTIONS.index(change["intervention"]), change["draw"]),
        )
        assert [INTERVENTIONS[kind] for kind in row["change_kind"]] == [
            change["intervention"] for change in tried
        ]
        assert row["change_donor"] == [change["donor_id"] for change in tried]
        assert row["change_predicted"] == [change["predicted"] for change in tried]
        margins = [change["logit_predicted"] - change["logit_against"] for change in tried]
        assert row["change_margin"] == pytest.approx(margins, abs=1e-5)
        for picture in row["change_picture"]:
            assert picture is None or (report / picture).exists()
        if row["strip"]:
            assert (report / row["strip"].partition("#")[0]).exists()
    assert sum(picture is not None for row in details for picture in row["change_picture"]) > 20


def test_units_and_neighbours_of_the_features(explored):
    _, report = explored
    files = sorted((report / "explorer").glob("details-*.js"), key=lambda f: int(f.stem[8:]))
    details = [row for file in files for row in read_script(file)[1].to_pylist()]
    features = {row["image_id"]: row for row in rows_of(explored, "features")}
    stats = [row for row in rows_of(explored, "unit_stats") if row["target_layer"] == "layer4"]
    predicted = {row["image_id"]: row["predicted"] for row in rows_of(explored, "predictions")}
    for image_id, row in enumerate(details):
        pooled = features[image_id]["pooled"]
        away = [
            (x - s["mean"]) / math.sqrt(s["variance"]) if math.isfinite(x) else 0.0
            for x, s in zip(pooled, stats, strict=True)
        ]
        best = sorted((u for u in range(len(away)) if away[u] > 0), key=lambda u: -away[u])
        assert row["strengths"] == pytest.approx([away[u] for u in best[:UNITS_SHOWN]], rel=2e-3)
        assert image_id not in row["neighbours"]
        assert {predicted[near] for near in row["neighbours"]} <= {predicted[image_id]}


def test_strongest_units_by_loops():
    rng = np.random.default_rng(3)
    pooled = rng.normal(size=(6, 9)).astype(np.float32)
    mean, deviation = rng.normal(size=(2, 9)).astype(np.float32)
    deviation = np.abs(deviation)
    deviation[4] = 0  # never varies, so nothing is strong about it
    units, strengths = strongest(pooled, mean, deviation)
    for row in range(6):
        found = sorted(
            (
                (float(pooled[row, k] - mean[k]) / float(deviation[k]), -k)
                for k in range(9)
                if k != 4
            ),
            reverse=True,
        )
        wanted = [(value, -k) for value, k in found if value > 0][:UNITS_SHOWN]
        assert units[row].tolist() == [k for _, k in wanted] + [-1] * (UNITS_SHOWN - len(wanted))
        np.testing.assert_allclose(
            strengths[row][: len(wanted)], [value for value, _ in wanted], rtol=1e-5
        )


def test_neighbours_by_loops():
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(30, 8)).astype(np.float32)
    vectors[[3, 11]] = 0
    groups = np.r_[np.zeros(20, int), np.full(8, 5), 7, 9]  # two groups of one
    near, similar = nearest(vectors, groups)
    for row in range(30):
        others = [
            (float(cosine(vectors[row], vectors[other])), other)
            for other in range(30)
            if other != row
            and groups[other] == groups[row]
            and vectors[[row, other]].any(axis=1).all()
        ]
        wanted = sorted(others, key=lambda pair: -pair[0])[:NEIGHBOURS_SHOWN]
        found = [int(place) for place in near[row] if place >= 0]
        assert found == [other for _, other in wanted]
        np.testing.assert_allclose(
            similar[row][: len(found)], [value for value, _ in wanted], atol=1e-5
        )


def cosine(a, b) -> float:
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(float(x) ** 2 for x in a) * sum(float(y) ** 2 for y in b))


@pytest.mark.parametrize(
    "values, kind",
    [([], pa.int8()), ([-128, 127], pa.int8()), ([-1, 128], pa.int16()), ([2**15], pa.int32()),
     ([2**31], pa.float64()), ([2**52 + 1], pa.float64())],
)  # fmt: skip
def test_whole_numbers_take_the_narrowest_type_that_holds_them(values, kind):
    found = smallest_integers(np.array(values, dtype=np.int64))
    assert found.type == kind and [int(value) for value in found.to_pylist()] == values


def test_a_script_holds_any_text(tmp_path):
    text = '</script>"\\ \u2028 図 \n'
    write_script(tmp_path, "any", pa.table({"text": [text, None]}), said=text)
    facts, table = read_script(tmp_path / "any.js")
    assert facts == {"said": text} and table["text"].to_pylist() == [text, None]


def test_a_script_refuses_what_json_cannot_say(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_script(tmp_path, "any", pa.table({}), number=math.nan)


def test_links_are_read_back_by_a_url_parser():
    link = images_link(
        "../", label=3, predicted=None, answer="mistake", tags={"a b&c": "x=y#z/%"},
        ranges={"score": (0.25, None), "margin": (-1.5, 2)},
    )  # fmt: skip
    page, _, query = link.partition("#")
    assert page == "../images.html"
    assert dict(parse_qsl(query, strict_parsing=True)) == {
        "label": "3", "answer": "mistake", "tag.a b&c": "x=y#z/%", "score": "0.25..",
        "margin": "-1.5..2",
    }  # fmt: skip
    assert images_link() == "images.html"


@pytest.mark.parametrize(
    "kind, label, predicted, subject, wanted",
    [
        ("pair", 1, 2, "b -> c", {"label": "1", "predicted": "2", "answer": "mistake"}),
        ("label", 1, -1, "mistakes on b", {"label": "1", "answer": "mistake"}),
        ("predicted", -1, 2, "mistakes into c", {"predicted": "2", "answer": "mistake"}),
        ("leaning", 1, 1, "correct predictions of b", {"label": "1", "answer": "right"}),
        ("slice", -1, -1, "site = a = b", {"answer": "mistake", "tag.site": "a = b"}),
        ("tag", -1, 2, "site = x -> y -> c",
         {"predicted": "2", "answer": "mistake", "tag.site": "x -> y"}),
        ("context", -1, 2, "context 12 -> c",
         {"predicted": "2", "answer": "mistake", "context": "12"}),
    ],
)  # fmt: skip
def test_findings_lead_to_their_images(kind, label, predicted, subject, wanted):
    row = {"kind": kind, "label": label, "predicted": predicted, "subject": subject}
    assert dict(parse_qsl(finding_link(row).partition("#")[2])) == wanted
    assert finding_link(row | {"kind": "of another day"}) == ""


def test_thumbnails_go_to_the_most_costly_mistakes(tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnails, "MOST_THUMBNAILS", 3)
    predictions = pd.DataFrame(
        {"image_id": range(6), "mistake": [False, True, True, False, True, False],
         "loss": [9.0, 1.0, 2.0, np.nan, 3.0, 8.0]}
    )  # fmt: skip
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "4.jpg").write_bytes(b"")  # another page shows it
    assert thumbnails._choose(predictions, tmp_path)["image_id"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("labelled", [False, True])
def test_a_run_that_has_little_else(tmp_path, labelled):
    """No background, no clusters, no units, no features; an image that is gone."""
    run: SmallRun = write_small_run(tmp_path, labelled=labelled, mistakes=False)
    Path(run.rows["manifest"][UNREADABLE]["uri"]).unlink()
    report = build_report(run.folder).parent
    facts, table = read_script(report / "explorer" / "rows.js")
    assert table.num_rows == IMAGES and "verdict" not in table.column_names
    assert ("loss" in table.column_names) == labelled
    assert facts["tags"] == {} and facts["contexts"] == [] and facts["clusters"] == []
    assert facts["units"] is False
    _, names = read_script(report / "explorer" / "names.js")
    assert [i for i, row in enumerate(names.to_pylist()) if not row["picture"]] == [UNREADABLE]
    _, details = read_script(report / "explorer" / "details-0.js")
    assert details["neighbours"].to_pylist() == [[]] * IMAGES
    states = [facts_state(row) for row in table.to_pylist()]
    assert [i for i, state in enumerate(states) if state == "empty"] == [EMPTY]
