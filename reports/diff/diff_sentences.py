"""What differs between two audits, in sentences, the gravest first."""

from typing import Any

from reports.diff.mended_rows import mended_sentences, worst_group_sentences
from reports.formats import count, percent, plural, signed
from tasks.diff.metrics import METRICS
from tasks.diff.stage import Difference

MOST_TOLD = 6  # rows of one metric and group; the others are counted

Row = dict[str, Any]

_VERBS = {
    "accuracy": ("gained", "lost", "of accuracy"),
    "localization": ("gained", "lost", "of localisation"),
}
_ROSE = ("rose", "fell")

# Accuracy over all comes first; the 20 % rule says what localisation says, a little worse.
_TOLD_ELSEWHERE = (
    ("accuracy", "all"), ("gt_known_localization", "all"), ("gt_known_localization", "class"),
)  # fmt: skip


def main_scope(difference: Difference) -> str:
    """The images that numbers are told of first: those in both, where there are any."""
    return "common" if difference.coverage["common"] else "all"


def headlines(difference: Difference) -> list[str]:
    """Sentences: accuracy over all, which classes are mended, worst groups, what changed by class,
    pair and slice, mistakes, findings, units, and images that were not compared."""
    rows = difference.tables["quantities"].to_pylist()
    scope = main_scope(difference)
    first = ("accuracy", "all", scope)
    told = [_overall(row) for row in rows if (row["metric"], row["group"], row["scope"]) == first]
    told = told or ["Neither audit has a labelled image here: accuracy is unknown."]
    told += mended_sentences(difference, scope)
    told += worst_group_sentences(difference)
    told += _changes([row for row in rows if row["scope"] == scope])
    told += _beyond(rows, scope)
    told += _mistakes(difference)
    told += _findings(difference)
    told += [_units(layer) for layer in difference.layers]
    return [words for words in told if words]


def sentence(row: Row) -> str:
    """One changed row of QUANTITIES in words."""
    points, interval = f"{abs(100 * row['difference']):.1f} points", bounds(row)
    values = f"{percent(row['value_a'])} to {percent(row['value_b'])}"
    images = _images(row)
    if row["metric"] in _VERBS and row["group"] != "pair":
        gained, lost, of = _VERBS[row["metric"]]
        verb = gained if row["difference"] > 0 else lost
        return f"{subject(row)} {verb} {points} {of} {interval}: {values} of {images}."
    title = METRICS[row["metric"]].title.lower()
    verb = _ROSE[row["difference"] < 0]
    return f"{subject(row)}: {title} {verb} by {points} {interval}, {values} ({images})."


def subject(row: Row) -> str:
    """Whom a row is about, as a sentence starts with it."""
    if row["group"] == "pair":
        return f"{row['label']} → {row['predicted']}"
    if row["group"] == "predicted":
        return f"Predicted as {row['predicted']}"
    if row["group"] == "slice":
        return f"Images with {row['slice']}"
    return str(row["label"] or "The model")


def bounds(row: Row) -> str:
    """The interval of a difference in points; nothing where there is none."""
    if row["low"] is None:
        return ""
    return f"[{signed(100 * row['low'], 1)}, {signed(100 * row['high'], 1)}]"


def _images(row: Row) -> str:
    a, b = row["images_a"], row["images_b"]
    tested = (row["tested_a"], row["tested_b"])
    text = plural(a, "image") if a == b else f"{count(a)} and {count(b)} images"
    if row["metric"] == "background_driven_share":
        text = text.replace("image", "mistake")
    return text if tested == (a, b) else f"{text}, {count(tested[0])} and {count(tested[1])} tested"


def _overall(row: Row) -> str:
    if row["difference"] is None:
        return "Accuracy is unknown: no image of one audit has a label."
    values = f"{percent(row['value_a'])} to {percent(row['value_b'])}"
    change = f"{signed(100 * row['difference'], 1)} points {bounds(row)}"
    clear = row["low"] is not None and (row["low"] > 0 or row["high"] < 0)
    told = ", too little to be called a change" if clear else ", not told apart from no change"
    told = "" if row["changed"] else told
    where = "in both" if row["scope"] == "common" else "of each"
    return f"Accuracy over all images {where}: {values}, {change}{told} ({_images(row)})."


def _changes(rows: list[Row]) -> list[str]:
    """What is called changed, worse before better within each metric and group."""
    told: list[str] = []
    for metric in METRICS.values():
        for group in metric.groups:
            if (metric.name, group) in _TOLD_ELSEWHERE:
                continue
            found = [r for r in rows if (r["metric"], r["group"]) == (metric.name, group)]
            changed = [row for row in found if row["changed"]]
            changed.sort(key=lambda row: (row["better"], -abs(row["difference"])))
            told += [sentence(row) for row in changed[:MOST_TOLD]]
            if len(changed) > MOST_TOLD:
                more = count(len(changed) - MOST_TOLD)
                told.append(f"… and {more} more changes of {metric.title.lower()} by {group}.")
    return told


def _beyond(rows: list[Row], scope: str) -> list[str]:
    """Classes whose accuracy changed over all images of each audit, but not over those in both."""
    if scope == "all":
        return []
    wanted = [r for r in rows if r["metric"] == "accuracy" and r["group"] == "class"]
    on_common = {r["label"] for r in wanted if r["scope"] == "common" and r["changed"]}
    beyond = [r for r in wanted if r["scope"] == "all" and r["changed"]]
    beyond = [row for row in beyond if row["label"] not in on_common]
    beyond.sort(key=lambda row: (row["better"], -abs(row["difference"])))
    return [
        f"Through images that only one audit has: {sentence(row)}" for row in beyond[:MOST_TOLD]
    ]


def _mistakes(difference: Difference) -> list[str]:
    counts = difference.tables["mistake_counts"].to_pylist()
    new, mended, persistent = (sum(r[n] for r in counts) for n in ("new", "mended", "persistent"))
    if not counts:
        return []
    return [
        f"{plural(new, 'mistake is', 'mistakes are')} new, {count(mended)} mended and "
        f"{count(persistent)} persistent, of {plural(sum(r['images'] for r in counts), 'image')} "
        "in both."
    ]


def _findings(difference: Difference) -> list[str]:
    rows = difference.tables["finding_changes"].to_pylist()
    told = []
    for state, words in (("new", "new"), ("gone", "gone")):
        found = [row["subject"] for row in rows if row["state"] == state]
        found = [name.replace(" -> ", " → ") for name in found]
        if found:
            more = f" and {count(len(found) - 3)} more" if len(found) > 3 else ""
            listed = "; ".join(found[:3])
            told.append(f"{plural(len(found), 'confirmed finding')} {words}: {listed}{more}.")
    return told


def _units(layer: Any) -> str:
    parts = [f"{count(layer.counts[state])} {words}" for state, words in (
        ("died", "died"), ("revived", "came back to life"), ("changed", "changed their meaning"))
        if layer.counts.get(state)]  # fmt: skip
    units = f"the {plural(layer.units, 'unit')} of {layer.target_layer}"
    told = f"Of {units}, {', '.join(parts)}." if parts else ""
    if layer.related is False:
        others = f"The meanings of {units} are not compared: "
        told = f"{told} {others}units of unrelated models are not comparable.".lstrip()
    return told
