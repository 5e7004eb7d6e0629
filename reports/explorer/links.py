"""Links to the images that a number counts, so that a reader can look at them."""

from urllib.parse import quote, urlencode

PAGE = "images.html"

Bounds = tuple[float | None, float | None]


def images_link(
    root: str = "",
    *,
    tags: dict[str, str] | None = None,
    ranges: dict[str, Bounds] | None = None,
    **filters: str | int | None,
) -> str:
    """The explorer's address with these filters, as the page itself writes it.

    root : relative path of the report's folder, '' or '../'
    tags : value by name of the manifest's columns
    ranges : smallest and largest value by quantity: probability, score, loss, ...; None: open
    filters : label, predicted (class indices), answer (right, mistake, unlabelled), verdict,
        tested (yes, no), map (ok, empty, not_finite), explanation ('CLASS.CLUSTER'), context,
        image; None is left out
    """
    parts = [(key, str(value)) for key, value in filters.items() if value is not None]
    parts += [(f"tag.{name}", value) for name, value in (tags or {}).items()]
    for name, (low, high) in (ranges or {}).items():
        ends = ("" if end is None else f"{end:g}" for end in (low, high))
        parts.append((name, "..".join(ends)))
    query = urlencode(parts, quote_via=quote)
    return f"{root}{PAGE}#{query}" if query else f"{root}{PAGE}"
