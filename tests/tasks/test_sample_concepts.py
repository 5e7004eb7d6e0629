"""On the embedded sample: the concept of a background lies on the background."""

from pathlib import Path

import pytest

from tasks.concepts.plan import ConceptOptions, plan_concept
from tasks.concepts.stage import draw_concept, learn_concept
from tasks.explain.audited_model import AuditedModel
from tasks.tables.storage import RunFolder
from tests.tasks.measured_audit import sample_audit

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return sample_audit(tmp_path_factory.mktemp("sample"))


@pytest.mark.parametrize("background", ["planks", "water"])
def test_a_planted_background_lies_off_the_object(run: RunFolder, background: str) -> None:
    plan = plan_concept(run, ConceptOptions(f"background={background}"))
    model = AuditedModel(plan.facts, "cpu")
    found = draw_concept(plan, learn_concept(plan), model, lambda _n: None)
    assert found.precision.low > 0.9 > 2 * found.base_rate
    assert found.objects is not None
    # Energy off the object above its share of the area: the interval of the difference is below 0.
    assert found.objects.difference.high < 0
    energies = [
        each.object_energy for each in found.maps.values()
        if each.positive and each.object_energy == each.object_energy
    ]  # fmt: skip
    assert len(energies) >= found.objects.energy.images >= 20
    assert found.objects.energy.value == pytest.approx(sum(energies) / len(energies), abs=0.05)
