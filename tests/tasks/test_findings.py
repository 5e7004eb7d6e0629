"""Which statements are made, which are confirmed, in what order and in what words."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from tasks.errors import AuditError
from tasks.findings.background_stats import background_stats
from tasks.findings.findings import MOST_UNCONFIRMED, find
from tasks.findings.sentences import percent
from tasks.findings.stage import write_findings
from tasks.tables.background_schemas import (
    BACKGROUND_STATS,
    CONTEXT_CLUSTERS,
    CONTEXT_RISKS,
    FINDINGS,
    VERDICT_TABLE,
)
from tasks.tables.schemas import MANIFEST
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_json, write_table
from tests.tasks.findings_verdicts import driven, frame, verdict

CLASSES = ["landbird", "waterbird", "mug"]


def shortcut_audit() -> list[dict[str, Any]]:
    """landbird -> waterbird follows the background (20 of 24 mistakes, all tested), waterbird ->
    mug does not (10, all tested); 60 waterbirds are right, of 12 tested 6 lean."""
    rows = [driven(i, 0, 1, 1.0, reliance=0.5 + i / 100) for i in range(20)]
    rows += [verdict(i, 0, 1, 1.0) for i in range(20, 24)]
    rows += [verdict(i, 1, 2, 1.0, gap=0.1 * (-1) ** i) for i in range(24, 34)]
    rows += [driven(i, 1, 1, 0.2, reliance=0.7) for i in range(34, 40)]
    rows += [verdict(i, 1, 1, 0.2) for i in range(40, 46)]
    rows += [verdict(i, 1, 1) for i in range(46, 94)]
    rows += [verdict(i, 0, 0) for i in range(94, 100)]
    return rows


def found_in(rows: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    verdicts = frame(rows)
    tags = changes.get("tags")
    table = find(background_stats(verdicts, tags), verdicts, CLASSES, **changes)
    assert table.schema == FINDINGS
    assert table["rank"].to_pylist() == list(range(table.num_rows))
    return table.to_pylist()


def wilson_words(hits: int, images: int) -> str:
    interval = scipy_stats.binomtest(hits, images).proportion_ci(method="wilson")
    return f"[{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def test_a_shortcut_is_found_and_told() -> None:
    pair, leaning = (row for row in found_in(shortcut_audit()) if row["confirmed"])
    assert (pair["kind"], pair["label"], pair["predicted"]) == ("pair", 0, 1)
    assert pair["subject"] == "landbird -> waterbird"
    assert pair["text"] == (
        f"83 % {wilson_words(20, 24)} of the 24 mistakes landbird -> waterbird follow the "
        "background; on backgrounds of landbird, 20 of the 24 tested turn right."
    )
    assert pair["effect"] == pytest.approx(20 / 24)
    assert (pair["images"], pair["tested"]) == (24, 24)
    assert pair["exemplars"] == [19, 18, 17, 16, 15, 14, 13, 12]
    assert (leaning["kind"], leaning["label"], leaning["predicted"]) == ("leaning", 1, 1)
    assert leaning["effect"] == pytest.approx(0.5)
    assert leaning["text"].startswith("About 50 % [")
    assert leaning["text"].endswith(
        "] of the 60 correct predictions of waterbird lean on the background (12 tested): right, "
        "for the wrong reason."
    )
    assert leaning["exemplars"] == [34, 35, 36, 37, 38, 39]
    assert leaning["p_value"] == 1 / 2**6  # 6 equal gaps, 6 of 0


def test_q_values_are_over_all_that_was_tested() -> None:
    """Tested: two pairs, leaning waterbirds; the classes are told by their pairs, and of landbird
    no correct one was tested."""
    rows = found_in(shortcut_audit())
    bound = 3.178655565886999 * scipy_stats.norm.sf(np.sqrt(20))  # 20 equal gaps, 4 of 0
    balanced = scipy_stats.binom.sf(4, 10, 0.5)  # 10 equal gaps, 5 of them above 0
    expected = scipy_stats.false_discovery_control([1 / 2**6, bound, balanced])
    by_kind = {row["kind"]: row for row in rows}
    assert by_kind["leaning"]["q_value"] == pytest.approx(expected[0])
    assert by_kind["pair"]["q_value"] == pytest.approx(expected[1])
    assert len(rows) == 2  # waterbird -> mug has none that follow: nothing to tell


def test_a_class_of_several_pairs_comes_after_its_main_pair() -> None:
    rows = [*shortcut_audit(), driven(200, 0, 2, 1.0), verdict(201, 0, 2, 1.0)]
    confirmed = [row for row in found_in(rows) if row["confirmed"]]
    assert [row["subject"] for row in confirmed] == [
        "landbird -> waterbird", "correct predictions of waterbird", "mistakes on landbird",
    ]  # fmt: skip
    assert confirmed[2]["text"] == (
        f"81 % {wilson_words(21, 26)} of the 26 mistakes on images of landbird follow the "
        "background; on backgrounds of landbird, 21 of the 26 tested turn right."
    )
    assert confirmed[2]["effect"] * 26 > confirmed[0]["effect"] * 24  # more images, yet an echo


def test_a_class_whose_mistakes_are_of_many_pairs_comes_first() -> None:
    """Into mug: 8 from each of the others."""
    rows = [driven(i, i % 2, 2, 1.0) for i in range(16)]
    kinds = [(row["kind"], row["label"], row["confirmed"]) for row in found_in(rows)]
    assert kinds == [("predicted", -1, True), ("pair", 0, True), ("pair", 1, True)]
    assert found_in(rows)[0]["text"] == (
        f"100 % {wilson_words(16, 16)} of the 16 images taken for mug by mistake follow the "
        "background; on backgrounds of their own class, 16 of the 16 tested turn right."
    )


@pytest.mark.parametrize(
    ("hits", "images", "gap", "confirmed"),
    [
        (12, 60, 0.8, True),
        (8, 60, 0.8, False),  # share under 0.15
        (30, 60, 0.15, False),  # mean gap under 0.1
        (3, 3, 0.9, None),  # too few to test
        (4, 4, 0.9, True),  # 1 / 16
    ],
)
def test_significance_alone_or_effect_alone_is_not_enough(
    hits: int, images: int, gap: float, confirmed: bool | None
) -> None:
    rows = [driven(i, 0, 1, 1.0, gap=gap) for i in range(hits)]
    rows += [verdict(i, 0, 1, 1.0) for i in range(hits, images)]
    found = found_in(rows)
    if confirmed is None:
        assert found == []
    else:
        assert [row["confirmed"] for row in found] == [confirmed]


def test_chance_gaps_confirm_nothing() -> None:
    """A model that ignores backgrounds: either sign; a verdict follows a large gap."""
    rng = np.random.default_rng(5)
    for _ in range(5):
        gaps = rng.normal(0, 0.3, 400).clip(-1, 1)
        rows = [
            (driven if gap > 0.4 else verdict)(i, i % 3, (i + 1 + i // 7 % 2) % 3, 1.0, gap=gap)
            for i, gap in enumerate(gaps)
        ]
        assert not any(row["confirmed"] for row in found_in(rows))


def test_a_clean_model_is_seldom_blamed() -> None:
    """Large doubts of either sign in mistakes, by the design of an audit: in at most a tenth of
    audits one statement is confirmed, but for the chance of 40 audits."""
    rng = np.random.default_rng(6)
    blamed = 0
    for _ in range(40):
        rows, images = [], 400
        gaps, score = rng.normal(0, 0.25, images).clip(-1, 1), rng.random(images)
        for i, gap in enumerate(gaps):
            inclusion = 1.0 if score[i] > 0.8 else 0.25 if i % 4 == 0 else None
            make = driven if gap > 0.15 and inclusion else verdict
            given = {"gap": gap} if inclusion else {}
            rows.append(make(i, i % 3, (i + 1 + i // 7 % 2) % 3, inclusion, **given))
        blamed += any(row["confirmed"] for row in found_in(rows))
    assert blamed <= scipy_stats.binom.ppf(0.99, 40, 0.1)


def test_the_unconfirmed_are_few() -> None:
    rows = [
        driven(10 * pair + i, pair, pair + 1, 1.0, gap=0.8 if i == 0 else -0.2)
        if i == 0
        else verdict(10 * pair + i, pair, pair + 1, 1.0, gap=-0.3)
        for pair in range(30)
        for i in range(6)
    ]
    verdicts = frame(rows)
    names = [str(i) for i in range(31)]
    table = find(background_stats(verdicts, None), verdicts, names)
    assert table.num_rows == MOST_UNCONFIRMED
    assert not any(table["confirmed"].to_pylist())
    assert table["label"].to_pylist() == list(range(MOST_UNCONFIRMED))  # ties by class


def test_the_worst_slice_of_each_tag_is_named() -> None:
    """Camera 3: 40 wrong of 100; cameras 1 and 2: 10 of 100 each. Site: nothing."""
    wrong = [i % 100 < (40 if i >= 200 else 10) for i in range(300)]
    rows = [verdict(i, 0, int(bad)) for i, bad in enumerate(wrong)]
    tags = pd.DataFrame(
        {
            "image_id": range(300),
            "camera": [str(1 + i // 100) for i in range(300)],
            "site": ["north" if i % 2 else "south" for i in range(300)],
        }
    )
    found = [row for row in found_in(rows, tags=tags) if row["kind"] == "slice"]
    assert [(row["subject"], row["confirmed"]) for row in found] == [("camera = 3", True)]
    table = [[40, 60], [20, 180]]
    others = [[10, 90], [50, 150]]
    half = [[30, 120], [30, 120]]
    p = [scipy_stats.fisher_exact(t, "greater").pvalue for t in (table, others, others, half, half)]
    assert found[0]["p_value"] == pytest.approx(p[0])
    assert found[0]["q_value"] == pytest.approx(scipy_stats.false_discovery_control(p)[0])
    assert found[0]["text"] == (
        f"The worst slice of camera is 3: 40 % {wilson_words(40, 100)} of its 100 images are "
        "mistaken (accuracy 60 %), against 10 % of the 200 other images."
    )
    assert (found[0]["effect"], found[0]["images"]) == (0.4, 100)
    assert found[0]["exemplars"] == list(range(200, 208))


def test_a_small_unlucky_slice_is_not_the_worst() -> None:
    rows = [verdict(i, 0, int(i < 3 or 5 <= i < 115)) for i in range(305)]
    value = ["small"] * 5 + ["large"] * 200 + ["rest"] * 100
    tags = pd.DataFrame({"image_id": range(305), "site": value})
    found = [row for row in found_in(rows, tags=tags) if row["kind"] == "slice"]
    assert [row["subject"] for row in found] == ["site = large"]


def test_a_slice_whose_mistakes_follow_the_background() -> None:
    rows = [driven(i, 0, 1, 1.0, gap=0.3) for i in range(15)]
    rows += [verdict(i, 0, 1, 1.0, gap=-0.3) for i in range(15, 60)]
    rows += [verdict(i, 0, 1) for i in range(60, 80)]
    site = ["forest"] * 20 + ["lake"] * 60
    tags = pd.DataFrame({"image_id": range(80), "site": site})
    slices = [row for row in found_in(rows, tags=tags) if row["kind"] == "slice"]
    assert [(row["subject"], row["confirmed"]) for row in slices] == [("site = forest", True)]
    forest = slices[0]
    table = [[15, 5], [0, 40]]
    assert forest["p_value"] == pytest.approx(scipy_stats.fisher_exact(table, "greater").pvalue)
    assert forest["text"].startswith(
        f"Where site = forest, 75 % {wilson_words(15, 20)} of the 20 mistakes follow the "
        "background, against about 0 % [0, "
    )
    assert forest["text"].endswith("] of the 60 other mistakes.")


RISK = {
    "cluster": 7, "class_idx": 2, "present": 100, "absent": 200, "predicted_present": 31,
    "predicted_absent": 8, "risk_difference": 0.27, "low": 0.18, "high": 0.36,
    "discovery_difference": 0.3, "p_value": 1e-6, "q_value": 1e-5,
}  # fmt: skip


def test_contexts_are_told_with_their_pictures() -> None:
    weak = RISK | {"cluster": 8, "risk_difference": 0.02, "p_value": 0.001}
    risks = pa.Table.from_pylist([weak, RISK], CONTEXT_RISKS).to_pandas()
    cluster = dict.fromkeys(CONTEXT_CLUSTERS.names)
    shown = [5, 3, 5, *range(10, 20)]
    clusters = pa.Table.from_pylist(
        [cluster | {"cluster": 7, "exemplars": shown}], CONTEXT_CLUSTERS
    ).to_pandas()
    found = found_in([verdict(0, 0, 0)], context_risks=risks, context_clusters=clusters)
    assert [(row["subject"], row["confirmed"]) for row in found] == [
        ("context 7 -> mug", True), ("context 8 -> mug", False),
    ]  # fmt: skip
    assert found[0]["text"] == (
        "Context 7 raises the rate of mug from 4 % to 31 % of the images of other classes (31 of "
        "100 with it, 8 of 200 without): 27 [18, 36] points, on images that did not serve to "
        "find it."
    )
    assert found[0]["exemplars"] == [5, 3, 10, 11, 12, 13, 14, 15]
    assert found[1]["exemplars"] == []
    assert found[0]["q_value"] == pytest.approx(2e-6)
    bare = found_in([verdict(0, 0, 0)], context_risks=risks)
    assert [row["text"] for row in bare] == [row["text"] for row in found]


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(100)))
def test_the_order_of_verdicts_does_not_matter(order: list[int]) -> None:
    verdicts = frame(shortcut_audit())
    tags = pd.DataFrame({"image_id": range(100), "site": [str(i % 3) for i in range(100)]})
    stats = background_stats(verdicts, tags)
    expected = find(stats, verdicts, CLASSES, tags=tags)
    assert find(stats, verdicts.iloc[order], CLASSES, tags=tags.iloc[order]).equals(expected)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [verdict(0, 0, 0)],
        [verdict(0, 0, 1, 1.0)],
        [verdict(i, 1, 1, 0.5) for i in range(9)],
        [verdict(i, 0, i % 3) for i in range(30)],
    ],
    ids=["none", "one image", "one mistake", "no mistakes", "nothing tested"],
)
def test_little_is_no_finding(rows: list[dict[str, Any]]) -> None:
    assert found_in(rows) == []


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0"), (0.0001, "under 0.1"), (0.004, "0.4"), (0.0099, "1"), (0.618, "62"), (0.996, "99.6"),
     (0.99999, "over 99.9"), (1, "100")],
)  # fmt: skip
def test_shares_near_0_and_1_are_not_rounded_to_them(share: float, words: str) -> None:
    assert percent(share) == words


def test_a_class_without_a_name_is_an_error() -> None:
    verdicts = frame(shortcut_audit())
    stats = background_stats(verdicts, None)
    with pytest.raises(AuditError, match=r"class 2 has no name: expected indices from 0 to 1"):
        find(stats, verdicts, CLASSES[:2])
    risks = pa.Table.from_pylist([RISK | {"class_idx": 9}], CONTEXT_RISKS).to_pandas()
    with pytest.raises(AuditError, match="class 9 has no name"):
        find(stats, verdicts, CLASSES, risks)


def write_run(folder: Path, rows: list[dict[str, Any]]) -> RunFolder:
    run = RunFolder(folder)
    write_json(run.audit_file, {"classes": CLASSES})
    write_table(run.table_file("verdicts"), pa.Table.from_pylist(rows, VERDICT_TABLE))
    blank = dict.fromkeys(MANIFEST.names)
    for shard in range(2):
        images = [
            blank | {"image_id": i, "tags": [("site", str(i % 3)), ("image_id", "x")]}
            for i in range(50 * shard, 50 * shard + 50)
        ]
        images[7]["tags"] = None
        write_table(run.table_file("manifest", shard), pa.Table.from_pylist(images, MANIFEST))
    return run


def test_stage_writes_both_tables(tmp_path: Path) -> None:
    run = write_run(tmp_path, shortcut_audit())
    write_table(run.table_file("context_risks"), pa.Table.from_pylist([RISK], CONTEXT_RISKS))
    write_findings(run)
    verdicts = frame(shortcut_audit())
    site = [None if i % 50 == 7 else str(i % 3) for i in range(100)]
    tags = pd.DataFrame({"image_id": range(100), "site": site})
    stats = background_stats(verdicts, tags)
    assert pq.read_table(run.table_file("background_stats")).equals(stats)
    assert sum(group == "slice" for group in stats["group"].to_pylist()) == 3
    found = pq.read_table(run.table_file("findings"))
    risks = pa.Table.from_pylist([RISK], CONTEXT_RISKS).to_pandas()
    assert found.equals(find(stats, verdicts, CLASSES, risks, tags=tags))
    assert set(found["kind"].to_pylist()) >= {"pair", "leaning", "context"}


def test_stage_without_labels_writes_empty_tables(tmp_path: Path) -> None:
    run = write_run(tmp_path, [])
    write_findings(run)
    assert pq.read_table(run.table_file("background_stats")).equals(BACKGROUND_STATS.empty_table())
    assert pq.read_table(run.table_file("findings")).equals(FINDINGS.empty_table())


def test_stage_without_verdicts_is_an_error(tmp_path: Path) -> None:
    run = write_run(tmp_path, [])
    run.table_file("verdicts").unlink()
    with pytest.raises(AuditError, match="table 'verdicts' is missing"):
        write_findings(run)
    with pytest.raises(AuditError, match="is not the folder of an audit"):
        run = write_run(tmp_path, [])
        run.audit_file.unlink()
        write_findings(run)
