"""Six everyday things, drawn from one palette so that only their shape tells them apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tasks.scenes.brush import Brush, Color, darker, ellipse, lighter, spline

PALETTE: tuple[Color, ...] = (
    (214, 64, 56),
    (236, 128, 48),
    (244, 196, 64),
    (64, 164, 140),
    (62, 118, 200),
    (128, 88, 176),
    (232, 120, 150),
    (238, 226, 204),
    (84, 92, 110),
)
INK: Color = (44, 38, 48)


def paint_mug(brush: Brush, colors: list[Color], rng: np.random.Generator) -> None:
    """A mug from the side: handle, body with a band, open rim."""
    body, band, drink = colors
    height = rng.uniform(0.55, 0.8)
    handle = ellipse((0.42, 0.08), (0.42, height * 0.55), (-80, 80))
    brush.stroke(handle, body, 0.17, line=0.045, shade=0.2)
    bottom = ellipse((-0.12, height), (0.5, 0.13), (0, 180))
    brush.fill(np.concatenate([[(0.48, -height)], bottom, [(-0.72, -height)]]), body, shade=0.3)
    level = rng.uniform(-0.1, 0.35)
    under = ellipse((-0.12, level + 0.2), (0.54, 0.13), (0, 180))
    over = ellipse((-0.12, level - 0.1), (0.55, 0.13), (180, 0))
    brush.fill(np.concatenate([under, over]), band, line=0, shade=0.3)
    brush.stroke(np.array([(-0.58, -0.4 * height), (-0.54, 0.75 * height)]), lighter(body), 0.06)
    brush.fill(ellipse((-0.12, -height), (0.6, 0.17)), lighter(body, 0.35))
    brush.fill(ellipse((-0.12, -height + 0.03), (0.47, 0.11)), darker(drink, 0.55), shade=-0.3)


def paint_key(brush: Brush, colors: list[Color], rng: np.random.Generator) -> None:
    """A door key: ring with a hole, shaft with a collar, two or three teeth."""
    metal, collar, tag = colors
    teeth = rng.integers(2, 4)
    for tooth in range(teeth):
        left = 0.86 - 0.2 * tooth
        depth = rng.uniform(0.26, 0.42)
        brush.fill(
            np.array([(left, 0), (left - 0.12, 0), (left - 0.12, depth), (left, depth)]), metal
        )
    brush.fill(np.array([(-0.3, -0.11), (0.95, -0.11), (0.95, 0.11), (-0.3, 0.11)]), metal)
    brush.stroke(np.array([(-0.2, -0.045), (0.9, -0.045)]), lighter(metal), 0.045)
    radius = rng.uniform(0.4, 0.46)
    ring = ellipse((-0.55, 0), (radius, radius * rng.uniform(0.9, 1.15)))
    hole = ellipse((-0.6, 0), (radius * 0.42, radius * 0.45))
    brush.fill(ring, metal, holes=[hole], shade=0.3)
    gleam = ellipse((-0.57, 0), (radius * 0.74, radius * 0.74), (185, 265))
    brush.stroke(gleam, lighter(metal, 0.6), 0.06)
    brush.fill(np.array([(-0.16, -0.2), (-0.02, -0.2), (-0.02, 0.2), (-0.16, 0.2)]), collar)
    brush.fill(ellipse((-0.09, 0), (0.05, 0.07)), tag, line=0)


def paint_fish(brush: Brush, colors: list[Color], rng: np.random.Generator) -> None:
    """A fish from the side: body, forked tail, fins, gill, scales and an eye."""
    body, fin, stripe = colors
    depth = rng.uniform(0.4, 0.54)
    fork = rng.uniform(0.6, 0.72)
    brush.fill(spline([(0.45, 0), (0.98, -0.48), (fork + 0.12, 0), (0.98, 0.48)]), fin)
    brush.fill(spline([(-0.3, -depth * 0.7), (0.1, -depth - 0.3), (0.36, -depth * 0.45)]), fin)
    brush.fill(spline([(-0.1, depth * 0.7), (0.2, depth + 0.22), (0.3, depth * 0.5)]), fin)
    outline = [(-0.96, 0.04), (-0.6, -depth * 0.8), (-0.1, -depth), (0.35, -depth * 0.5)]
    outline += [(0.62, -0.06), (0.62, 0.08), (0.35, depth * 0.55), (-0.15, depth)]
    brush.fill(spline([*outline, (-0.65, depth * 0.75)]), body, shade=0.32)
    for offset in (0.0, 0.2, 0.4):
        reach = depth * (0.66 - 0.7 * offset)
        brush.stroke(ellipse((-0.12 + offset, 0), (0.12, reach), (-75, 75)), stripe, 0.055)
    brush.stroke(ellipse((-0.6, 0), (0.16, depth * 0.62), (-75, 75)), darker(body), 0.045)
    brush.fill(spline([(-0.34, 0.08), (-0.08, 0.1), (-0.14, 0.3)]), fin)
    brush.fill(ellipse((-0.68, -0.1), (0.1, 0.1)), (250, 250, 246), shade=0)
    brush.fill(ellipse((-0.7, -0.1), (0.05, 0.05)), INK, line=0)


def paint_mushroom(brush: Brush, colors: list[Color], rng: np.random.Generator) -> None:
    """A toadstool: swelling stem with a skirt, gills under a spotted cap."""
    cap, spot, stem = colors
    foot = rng.uniform(0.26, 0.36)
    stem = lighter(stem, 0.6)
    sides = [(-0.17, -0.1), (-0.2, 0.45), (-foot, 0.85), (0, 0.95), (foot, 0.85), (0.2, 0.45)]
    brush.fill(spline([*sides, (0.17, -0.1)]), stem, shade=0.25)
    brush.fill(spline([(-0.2, 0.2), (0.2, 0.2), (0.32, 0.38), (0, 0.46), (-0.32, 0.38)]), stem)
    width, height = rng.uniform(0.78, 0.95), rng.uniform(0.75, 0.95)
    brush.fill(ellipse((0, 0), (width * 0.92, 0.2)), lighter(cap, 0.65))
    for slot in np.linspace(-0.7, 0.7, 8):
        ends = np.array([(slot * 0.5, 0.05), (slot * width, 0.14)])
        brush.stroke(ends, darker(lighter(cap, 0.65), 0.75), 0.025)
    dome = ellipse((0, 0.04), (width, height), (180, 360))
    rim = ellipse((0, 0.04), (width, 0.1), (0, 180))
    brush.fill(np.concatenate([dome, rim]), cap, shade=0.34)
    for column, row, radius in ((-0.5, -0.2, 0.14), (0.02, -0.5, 0.17), (0.48, -0.22, 0.13)):
        center = (column * width + rng.uniform(-0.06, 0.06), row * height)
        brush.fill(ellipse(center, (radius, radius * 0.8)), lighter(spot, 0.45), line=0)
    brush.fill(ellipse((-0.1 * width, -0.12), (0.09, 0.07)), lighter(spot, 0.45), line=0)


def paint_sailboat(brush: Brush, colors: list[Color], rng: np.random.Generator) -> None:
    """A small sailing boat: two bellied sails on a mast, hull with a stripe, pennant."""
    hull, mainsail, jib = colors
    mast = rng.uniform(-0.1, 0.1)
    brush.stroke(np.array([(mast, -0.95), (mast, 0.5)]), (120, 84, 56), 0.07, line=0.03)
    brush.fill(
        np.array([(mast, -0.97), (mast + 0.3, -0.89), (mast, -0.79)]), hull, shade=0, line=0.03
    )
    belly = rng.uniform(0.1, 0.22)
    main = [(mast + 0.07, -0.78), (mast + 0.45 + belly, -0.15), (0.86, 0.36), (mast + 0.07, 0.36)]
    brush.fill(_bellied(main), lighter(mainsail, 0.25), shade=0.25)
    front = [(mast - 0.08, -0.7), (mast - 0.3 - belly, -0.1), (-0.74, 0.36), (mast - 0.08, 0.36)]
    brush.fill(_bellied(front), lighter(jib, 0.25), shade=0.25)
    seam = np.array([(mast + 0.07, 0.0), (mast + 0.6, 0.02)])
    brush.stroke(seam, darker(mainsail, 0.75), 0.035)
    deck, keel = (
        np.array([(-0.95, 0.45), (0.95, 0.45)]),
        ellipse((0.02, 0.45), (0.8, 0.46), (0, 180)),
    )
    brush.fill(np.concatenate([deck[:1], deck[1:], keel]), hull, shade=0.3)
    brush.stroke(np.array([(-0.86, 0.55), (0.86, 0.55)]), lighter(hull, 0.65), 0.06)


def _bellied(corners: list[tuple[float, float]]) -> np.ndarray:
    """A sail: straight along mast and boom, curved along its leech (corner 1 bends it)."""
    head, bend, clew, tack = (np.array(corner) for corner in corners)
    time = np.linspace(0, 1, 16)[:, None]
    leech = (1 - time) ** 2 * head + 2 * time * (1 - time) * bend + time**2 * clew
    return np.concatenate([leech, tack[None]])


def paint_umbrella(brush: Brush, colors: list[Color], rng: np.random.Generator) -> None:
    """An open umbrella: scalloped canopy of two-coloured panels, shaft and crook."""
    panel, other, crook = colors
    height = rng.uniform(0.75, 0.95)
    side = rng.choice([-1.0, 1.0])
    brush.stroke(np.array([(0, -0.95), (0, 0.72)]), (96, 92, 100), 0.06, line=0.025)
    hook = ellipse((0.19 * side, 0.72), (0.19 * side, 0.2), (180, 10))
    brush.stroke(np.concatenate([[(0, 0.42)], hook]), crook, 0.1, line=0.03)
    dome = ellipse((0, 0), (0.97, height), (180, 360))
    edges = np.array([-0.97, -0.6, -0.2, 0.2, 0.6, 0.97])
    scallops = [
        ellipse(((left + right) / 2, 0.0), ((right - left) / 2, -0.12), (0, 180), 12)
        for left, right in zip(edges[-2::-1], edges[:0:-1], strict=True)
    ]
    brush.fill(np.concatenate([dome, *scallops]), panel, shade=0.3)
    for left, right in ((-0.6, -0.2), (0.2, 0.6)):
        fan = [
            ellipse((0, 0), (abs(x), height), (180, 270) if x < 0 else (360, 270))
            for x in (left, right)
        ]
        bottom = ellipse(((left + right) / 2, 0.0), ((right - left) / 2, -0.12), (180, 0), 12)
        brush.fill(np.concatenate([fan[0], fan[1][::-1], bottom[::-1]]), other, line=0.025)
    brush.fill(ellipse((0, -height), (0.07, 0.07)), crook, line=0.03)


PAINTERS: dict[str, Callable[[Brush, list[Color], np.random.Generator], None]] = {
    "fish": paint_fish,
    "key": paint_key,
    "mug": paint_mug,
    "mushroom": paint_mushroom,
    "sailboat": paint_sailboat,
    "umbrella": paint_umbrella,
}
