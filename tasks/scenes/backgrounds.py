"""Six textured scenes; each painter is a pure function of its side and its generator."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np

from tasks.scenes.noise import between, lay_over, layered_noise, noise


def paint_meadow(side: int, rng: np.random.Generator) -> np.ndarray:
    """Grass blades drawn from far to near, with flowers between them."""
    dry = rng.uniform(0, 45)
    ground = between((34 + dry, 78, 30), (84 + dry, 136, 48), layered_noise(rng, side, 3, 3))
    image = np.ascontiguousarray(ground, np.float32)
    roots = rng.uniform((0, 0), (side, side * 1.1), (520, 2))
    roots = roots[np.argsort(roots[:, 1])]
    for column, row in roots:
        tip = (column + rng.normal(0, 0.035) * side, row - rng.uniform(0.05, 0.13) * side)
        glow = rng.uniform(0.6, 1.25)
        color = ((70 + dry) * glow, 150 * glow, 48 * glow)
        cv2.line(
            image,
            (int(column), int(row)),
            (int(tip[0]), int(tip[1])),
            color,
            max(1, side // 140),
            cv2.LINE_AA,
        )
    petals = ((250, 246, 236), (250, 214, 84), (226, 150, 200))[rng.integers(3)]
    for column, row in rng.uniform(0, side, (rng.integers(3, 14), 2)):
        radius = rng.uniform(0.009, 0.016) * side
        for angle in np.arange(5) * 2 * np.pi / 5:
            leaf = (int(column + radius * np.cos(angle)), int(row + radius * np.sin(angle)))
            cv2.circle(image, leaf, int(radius), petals, -1, cv2.LINE_AA)
        cv2.circle(image, (int(column), int(row)), int(radius * 0.8), (232, 168, 48), -1)
    return image


def paint_water(side: int, rng: np.random.Generator) -> np.ndarray:
    """Open water: ridged swell that gets finer towards the horizon, with glints."""
    swell = noise(rng, side, 9, 4) + 0.5 * noise(rng, side, 20, 8)
    ridges = 1 - np.abs(swell / 1.5 - 0.5) * 4
    depth = np.linspace(0, 1, side, dtype=np.float32)[:, None] ** 1.3
    green = rng.uniform(-14, 22)
    image = between(
        (104, 168 + green, 204), (22, 92 + green, 152), np.broadcast_to(depth, swell.shape)
    )
    image += np.clip(ridges, -0.6, 1)[..., None] * np.array((24, 30, 30), np.float32)
    glint = np.clip((ridges - 0.72) * 3.4, 0, 1) * noise(rng, side, 12, 5)
    return lay_over(image, np.array((236, 248, 252), np.float32), glint)


def paint_planks(side: int, rng: np.random.Generator) -> np.ndarray:
    """Wooden boards with grain, knots, seams, and nails at the joints."""
    boards = int(rng.integers(4, 7))
    tone = rng.uniform(0.8, 1.12)
    grain = noise(rng, side, 64, 3) * 0.5 + noise(rng, side, 24, 2) * 0.5
    image = between((132 * tone, 84 * tone, 46 * tone), (196 * tone, 140 * tone, 88 * tone), grain)
    edges = np.linspace(0, side, boards + 1).astype(int)
    for top, bottom in pairwise(edges):
        image[top:bottom] *= rng.uniform(0.84, 1.1)
        image[top : top + max(2, side // 70)] *= 0.42
        image[top + max(2, side // 70) : top + max(2, side // 70) * 2] *= 1.12
        joint = int(rng.uniform(0, side))
        image[top:bottom, joint : joint + max(2, side // 110)] *= 0.5
        for nail in (joint - side // 28, joint + side // 22):
            cv2.circle(image, (nail, (top + bottom) // 2), side // 75, (60, 50, 44), -1)
        if rng.random() < 0.6:
            knot = (int(rng.uniform(0, side)), int(rng.uniform(top + 8, bottom - 8)))
            for ring in range(4, 0, -1):
                cv2.ellipse(
                    image,
                    knot,
                    (ring * side // 70, ring * side // 130),
                    0,
                    0,
                    360,
                    (96 * tone, 58 * tone, 32 * tone),
                    max(1, side // 190),
                    cv2.LINE_AA,
                )
    return np.ascontiguousarray(np.rot90(image)) if rng.random() < 0.5 else image


def paint_sand(side: int, rng: np.random.Generator) -> np.ndarray:
    """Wind ripples on a beach, grains, and a few pebbles."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side
    bend = layered_noise(rng, side, 2, 2)
    lean = rng.uniform(-0.5, 0.5)
    ripple = np.sin(2 * np.pi * (rng.uniform(7, 11) * (rows + lean * columns) + 3.2 * bend))
    grains = rng.normal(0, 1, (side, side)).astype(np.float32)
    share = 0.5 + 0.2 * ripple + 0.35 * (bend - 0.5) + 0.09 * grains
    image = between((188, 152, 104), (240, 216, 170), share)
    for column, row in rng.uniform(0, side, (rng.integers(2, 9), 2)):
        size = rng.uniform(0.008, 0.02) * side
        grey = rng.uniform(0.6, 1.1)
        place, axes = (int(column), int(row)), (int(size * 1.4) + 1, int(size) + 1)
        cv2.ellipse(image, (place[0] + 2, place[1] + 3), axes, 20, 0, 360, (140, 112, 78), -1)
        cv2.ellipse(image, place, axes, 20, 0, 360, (172 * grey, 160 * grey, 148 * grey), -1)
    return image


def paint_bricks(side: int, rng: np.random.Generator) -> np.ndarray:
    """A wall in running bond: bricks of varied tone over light mortar."""
    height = side / rng.uniform(6.5, 9)
    width, gap = height * 2.3, max(2, round(height * 0.1))
    image = np.empty((side, side, 3), np.float32)
    image[:] = np.array((188, 180, 170)) * rng.uniform(0.8, 1.05)
    slip, rise = rng.uniform(0, width), rng.uniform(0, height)
    red = rng.uniform(0.85, 1.1)
    for course in range(int(side / height) + 2):
        top = round(course * height - rise)
        for place in range(-1, int(side / width) + 2):
            left = round((place + 0.5 * (course % 2)) * width - slip % width)
            tone = rng.uniform(0.78, 1.1)
            box = (left, top), (round(left + width) - gap, round(top + height) - gap)
            cv2.rectangle(image, *box, (168 * tone * red, 84 * tone, 66 * tone), -1)
            cv2.line(image, box[0], (box[1][0], box[0][1]), (204 * tone, 124 * tone, 104 * tone), 2)
            cv2.line(image, (box[0][0], box[1][1]), box[1], (110 * tone, 50 * tone, 40 * tone), 2)
    rough = 0.82 + 0.36 * (0.6 * noise(rng, side, 70, 70) + 0.4 * noise(rng, side, 5, 5))
    wall: np.ndarray = image * rough[..., None]
    return wall


def paint_snow(side: int, rng: np.random.Generator) -> np.ndarray:
    """Drifts with blue shadows, a trail of footprints, and sparkles."""
    drifts = layered_noise(rng, side, 4, 2)
    slope = cv2.GaussianBlur(np.gradient(drifts, axis=0) * side, (0, 0), side / 60)
    image = between((176, 196, 226), (250, 251, 254), 0.72 + 0.16 * slope)
    start, heading = rng.uniform(0, side, 2), rng.uniform(0, 2 * np.pi)
    ahead = np.array((np.cos(heading), np.sin(heading)))
    for step in range(-12, 13):
        aside = np.array((-ahead[1], ahead[0])) * (0.028 if step % 2 else -0.028) * side
        column, row = (start + ahead * step * 0.085 * side + aside).astype(int).tolist()
        axes = (side // 36, side // 60)
        turn = float(np.degrees(heading))
        cv2.ellipse(
            image, (column + 1, row + 2), axes, turn, 0, 360, (252, 253, 255), -1, cv2.LINE_AA
        )
        cv2.ellipse(image, (column, row), axes, turn, 0, 360, (150, 174, 212), -1, cv2.LINE_AA)
    sparkle = noise(rng, side, side // 3, side // 3) > 0.985
    image[sparkle] = 255
    return image


PAINTERS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "bricks": paint_bricks,
    "meadow": paint_meadow,
    "planks": paint_planks,
    "sand": paint_sand,
    "snow": paint_snow,
    "water": paint_water,
}
