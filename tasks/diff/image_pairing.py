"""Which image of one audit is which of another."""

import hashlib
import os

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.images.decoding import ImageSource, UnreadableImage
from tasks.tables.diff_schemas import PAIRED_BY

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

# A key that says nothing of what is in the file.
_NO_KEY = ("remote", "missing")


def pair_images(
    images_a: pd.DataFrame, images_b: pd.DataFrame, root_a: str = "", root_b: str = ""
) -> pd.DataFrame:
    """Pair images by uri; what is left by its path below the folder of its audit's images, with
    its label; what is left then by the bytes of the files.

    Each pairing is one to one: a key that an audit holds twice pairs nothing. Bytes are read only
    of local files whose size occurs among the unpaired of both.

    images_a, images_b : columns uri (str), class_name (str; '' where unknown), size (bytes, -1
        unknown), content_key; one row per audited image
    root_a, root_b : of `images_root`

    Returns: columns row_a, row_b (int64: rows of the two; -1: in one only), paired_by (uri,
        relative, content; None), changed (bool or None): pairs in the order of B, then what only B
        has, then what only A has.
    """
    left_a, left_b = np.arange(len(images_a)), np.arange(len(images_b))
    parts = []
    for name in PAIRED_BY:
        sides = (images_a.iloc[left_a], root_a), (images_b.iloc[left_b], root_b)
        a, b = _matches(*_keys(name, *sides))
        parts.append(pd.DataFrame({"row_a": left_a[a], "row_b": left_b[b], "paired_by": name}))
        left_a, left_b = np.delete(left_a, a), np.delete(left_b, b)
    pairs = pd.concat(parts, ignore_index=True).sort_values("row_b", ignore_index=True)
    pairs["changed"] = _changed(pairs, images_a, images_b)
    alone = [
        pd.DataFrame({"row_a": -1, "row_b": left_b, "paired_by": None, "changed": None}),
        pd.DataFrame({"row_a": left_a, "row_b": -1, "paired_by": None, "changed": None}),
    ]
    frames = [frame.astype(object) for frame in (pairs, *alone)]
    joined = pd.concat(frames, ignore_index=True)
    return joined.astype({"row_a": np.int64, "row_b": np.int64})


def _keys(
    name: str, a: tuple[pd.DataFrame, str], b: tuple[pd.DataFrame, str]
) -> tuple["pd.Series[str]", "pd.Series[str]"]:
    """What images are paired by, of the rows of each audit with its root; null pairs nothing."""
    if name == "content":
        sizes = (set(a[0]["size"]) & set(b[0]["size"])) - {-1}
        return _digests(a[0], sizes), _digests(b[0], sizes)
    first, second = (
        rows["uri"] if name == "uri" else rows["uri"].str[len(root) :] + "\0" + rows["class_name"]
        for rows, root in (a, b)
    )
    return first.reset_index(drop=True), second.reset_index(drop=True)


def _matches(keys_a: "pd.Series[str]", keys_b: "pd.Series[str]") -> Pairs:
    """Positions of keys that are in both exactly once; null keys match nothing."""
    once_a = keys_a[keys_a.notna() & ~keys_a.duplicated(keep=False)]
    once_b = keys_b[keys_b.notna() & ~keys_b.duplicated(keep=False)]
    place = pd.Series(once_a.index.to_numpy(), index=once_a.to_numpy(), dtype=np.int64)
    found = place.reindex(once_b.to_numpy())
    hit = found.notna().to_numpy()
    return found.to_numpy()[hit].astype(np.int64), once_b.index.to_numpy()[hit]


def images_root(uris: "pd.Series[str]", images: str) -> str:
    """The folder below which an audit's images lie, with its slash.

    images : of the configuration: that folder, or a manifest in it; where the uris lie elsewhere,
        it is the deepest folder that holds them all
    """
    for folder in (images.rstrip("/"), images.rpartition("/")[0]):
        if folder and uris.str.startswith(folder + "/").all():
            return folder + "/"
    # By characters, also for URLs; cut back to a whole folder below.
    prefix = os.path.commonprefix([uris.min(), uris.max()])  # noqa: RUF071
    return prefix[: max(prefix.rfind("/"), prefix.rfind("\\")) + 1]


def _digests(rows: pd.DataFrame, sizes: set[int]) -> "pd.Series[str]":
    wanted = rows["size"].isin(sizes).to_numpy()
    source = ImageSource()
    found = [
        _digest(source, uri) if read else None
        for uri, read in zip(rows["uri"], wanted, strict=True)
    ]
    return pd.Series(found, dtype=object)


def _digest(source: ImageSource, uri: str) -> str | None:
    """Of a local image; those behind URLs are not fetched for this."""
    local = uri.removeprefix("file://")
    if "://" in local:
        return None
    try:
        content = source.read(local)
    except UnreadableImage:
        return None
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _changed(pairs: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the file at one uri is another than it was; None for files at two places."""
    key_a = a["content_key"].to_numpy()[pairs["row_a"]]
    key_b = b["content_key"].to_numpy()[pairs["row_b"]]
    same_place = (pairs["paired_by"] == "uri").to_numpy()
    said = same_place & ~np.isin(key_a, _NO_KEY) & ~np.isin(key_b, _NO_KEY)
    return pd.Series(np.where(said, key_a != key_b, None), dtype=object)
