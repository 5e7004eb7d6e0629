"""The documents name what the code knows."""

import re
import tomllib
from pathlib import Path

from tasks.check.check_metrics import CHECK_METRICS
from tasks.check.policy import Limit, Policy

DOCS = Path(__file__).parents[2] / "docs"


def test_the_policys_page_lists_every_key_and_metric_and_its_example_holds() -> None:
    text = (DOCS / "policy.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert rows == [*Limit.model_fields, *CHECK_METRICS]
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    policy = Policy.model_validate(tomllib.loads(example))
    assert [limit.metric for limit in policy.limit] == [
        "background_driven_share", "accuracy", "new_findings",
    ]  # fmt: skip
