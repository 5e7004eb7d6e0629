"""What the test of the background cannot see, with the numbers that say how much."""

from reports.background.background_page import spent_per_image
from reports.background.groups import whole_audit
from reports.background.stored_background import StoredBackground
from reports.background.untested import why_untested
from reports.formats import count, decimal, percent, plural, signed
from reports.limits import Statement
from reports.tables import AuditTables


def state_test_limits(tables: AuditTables) -> list[Statement]:
    """What the second pass left open; why there is none, where there is none."""
    stored = tables.background
    if stored is None and not len(tables.images):
        return [("The background was not tested", "No image was audited.")]
    if stored is None and not tables.labelled:
        missing = "No image has a label: there is no mistake to test, and no verdict on any image."
        return [("The background was not tested", missing)]
    if stored is None:
        missing = "This audit has no tables of it. Run the audit again with this version."
        return [("The background was not tested", missing)]
    if not stored.second_pass:
        return [("The background was not tested", _no_second_pass(stored))]
    return [
        ("A sample was tested", _sample(stored)),
        ("Mistakes that were not tested", _untested(stored)),
        ("Forwards spent", _spent(stored)),
        ("What a gap is worth", _control(stored)),
        ("Pasting leaves traces", _pasting(stored)),
        ("Borrowed backgrounds", _donors(stored)),
        _undetermined(stored),
    ]


def _no_second_pass(stored: StoredBackground) -> str:
    return (
        f"No second pass was run: {why_untested(stored)} No image was changed to see whether the "
        "prediction changes with it. Verdicts are of the first pass, and nothing here is a "
        "statement about causes."
    )


def _sample(stored: StoredBackground) -> str:
    facts = stored.facts
    suspicious, random = facts["tested_suspicious"], facts["tested_random"]
    share = percent((suspicious + random) / facts["images"] if facts["images"] else None)
    return (
        f"{count(suspicious + random)} of {plural(facts['images'], 'labelled image')} ({share}): "
        f"{count(suspicious)} for the highest scores of the first pass, {count(random)} at random "
        "with known probabilities. Shares of all mistakes weight each tested image by the inverse "
        "of its probability (Horvitz and Thompson); the tested images alone would mislead."
    )


def _untested(stored: StoredBackground) -> str:
    mistakes, tested = stored.facts["mistakes"], stored.facts["tested_mistakes"]
    if not mistakes:
        return "There is no mistake."
    if mistakes == tested:
        return f"None: all {plural(mistakes, 'mistake')} were tested."
    return (
        f"{count(mistakes - tested)} of {plural(mistakes, 'mistake')}. The verdict on each of "
        "them is the first pass's alone and says nothing about causes."
    )


def _spent(stored: StoredBackground) -> str:
    facts = stored.facts
    return (
        f"{count(facts['forwards'])}: {decimal(spent_per_image(stored))} per labelled image, of a "
        f"budget of {decimal(facts['budget'])}; {count(facts['forwards_per_image'])} for each "
        "tested image. A rare kind of mistake may not be among them."
    )


def _control(stored: StoredBackground) -> str:
    whole = whole_audit(stored)
    text = "The gap of a single image is no verdict: correct predictions, too, have one"
    threshold = stored.facts["gap_threshold"]
    if threshold is None:
        return f"{text}; of those drawn at random none could be measured."
    text += f", above {decimal(threshold)} for one in twenty of those tested at random."
    if whole is None or not whole.leaning.tested or not whole.gap.tested:
        return text
    return (
        f"{text} Their mean gap is {signed(whole.control_gap)} "
        f"({plural(whole.leaning.tested, 'correct prediction')} tested), that of mistakes "
        f"{signed(whole.gap.value)} [{decimal(whole.gap.low)}, {decimal(whole.gap.high)}] "
        f"({count(whole.gap.tested)} of {plural(whole.driven.tested, 'tested mistake')} have one: "
        "both classes had backgrounds to lend)."
    )


def _pasting(stored: StoredBackground) -> str:
    placebo = stored.tested["placebo_gap"].dropna()
    text = (
        "An object laid on another background has seams and foreign light, and a model may answer "
        "to these. The gap compares pasted images with pasted images, so that it cancels; a "
        "single picture of a strip does not."
    )
    if not len(placebo):
        return text
    half, most = placebo.quantile(0.5), placebo.quantile(0.95)
    return (
        f"{text} Between two backgrounds of one class the probability of the prediction differed "
        f"by {decimal(half)} (median; 95 % of images at most {decimal(most)}, over "
        f"{plural(len(placebo), 'image')})."
    )


def _donors(stored: StoredBackground) -> str:
    if not stored.facts["donors"]:
        return "No image had a background to lend: of the tested images nothing could be concluded."
    return (
        f"{plural(stored.facts['donors'], 'image')} lent their backgrounds, their objects filled "
        "in from around them. What is left of such an object counts as background."
    )


def _undetermined(stored: StoredBackground) -> Statement:
    unsure = int((stored.tested["verdict"] == "undetermined").sum())
    text = (
        "A colour cast, blur, noise or compression lies over object and background alike; no mask "
        "separates them, and replacing the background cannot isolate them. Such images are left "
        f"undetermined, never put down to the object, as is every image that other changes upset "
        f"as well: {count(unsure)} of {plural(len(stored.tested), 'tested image')}."
    )
    return "Cues that no mask separates", text
