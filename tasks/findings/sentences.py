"""Findings in words. Names come from users and stand here as they are: escaping is the report's."""


def percent(share: float) -> str:
    """A share as a whole number of percent; one that is nearly 0 or 1 keeps a digit more.

    >>> percent(0.618), percent(0.004), percent(0.996), percent(1.0)
    ('62', '0.4', '99.6', '100')
    """
    number = 100 * share
    if 0 < number < 1 or 99 < number < 100:
        text = f"{number:.1f}"
        return {"0.0": "under 0.1", "100.0": "over 99.9", "1.0": "1", "99.0": "99"}.get(text, text)
    return f"{number:.0f}"


def estimate(share: float, low: float, high: float, *, exact: bool = True) -> str:
    """'62 % [48, 74]', with 'about' where it is estimated from a sample."""
    return f"{'' if exact else 'about '}{percent(share)} % [{percent(low)}, {percent(high)}]"


def pair_sentence(
    share: str, mistakes: int, tested: int, label: str, predicted: str, turned: int
) -> str:
    """share : of `estimate`; turned : of the tested"""
    return (
        f"{_capital(share)} of the {mistakes:,} mistakes {label} -> {predicted} follow the "
        f"background{_sample(tested, mistakes)}; on backgrounds of {label}, {turned:,} of the "
        f"{tested:,} tested turn right."
    )


def label_sentence(share: str, mistakes: int, tested: int, label: str, turned: int) -> str:
    return (
        f"{_capital(share)} of the {mistakes:,} mistakes on images of {label} follow the "
        f"background{_sample(tested, mistakes)}; on backgrounds of {label}, {turned:,} of the "
        f"{tested:,} tested turn right."
    )


def predicted_sentence(share: str, mistakes: int, tested: int, predicted: str, turned: int) -> str:
    return (
        f"{_capital(share)} of the {mistakes:,} images taken for {predicted} by mistake follow "
        f"the background{_sample(tested, mistakes)}; on backgrounds of their own class, "
        f"{turned:,} of the {tested:,} tested turn right."
    )


def leaning_sentence(share: str, correct: int, tested: int, label: str) -> str:
    return (
        f"{_capital(share)} of the {correct:,} correct predictions of {label} lean on the "
        f"background{_sample(tested, correct)}: right, for the wrong reason."
    )


def driven_slice_sentence(
    subject: str, share: str, mistakes: int, tested: int, other_share: str, other_mistakes: int
) -> str:
    return (
        f"Where {subject}, {share} of the {mistakes:,} mistakes follow the "
        f"background{_sample(tested, mistakes)}, against {other_share} of the "
        f"{other_mistakes:,} other mistakes."
    )


def worst_slice_sentence(
    tag: str, value: str, share: str, images: int, wrong: int, other_share: float, others: int
) -> str:
    return (
        f"The worst slice of {tag} is {value}: {share} of its {images:,} images are mistaken "
        f"(accuracy {percent(1 - wrong / images)} %), against {percent(other_share)} % of the "
        f"{others:,} other images."
    )


def context_sentence(
    cluster: int, name: str, present: tuple[int, int], absent: tuple[int, int], points: str
) -> str:
    """present, absent : images predicted as the class, of images; with and without the context"""
    return (
        f"Context {cluster} raises the rate of {name} from {percent(absent[0] / absent[1])} % to "
        f"{percent(present[0] / present[1])} % of the images of other classes "
        f"({present[0]:,} of {present[1]:,} with it, {absent[0]:,} of {absent[1]:,} without): "
        f"{points} points, on images that did not serve to find it."
    )


def tag_sentence(
    tag: str,
    value: str,
    name: str,
    inside: tuple[int, int],
    outside: tuple[int, int],
    points: str,
) -> str:
    """inside, outside : images taken for the class, of images of other classes; with and without
    the tag's value"""
    return (
        f"Where {tag} is {value}, images of other classes are taken for {name} {points} points "
        f"more often than images of the same classes elsewhere ({inside[0]:,} of {inside[1]:,} "
        f"there, {outside[0]:,} of {outside[1]:,} elsewhere)."
    )


def points(difference: float, low: float, high: float) -> str:
    """A difference of two shares, in points of per cent: '27 [18, 36]', '6 [−3, 37]'."""
    whole = [round(100 * number) for number in (difference, low, high)]  # an integer has no -0
    return "{} [{}, {}]".format(*whole).replace("-", "−")


def _sample(tested: int, images: int) -> str:
    return "" if tested == images else f" ({tested:,} tested)"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
