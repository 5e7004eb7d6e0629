"""The strips, a page at a time."""

from reports.background.strips import Strip
from reports.site import Site

STRIPS_PER_PAGE = 12
MISTAKES, LEANING = "strips", "leaning"  # stems of their pages


def strip_links(mistakes: list[int], leaning: list[int]) -> dict[int, str]:
    """Where the strip of an image stands, by image_id.

    mistakes, leaning : image ids in the order of their pages
    """
    return {
        image_id: f"{stem}-{1 + position // STRIPS_PER_PAGE}.html#image-{image_id}"
        for stem, ids in ((MISTAKES, mistakes), (LEANING, leaning))
        for position, image_id in enumerate(ids)
    }


def write_strip_pages(
    site: Site, stem: str, strips: list[Strip], total: int, scale: float, threshold: float
) -> None:
    """Write strips-1.html or leaning-1.html and on; none where there is no strip.

    total : tested images of the kind, of which `strips` are shown
    scale : margin at which a bar is full, logits
    threshold : gap above which a verdict is confirmed; NaN where unknown
    """
    last = -(-len(strips) // STRIPS_PER_PAGE)
    for number in range(1, last + 1):
        start = (number - 1) * STRIPS_PER_PAGE
        site.write(
            f"{stem}-{number}.html",
            "strips.html",
            stem=stem,
            strips=strips[start : start + STRIPS_PER_PAGE],
            number=number,
            last=last,
            start=start,
            shown=len(strips),
            total=total,
            scale=scale,
            threshold=threshold,
        )
