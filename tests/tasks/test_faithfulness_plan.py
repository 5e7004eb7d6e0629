"""What may be measured, the sample, and what becomes of it when the audit goes on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cam_kernels.methods.registry import METHODS
from tasks.errors import AuditError
from tasks.faithfulness.plan import Options, plan_faithfulness
from tasks.index.plan import plan_audit, write_plan
from tasks.statistics.sampling import stratified_sample
from tasks.tables.completion import is_complete
from tasks.tables.schemas import SCHEMA_VERSION
from tasks.tables.storage import RunFolder
from tasks.tables.table_names import ADDED_TABLES
from tests.tasks.measured_audit import facts, finish, finished_audit, measure, write_manifest
from tests.tasks.tiny_audit import SIDE, configure, run_audit, table

QUICK = Options(methods=("gradcam",), measures=("average_drop",))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Nothing is measured on it."""
    return finished_audit(tmp_path_factory.mktemp("audit"), 6)


def test_defaults_are_what_is_cheap_and_what_the_audit_used(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 4, method="fullgrad,gradcam")
    plan = plan_faithfulness(run, Options())
    cheap = {name for name, method in METHODS.items() if method.forwards == ""}
    cheap -= {"gradcam++-official", "gradcam++-epsilon"}
    assert set(plan.methods) == {"fullgrad", *cheap} and plan.methods[0] == "fullgrad"
    assert plan.reference == "fullgrad"
    assert len(plan.rows) == plan.audited == 4  # a sample larger than the dataset
    assert plan.effort.forwards == 4 * (16 + 1) + 18 + 1
    named = plan_faithfulness(run, Options(("layercam", "scorecam"), ("road", "average_gain")))
    assert (named.methods, named.reference) == (("layercam", "scorecam"), "layercam")
    assert named.effort.forwards == 18 + 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"methods": ("gradcamm",)}, ["method 'gradcamm' is unknown", "closest: 'gradcam'"]),
        ({"methods": ()}, ["methods: expected at least one"]),
        ({"methods": ("cam", "cam")}, ["each once", "cam, cam"]),
        ({"measures": ("deletion",)}, ["measure 'deletion' is unknown", "deletion_blur"]),
        ({"measures": ("road", "road")}, ["measures", "each once"]),
        ({"images": 0}, ["images: expected at least 1, got 0"]),
        ({"steps": 0}, ["steps: expected 1 to 1024", "got 0"]),
        ({"steps": SIDE * SIDE + 1}, ["steps: expected 1 to 1024", "got 1025"]),
        ({"seed": -1}, ["seed: expected 0 or more, got -1"]),
    ],
)
def test_wrong_options(run: RunFolder, change: dict[str, object], words: list[str]) -> None:
    with pytest.raises(AuditError) as error:
        plan_faithfulness(run, replace(Options(), **change))
    assert all(word in str(error.value) for word in words), error.value


def test_without_objects_and_labels(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, 5, boxes=False, labels=False)
    run = finish(configure(tmp_path, file))
    plan = plan_faithfulness(run, replace(Options(), images=3))
    assert not {"object_energy", "pointing_hit"} & set(plan.effort.measures)
    assert len(plan.effort.measures) == 8 and len(plan.rows) == 3
    with pytest.raises(AuditError, match="'pointing_hit' needs the object"):
        plan_faithfulness(run, Options(measures=("road", "pointing_hit")))
    measure(run, QUICK)
    assert set(table(run, "faithfulness")["image_id"]) == set(range(5))


def test_only_a_finished_audit_is_measured(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="not the folder of an audit"):
        plan_faithfulness(RunFolder(tmp_path), Options())
    run = run_audit(configure(tmp_path, write_manifest(tmp_path, 3)))  # without its mark
    with pytest.raises(AuditError, match=r"has not finished.*camaudit run"):
        plan_faithfulness(run, Options())


def test_another_version_is_refused(tmp_path: Path) -> None:
    run = finished_audit(tmp_path, 3)
    text = run.audit_file.read_text()
    run.audit_file.write_text(
        text.replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 0')
    )
    with pytest.raises(AuditError, match=f"expected schema {SCHEMA_VERSION}, got 0"):
        plan_faithfulness(run, Options())


def test_failed_images_are_not_drawn(tmp_path: Path) -> None:
    file = write_manifest(tmp_path, 5)
    (tmp_path / "3.png").write_bytes(b"no image")
    plan = plan_faithfulness(finish(configure(tmp_path, file)), Options())
    assert [row["image_id"] for row in plan.rows] == [0, 1, 2, 4] and plan.audited == 4


def test_a_sample_gives_every_label_its_share() -> None:
    labels = np.repeat([-1, 0, 1, 2], [10, 60, 27, 3])
    ids = np.random.default_rng(0).permutation(1000)[: len(labels)]
    label_of = dict(zip(ids.tolist(), labels.tolist(), strict=True))
    drawn = np.zeros(1000)
    for seed in range(400):
        chosen = stratified_sample(ids, labels, 30, seed)
        assert len(set(chosen.tolist())) == 30 and chosen.tolist() == sorted(chosen)
        for label, exact in ((-1, 3.0), (0, 18.0), (1, 8.1), (2, 0.9)):
            got = sum(label_of[i] == label for i in chosen.tolist())
            assert exact - 1 < got < exact + 1
        drawn[chosen] += 1
    # Each image has the probability 0.3: 400 draws have a standard deviation of 0.023.
    assert np.abs(drawn[ids] / 400 - 0.3).max() < 4.5 * 0.023


def test_a_sample_depends_on_ids_labels_and_seed_alone() -> None:
    ids, labels = np.arange(50), np.arange(50) % 4
    order = np.random.default_rng(1).permutation(50)
    first = stratified_sample(ids, labels, 20, 5)
    assert first.tolist() == stratified_sample(ids[order], labels[order], 20, 5).tolist()
    assert first.tolist() != stratified_sample(ids, labels, 20, 6).tolist()
    assert stratified_sample(ids, labels, 80, 5).tolist() == list(range(50))


def test_it_stays_while_the_audit_is_the_same(tmp_path: Path) -> None:
    config = configure(tmp_path, write_manifest(tmp_path, 4), shard_size=2)
    run = finish(config)
    measure(run, QUICK)
    run.report_file.parent.mkdir()
    run.report_file.touch()
    plan = plan_audit(config)
    assert is_complete(run, plan.shards, config.second_pass)
    assert not is_complete(run, plan.shards, config.second_pass + 1)
    file = run.table_file("units")
    file.write_bytes(file.read_bytes()[:-100])
    assert not is_complete(run, plan.shards, config.second_pass), "a cut table is made again"
    run.report_file.unlink()
    write_plan(plan)  # the audit goes on, to draw its report again
    assert facts(run)["images"] == 4 and len(table(run, "faithfulness")) == 4 * 4


def test_it_goes_when_images_change(tmp_path: Path) -> None:
    run = finish(configure(tmp_path, write_manifest(tmp_path, 4)))
    measure(run, QUICK)
    write_plan(plan_audit(configure(tmp_path, write_manifest(tmp_path, 5))))
    assert not run.added_file("faithfulness").exists()
    assert not [name for name in ADDED_TABLES["faithfulness"] if run.table_file(name).exists()]


def test_an_audit_that_is_refused_leaves_it(tmp_path: Path) -> None:
    config = configure(tmp_path, write_manifest(tmp_path, 3))
    run = finish(config)
    measure(run, QUICK)
    with pytest.raises(AuditError, match="another configuration"):
        write_plan(plan_audit(config.model_copy(update={"method": "layercam"})))
    assert run.added_file("faithfulness").exists()
