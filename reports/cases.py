"""One audited image as a page shows it: its picture, its maps and what the model said."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports.pictures import DrawnMap, Picture
from reports.tables import AuditTables


@dataclass(frozen=True)
class Case:
    """label, label_name : -1 and '' where unknown
    probability, label_probability : in [0, 1]; the second is NaN where the label is unknown
    margin : logits; loss : nats, NaN where the label is unknown
    """

    image_id: int
    picture: Picture
    label: int
    label_name: str
    predicted: int
    predicted_name: str
    probability: float
    label_probability: float
    margin: float
    loss: float

    @property
    def mistake(self) -> bool:
        return self.label >= 0 and self.label != self.predicted

    @property
    def other_name(self) -> str:
        """The class that the contrast map argues against the predicted one."""
        return self.label_name if self.mistake else "the runner-up"

    def map(self, role: str) -> DrawnMap | None:
        """The map of a role; None where the audit stored none."""
        return self.picture.maps.get(role)


def cases_by_id(tables: AuditTables, drawn: Iterable[Picture]) -> dict[int, Case]:
    """A case for each image that was drawn."""
    pictures = {picture.image_id: picture for picture in drawn}
    rows = tables.rows_of(pictures)
    return {
        int(row["image_id"]): Case(
            image_id=int(row["image_id"]),
            picture=pictures[int(row["image_id"])],
            label=int(row["label"]),
            label_name=tables.class_name(int(row["label"])) if row["label"] >= 0 else "",
            predicted=int(row["predicted"]),
            predicted_name=tables.class_name(int(row["predicted"])),
            probability=float(row["probability"]),
            label_probability=float(row["label_probability"]),
            margin=float(row["margin"]),
            loss=float(row["loss"]),
        )
        for row in rows.to_dict("records")
    }
