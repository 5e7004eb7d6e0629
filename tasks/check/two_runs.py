"""An audit and the one it is held against, each part read when it is asked for."""

from functools import cached_property

import pyarrow as pa

from tasks.diff.alignment import Alignment, align
from tasks.diff.finding_changes import finding_changes
from tasks.diff.groupings import Grouping, groupings
from tasks.diff.map_changes import map_changes
from tasks.diff.mistakes import mistake_counts
from tasks.diff.quantities import compare_quantities
from tasks.diff.run_images import read_run_images
from tasks.diff.unit_changes import unit_changes
from tasks.errors import AuditError
from tasks.tables.storage import RunFolder


class TwoRuns:
    """run : the audit that is checked; against : the earlier one, or None

    Raises: AuditError where either is no finished audit, or both are one folder.
    """

    def __init__(self, run: RunFolder, against: RunFolder | None) -> None:
        if against is not None and against.root.resolve() == run.root.resolve():
            raise AuditError(f"{run.root} was given twice; expected another audit as --against")
        self.run, self.has_against = run, against is not None
        images = read_run_images(run)
        # Alone, an audit is laid beside itself: its own numbers come out the same.
        earlier = images if against is None else read_run_images(against)
        self.aligned: Alignment = align(earlier, images)

    @cached_property
    def groupings(self) -> list[Grouping]:
        return list(groupings(self.aligned))

    @cached_property
    def quantities(self) -> pa.Table:
        return compare_quantities(self.aligned)

    @cached_property
    def findings(self) -> pa.Table:
        aligned = self.aligned
        return finding_changes(aligned.run_a, aligned.run_b, aligned.classes)

    @cached_property
    def units(self) -> pa.Table:
        return unit_changes(self.aligned)[0]

    @cached_property
    def maps(self) -> pa.Table:
        return map_changes(self.aligned)

    @cached_property
    def mistakes(self) -> pa.Table:
        return mistake_counts(self.aligned)
