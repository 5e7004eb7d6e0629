"""What a policy can limit."""

from dataclasses import dataclass

from tasks.diff.metrics import METRICS


@dataclass(frozen=True)
class CheckMetric:
    """of : the kinds of subject that it can be limited of; the first where a limit says none
    needs_against : it is about two audits
    counted : a number of things, with no interval and no smallest sample
    share : lies in [0, 1]
    """

    name: str
    of: tuple[str, ...]
    needs_against: bool
    counted: bool
    share: bool
    meaning: str


def _counted(name: str, meaning: str, of: str = "all", against: bool = False) -> CheckMetric:
    return CheckMetric(name, (of,), against, True, False, meaning)


CHECK_METRICS: dict[str, CheckMetric] = {
    metric.name: metric
    for metric in (
        *(CheckMetric(m.name, m.groups, False, False, True, m.meaning) for m in METRICS.values()),
        CheckMetric("worst_slice_accuracy", ("all",), False, False, True,
                    "accuracy of the slice where it is lowest"),
        CheckMetric("unread_share", ("all",), False, False, True,
                    "images that could not be audited"),
        CheckMetric("dead_unit_share", ("layer",), False, False, True,
                    "units that no image excites"),
        CheckMetric("evidence_moved", ("all", "class"), True, False, False,
                    "how far the evidence for the label moved, mean over images, sides of the "
                    "view"),
        CheckMetric("new_mistake_share", ("all", "class"), True, False, True,
                    "labelled images in both audits that only the new one mistakes"),
        _counted("failures", "rows of the table failures: images and masks"),
        _counted("unread_images", "images that could not be audited"),
        _counted("confirmed_findings", "findings that are confirmed"),
        _counted("new_findings", "findings confirmed in the new audit alone", against=True),
        _counted("dead_units", "units that no image excites", of="layer"),
        _counted("died_units", "units that died since", of="layer", against=True),
        _counted("changed_units", "units that changed their meaning since", of="layer",
                 against=True),
    )
}  # fmt: skip
