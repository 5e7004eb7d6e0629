"""Units shared by confused classes, and units that rise in driven mistakes, by plain loops."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import AuditError
from tasks.mining import shared_units as module_under_test
from tasks.mining.driven_units import KEPT_UNITS, write_driven_units
from tasks.mining.shared_units import shared_units, write_shared_units
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table
from tests.tasks.made_peaks import make_peaks, write_made_run
from tests.tasks.tiny_audit import table


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4))
def test_shared_units_equal_a_loop(seed, pairs, kept):
    rng = np.random.default_rng(seed)
    cells = [(c, d, int(rng.integers(0, 4))) for c in range(4) for d in range(4)]
    confusions = pd.DataFrame(cells, columns=["label", "predicted", "images"])
    auroc = rng.integers(0, 8, (2, 4, 6)) / np.float32(8)
    rows = [("ab"[la], c, u, auroc[la, c, u]) for la, c, u in np.ndindex(2, 4, 6)]
    classes = pd.DataFrame(rows, columns=["target_layer", "class_idx", "unit", "auroc"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module_under_test, "MOST_PAIRS", pairs)
        patch.setattr(module_under_test, "KEPT_UNITS", kept)
        shuffled = classes.sample(frac=1, random_state=seed % 2**31)
        found = shared_units(confusions.sample(frac=1, random_state=1), shuffled)
    expected = []
    confused = sorted((-n, c, d) for c, d, n in cells if c != d and n > 0)[:pairs]
    for negative, c, d in confused:
        for la in range(2):
            both = [(-min(auroc[la, c, u], auroc[la, d, u]), u) for u in range(6)
                    if auroc[la, c, u] > 0.5 and auroc[la, d, u] > 0.5]  # fmt: skip
            for rank, (_, u) in enumerate(sorted(both)[:kept]):
                expected.append(("ab"[la], c, d, -negative, rank, u, *auroc[la, [c, d], u]))
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


def test_shared_units_need_the_tables_they_are_made_of(tmp_path):
    with pytest.raises(AuditError, match="'confusions' is missing"):
        write_shared_units(RunFolder(tmp_path))


def made(folder, seed, shards=3, driven=True):
    """A run of 60 made-up images, a third of them mistakes, and its verdicts."""
    peaks, rng = make_peaks(seed, 60, ties=False), np.random.default_rng(seed)
    peaks.label[:] = rng.integers(0, 3, 60)
    predicted = np.where(rng.random(60) < 0.4, rng.integers(0, 4, 60), peaks.label)
    correct = predicted == peaks.label
    verdict = rng.choice(["confirmed", "undetermined"], 60) if driven else ["undetermined"] * 60
    verdicts = pd.DataFrame(
        {"image_id": peaks.image_id.astype(np.int64), "label": peaks.label, "predicted": predicted,
         "correct": correct, "verdict": verdict}
    )  # fmt: skip
    run = write_made_run(folder, peaks, np.array_split(rng.permutation(60), shards), 3)
    write_table(run.table_file("verdicts"), pa.Table.from_pandas(verdicts, preserve_index=False))
    write_driven_units(run, shards)
    return peaks, verdicts, table(run, "driven_units")


@pytest.mark.parametrize("seed", range(4))
def test_driven_units_equal_a_loop(tmp_path, seed):
    peaks, verdicts, found = made(tmp_path, seed)
    values = peaks.activation.astype(float)
    spread = values.std(axis=0)
    wrong = verdicts[~verdicts["correct"] & (verdicts["verdict"] == "confirmed")]
    assert len(wrong) > 3
    expected = []
    for layer, units in (("deep", range(5)), ("early", range(5, 8))):
        for predicted in sorted(set(wrong["predicted"])):
            own = wrong[wrong["predicted"] == predicted]
            rises = []
            for u in units:
                usual = [values[(verdicts["correct"] & (verdicts["label"] == label)), u].mean()
                         for label in own["label"]]  # fmt: skip
                mean = values[own.index, u].mean()
                rises.append(((mean - np.mean(usual)) / spread[u], u, mean, np.mean(usual)))
            ordered = sorted(rises, key=lambda r: (-r[0], r[1]))[:KEPT_UNITS]
            for rank, (rise, u, mean, usual) in enumerate(r for r in ordered if r[0] > 0):
                row = (layer, predicted, rank, u - units[0], len(own), mean, usual, rise)
                expected.append(row)
    got = list(found.itertuples(index=False, name=None))
    assert [row[:5] for row in got] == [row[:5] for row in expected]
    np.testing.assert_allclose([r[5:] for r in got], [r[5:] for r in expected], rtol=1e-8)


def test_driven_units_do_not_depend_on_the_shards(tmp_path):
    one, many = (made(tmp_path / str(n), 9, shards=n)[2] for n in (1, 7))
    pd.testing.assert_frame_equal(one, many, check_exact=True)


def test_without_driven_mistakes_no_unit_rises(tmp_path):
    assert len(made(tmp_path, 2, driven=False)[2]) == 0
