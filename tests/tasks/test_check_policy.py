"""Policies: what is refused before anything is read."""

from pathlib import Path

import pytest

from tasks.check.check_metrics import CHECK_METRICS
from tasks.check.policy import Policy, load_policy
from tasks.diff.metrics import METRICS
from tasks.errors import AuditError


def write(folder: Path, text: str) -> Path:
    file = folder / "policy.toml"
    file.write_text(text)
    return file


def limit(**values: object) -> str:
    lines = [f"{key} = {str(v).lower() if isinstance(v, bool) else repr(v)}"
             for key, v in values.items()]  # fmt: skip
    return "\n".join(["[[limit]]", *lines, ""])


def load(folder: Path, *limits: str) -> Policy:
    return load_policy(write(folder, "\n".join(limits)))


def test_a_policy_is_read(tmp_path: Path):
    policy = load(
        tmp_path, 'on_missing = "fail"',
        limit(metric="background_driven_share", of="class", bound="low", at_most=0.2),
        limit(metric="accuracy", of="class", against=True, drop_at_most=0.02, on_missing="skip"),
    )  # fmt: skip
    first, second = policy.limit
    assert (first.side, first.limit, first.words) == ("at_most", 0.2, "low bound at most 0.2")
    assert second.words == "drop at most 0.02"
    assert [policy.missing_of(each) for each in policy.limit] == ["fail", "skip"]
    assert policy.needs_against and not load(tmp_path, limit(metric="failures", at_most=0)
                                             ).needs_against  # fmt: skip


def test_a_metric_alone_is_of_its_first_subject(tmp_path: Path):
    (only,) = load(tmp_path, limit(metric="dead_units", at_most=3)).limit
    assert only.subjects == "layer"


def test_an_unknown_metric_is_told_with_those_that_are_known(tmp_path: Path):
    with pytest.raises(AuditError) as error:
        load(tmp_path, limit(metric="acuracy", at_most=0.1))
    assert "'acuracy' is unknown" in str(error.value)
    for name in (*METRICS, *CHECK_METRICS):
        assert name in str(error.value)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"metric": "accuracy"}, "expected one of at_most, at_least"),
        ({"metric": "accuracy", "at_most": 0.5, "at_least": 0.1}, "expected one of at_most"),
        ({"metric": "accuracy", "drop_at_most": 0.1}, "need against = true"),
        ({"metric": "accuracy", "at_least": 0.1, "against": True}, "do not take it"),
        ({"metric": "accuracy", "of": "layer", "at_least": 0.1}, "not known of 'layer'"),
        ({"metric": "accuracy", "of": "planet", "at_least": 0.1}, "'all', 'class'"),
        ({"metric": "accuracy", "at_least": 80}, r"share in \[0, 1\]"),
        ({"metric": "failures", "at_most": 0, "bound": "low"}, "has no interval"),
        ({"metric": "new_findings", "rise_at_most": 0, "against": True}, "compares two audits"),
        ({"metric": "worst_slice_accuracy", "drop_at_most": 0, "against": True}, "alone"),
        ({"metric": "accuracy", "at_least": 0.5, "told_apart": True}, "is about a change"),
        ({"metric": "accuracy", "at_least": 0.5, "floor": 3}, "floor: unknown key. Known keys: m"),
        ({"metric": "accuracy", "at_least": 0.5, "least_images": 0}, "greater than or equal to 1"),
        ({"metric": "accuracy", "drop_at_most": -0.1, "against": True}, "greater than or equal"),
        ({"at_most": 1}, "1.metric: missing"),
        ({"metric": "accuracy", "at_least": True}, "1.at_least: .* valid number; got True"),
        ({"metric": "accuracy", "at_least": "0.5"}, "1.at_least: .* valid number; got '0.5'"),
        ({"metric": "accuracy", "drop_at_most": 0.1, "against": "yes"}, "boolean; got 'yes'"),
        ({"metric": "accuracy", "at_least": 0.5, "only": "cat"}, r'as in \["cat", "dog"\]; got'),
        ({"metric": "accuracy", "at_least": 0.5, "only": []}, "1.only: .* at least 1 item"),
    ],
)
def test_limits_that_do_not_fit_together(tmp_path: Path, values: dict[str, object], message: str):
    with pytest.raises(AuditError, match=message):
        load(tmp_path, limit(**values))


def test_files_that_are_no_policy(tmp_path: Path):
    with pytest.raises(AuditError, match="cannot be read as TOML"):
        load(tmp_path, "limit = [")
    with pytest.raises(AuditError, match="cannot be read as TOML"):
        load_policy(tmp_path / "none.toml")
    with pytest.raises(AuditError, match="limit: missing"):
        load(tmp_path, "")
    with pytest.raises(AuditError, match=r"limits: unknown key. Known keys: limit, on_missing"):
        load(tmp_path, limit(metric="failures", at_most=0), "[[limits]]")
    for text in ("limit = []", "limit = 'x'", "[limit]\nmetric = 'accuracy'\nat_least = 0.5"):
        with pytest.raises(AuditError, match="limit: no list of limits") as error:
            load(tmp_path, text)
        assert '    [[limit]]\n    metric = "accuracy"' in str(error.value)


def test_a_limit_that_does_not_hold_has_one_line(tmp_path: Path):
    with pytest.raises(AuditError) as error:
        load(tmp_path, limit(metric="accuracy", at_least=80), limit(metric="failures", at_most=0))
    file, said = tmp_path / "policy.toml", "accuracy is a share in [0, 1], got the limit 80"
    assert str(error.value) == f"The policy {file} does not hold:\n  limit.1: {said}"
