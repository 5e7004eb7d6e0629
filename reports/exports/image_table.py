"""One row per audited image under plain names, and the rows that an address of the explorer
shows."""

import re
from urllib.parse import parse_qsl

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.explorer.image_rows import MAP_STATES, QUANTITIES, collect_rows
from reports.tables import AuditTables
from tasks.errors import AuditError
from tasks.tables.background_schemas import VERDICTS

_RANGE = re.compile(r"(-?[\d.eE+-]*?)\.\.(-?[\d.eE+-]*)")
_PAGE_ONLY = ("sort", "view", "role", "page", "image")

Chosen = npt.NDArray[np.bool_]


def image_table(tables: AuditTables) -> pd.DataFrame:
    """All rows of `images` with the columns of the explorer's own files, by image_id;
    `contexts` are lists.

    Further columns, which are in no file: width, height, map.
    """
    rows = collect_rows(tables)
    own = rows.table.to_pandas()
    names = np.array([tables.class_name(i) for i in range(_classes(tables))], dtype=object)
    frame = own[["image_id", "width", "height"]].astype("int64")
    frame["uri"] = rows.uris
    for name in ("label", "predicted"):
        codes = own[name].to_numpy(np.int64)
        frame[name] = codes
        frame[f"{name}_name"] = np.where(codes >= 0, names[codes], None)
    right = pd.array(own["answer"].to_numpy() == 0, dtype="boolean")
    frame["correct"] = pd.Series(right).mask(own["answer"] == 2)
    for name in QUANTITIES:
        if name in own:
            frame[name] = own[name].astype("float32")
    frame["map"] = _named(own["map"], MAP_STATES)
    if "verdict" in own:
        frame["verdict"] = _named(own["verdict"], VERDICTS)
        frame["tested"] = own["tested"].astype("boolean").mask(own["verdict"] < 0)
    if "explanation" in own:
        clusters = np.array([cluster for _, cluster, _ in rows.clusters], dtype=np.int64)
        places = own["explanation"].to_numpy(np.int64)
        found = pd.Series(clusters[places], dtype="Int64")
        frame["explanation_cluster"] = found.mask(places < 0)
    if rows.contexts:
        frame["contexts"] = _contexts(own, rows.contexts)
    for place, (name, values) in enumerate(rows.tags.items()):
        frame[f"tag.{name}"] = _named(own[f"tag_{place}"], values)
    return frame


def shown_rows(frame: pd.DataFrame, address: str) -> pd.DataFrame:
    """The rows that the explorer shows at an address.

    frame : of `image_table`
    address : the page's, or what stands behind its '#'; '' shows all

    Raises: AuditError for a filter that the audit does not know.
    """
    shown = np.ones(len(frame), dtype=bool)
    for key, value in parse_qsl(_query(address.strip()), keep_blank_values=True):
        if key not in _PAGE_ONLY:
            shown &= _test(frame, key, value)
    return frame[shown]


def _query(address: str) -> str:
    page, hash_, fragment = address.partition("#")
    query = fragment if hash_ or "=" not in page else page
    is_page = not page or page.endswith(".html")
    if "=" in query or (is_page and not query):
        return query
    raise AuditError(
        f"rows: {address!r} names no filter; expected an address of the report's page of images, "
        "or what stands behind its '#', as in answer=mistake&label=3"
    )


def _test(frame: pd.DataFrame, key: str, value: str) -> Chosen:
    if key == "q":
        return _found(frame, value)
    if key in QUANTITIES and key in frame:
        return _between(frame[key].to_numpy(np.float32), key, value)
    if key == "context" and "contexts" in frame:
        return np.array([value in map(str, own) for own in frame["contexts"]], dtype=bool)
    column = _column(frame, key)
    if column is None:
        raise AuditError(
            f"rows: {key}={value} filters by what this audit does not have; expected an address of "
            "the report's page of images, or what stands behind its '#'"
        )
    return (column == value).to_numpy(bool)


def _column(frame: pd.DataFrame, key: str) -> "pd.Series[str] | None":
    """Each image's value of a filter, as an address writes it; missing where it has none."""
    if key in ("label", "predicted"):
        return frame[key].where(frame[key] >= 0).astype("Int64").astype("string").fillna("")
    if key == "answer":
        right = frame["correct"]
        words = np.where(right.fillna(False), "right", "mistake")
        return pd.Series(np.where(right.isna(), "unlabelled", words), frame.index)
    if key == "tested" and key in frame:
        return pd.Series(np.where(frame["tested"].fillna(False), "yes", "no"), frame.index)
    if key == "explanation" and "explanation_cluster" in frame:
        cluster = frame["explanation_cluster"].astype("string")
        return (frame["predicted"].astype("string") + "." + cluster).fillna("")
    if key in ("map", "verdict") or key.startswith("tag."):
        return frame[key].fillna("") if key in frame else None
    return None


def _between(column: npt.NDArray[np.float32], key: str, value: str) -> Chosen:
    match = _RANGE.fullmatch(value)
    try:
        low, high = (float(end) if end else None for end in match.groups()) if match else ("", "")
        if isinstance(low, str) or isinstance(high, str):
            raise ValueError(value)
    except ValueError as error:
        raise AuditError(
            f"rows: {key}={value} is no range; expected {key}=0.2..0.8, one end may be missing"
        ) from error
    least = np.float32(-np.inf if low is None else low)
    most = np.float32(np.inf if high is None else high)
    return np.asarray((column >= least) & (column <= most))


def _found(frame: pd.DataFrame, text: str) -> Chosen:
    wanted = text.strip().lower()
    found = frame["image_id"].astype(str) == wanted
    for name in ("uri", "label_name", "predicted_name"):
        found |= frame[name].fillna("").str.lower().str.contains(wanted, regex=False)
    return found.to_numpy(bool)


def _named(codes: "pd.Series[int]", names: "tuple[str, ...] | list[str]") -> "pd.Series[str]":
    places = codes.to_numpy(np.int64)
    found = np.array([*names, None], dtype=object)[places]  # -1 is the last
    return pd.Series(found, dtype=object)


def _contexts(own: pd.DataFrame, clusters: list[int]) -> "pd.Series[list[int]]":
    bits = [
        own[f"contexts_{place // 32}"].to_numpy(np.int64) >> (place % 32) & 1
        for place in range(len(clusters))
    ]
    known = np.array(clusters)
    return pd.Series([known[row > 0].tolist() for row in np.stack(bits, axis=1)])


def _classes(tables: AuditTables) -> int:
    shown = [*tables.images["label"], *tables.images["predicted"]]
    return max([len(tables.audit.get("classes") or []), *(int(i) + 1 for i in shown)])
