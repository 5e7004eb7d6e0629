"""The stored deep features: the spatial mean of every unit of the target layer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import AuditError
from tasks.tables.schemas import SCHEMA_VERSION
from tasks.tables.storage import RunFolder


@dataclass(frozen=True)
class PooledFeatures:
    """N images, in the order of image_id.

    image_id : int64, shape (N,)
    label : int32, shape (N,); -1 where unknown
    pooled : float16, shape (N, K), finite
    target_layer : whose units these are
    """

    image_id: npt.NDArray[np.int64]
    label: npt.NDArray[np.int32]
    pooled: npt.NDArray[np.float16]
    target_layer: str

    def of(self, chosen: npt.NDArray[np.bool_]) -> "PooledFeatures":
        """The same for the images where `chosen`, shape (N,), holds."""
        kept = (self.image_id[chosen], self.label[chosen], self.pooled[chosen])
        return PooledFeatures(*kept, self.target_layer)


def read_pooled_features(run: RunFolder) -> PooledFeatures:
    """The table `features` of a finished audit, without its evidence-weighted means.

    Raises: AuditError where there is no such table or one of another version, where no image is in
    it, and where a feature is not finite.
    """
    version = run.audit().get("schema_version")
    if version != SCHEMA_VERSION:
        raise AuditError(
            f"{run.root} was written by another version of camaudit: expected schema "
            f"{SCHEMA_VERSION}, got {version}. Run the audit again"
        )
    columns = ["image_id", "label", "target_layer", "pooled"]
    table = run.dataset("features").to_table(columns=columns).sort_by("image_id")
    if not table.num_rows:
        raise AuditError(
            f"table 'features' in {run.root} has no rows: no image could be audited. Mend the "
            "images that 'failures' names and run the audit again"
        )
    flat = table["pooled"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    pooled = flat.reshape(table.num_rows, -1)
    image_id = table["image_id"].to_numpy()
    broken = image_id[~np.isfinite(pooled).all(axis=1)]
    if broken.size:
        raise AuditError(
            f"the stored features of {broken.size} images in {run.root} are not finite; the first "
            f"is image_id {broken[0]}. Nothing can be learned from them: take these images out of "
            "the dataset, or choose an earlier --target-layer, and run the audit again"
        )
    layer = str(table["target_layer"][0].as_py())
    return PooledFeatures(image_id, table["label"].to_numpy(), pooled, layer)
