"""Which images stand on the report's pages."""

from dataclasses import dataclass

from reports.background.background_exemplars import (
    BackgroundExemplars,
    choose_background_exemplars,
)
from reports.exemplars import Exemplars, choose_exemplars
from reports.localization.localization_exemplars import choose_localized, localized_keys
from reports.pairs import Pair, confused_pairs
from reports.patterns.class_rows import regions_of_classes
from reports.patterns.regions import region_keys
from reports.stored_maps import MapKey
from reports.tables import AuditTables


@dataclass(frozen=True)
class Choice:
    """pairs : all that were confused
    exemplars, background : image ids by what they stand for
    localized : image ids by group; regions : by class
    """

    pairs: list[Pair]
    exemplars: Exemplars
    background: BackgroundExemplars
    localized: dict[str, list[int]]
    regions: dict[int, list[int]]

    @property
    def picture_keys(self) -> set[MapKey]:
        """(image_id, role) of the pictures and the maps over them."""
        chosen = self.exemplars.map_keys() | self.background.map_keys()
        return chosen | localized_keys(self.localized)

    @property
    def map_keys(self) -> set[MapKey]:
        """Those, and what regions are cut by."""
        return self.picture_keys | region_keys(self.regions)

    @property
    def image_ids(self) -> set[int]:
        return {image_id for image_id, _ in self.map_keys}


def choose_images(tables: AuditTables) -> Choice:
    """The few images that stand for many, from the tables alone."""
    pairs = confused_pairs(tables)
    return Choice(
        pairs=pairs,
        exemplars=choose_exemplars(tables.images, pairs),
        background=choose_background_exemplars(tables),
        localized=choose_localized(tables.localization),
        regions=regions_of_classes(tables),
    )
