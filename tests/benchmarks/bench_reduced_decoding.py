"""What `--fast-decode` saves, and what it changes, on photographs.

python -m tests.benchmarks.bench_reduced_decoding --data FOLDER: FOLDER with imagenette_val/ and
weights/mobilenet_v2.pth. One thread; whole and reduced decoding of each photograph in turn.
"""

import argparse
import csv
import io
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor

from cam_kernels.explainer import Explainer
from cam_kernels.targets import ClassScore
from tasks.images.decoding import decode_image
from tasks.images.preprocessing import Preprocessing
from tasks.images.reduced_decoding import decode_reduced, reduction
from tests.benchmarks.contestants import MEAN, STD
from tests.benchmarks.machine import machine_line

# How often the photographs are enlarged, and the shorter side and crop that the model takes.
CASES = [(1, 112, 112), (5, 256, 224), (10, 256, 224)]


class Seen(NamedTuple):
    """factor : of the reduction
    decoding, all_of_it : seconds of processor time of reduced over whole; with resize and crop
    views : what the model sees of the whole and of the reduced, uint8
    """

    factor: int
    decoding: float
    all_of_it: float
    views: tuple[Tensor, Tensor]


def enlarged(file: Path, times: int) -> bytes:
    """As a camera would write it: quality 90, colours at half the resolution."""
    if times == 1:
        return file.read_bytes()
    picture = Image.open(file).convert("RGB")
    size = (picture.width * times, picture.height * times)
    stream = io.BytesIO()
    picture.resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def timed(act, *arguments) -> tuple[float, object]:
    start = time.process_time()
    result = act(*arguments)
    return time.process_time() - start, result


def look(files: list[Path], times: int, view: Preprocessing) -> Iterator[Seen]:
    fast = replace(view, fast_decode=True)
    for file in files:
        content = enlarged(file, times)
        decode_image(content)  # so that both find the bytes in the caches
        whole, _ = timed(decode_image, content)
        reduced, (_, size) = timed(decode_reduced, content, view.resize)
        whole_view, (before, _) = timed(view.view, content)
        fast_view, (after, _) = timed(fast.view, content)
        factor = reduction(size, view.resize)
        yield Seen(factor, reduced / whole, fast_view / whole_view, (before, after))


def compare(
    explainer: Explainer, view: Preprocessing, seen: list[Seen], labels: list[int]
) -> list[str]:
    """Levels, top-1 agreement, accuracies, |difference of the probability|, maps' correlation."""
    agreeing, changes, correlations, levels, right = [], [], [], [], []
    for each, label in zip(seen, labels, strict=True):
        pair = torch.stack(each.views)
        levels.append(float((pair[0].int() - pair[1].int()).abs().float().mean()))
        forward = explainer.forward(view.normalise(pair))
        answers = forward.logits.argmax(dim=1)
        agreeing.append(bool(answers[0] == answers[1]))
        right.append([bool(answer == label) for answer in answers])
        probabilities = forward.logits.softmax(dim=1)[:, answers[0]]
        changes.append(float((probabilities[0] - probabilities[1]).abs()))
        maps = forward.map("gradcam++", ClassScore(answers[:1].expand(2)))
        correlations.append(float(torch.corrcoef(maps.detach().flatten(1))[0, 1]))
    low, middle = statistics.quantiles(correlations, n=20)[0], statistics.median(correlations)
    return [
        f"{statistics.mean(levels):.2f}", f"{100 * statistics.mean(agreeing):.1f} %",
        " / ".join(f"{100 * statistics.mean(column):.0f}" for column in zip(*right, strict=True)),
        f"{statistics.mean(changes):.4f}", f"{max(changes):.3f}", f"{middle:.4f}", f"{low:.3f}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=100)
    given = parser.parse_args()
    from torchvision import models

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = models.mobilenet_v2(weights=None)
    network.load_state_dict(torch.load(given.data / "weights" / "mobilenet_v2.pth"))
    files = sorted((given.data / "imagenette_val").rglob("*.jpg"))
    files = files[:: max(1, len(files) // given.images)]
    with (given.data / "imagenette_val" / "labels.csv").open() as stream:
        known = {row["path"]: int(row["imagenet_index"]) for row in csv.DictReader(stream)}
    labels = [known[str(f.relative_to(given.data / "imagenette_val"))] for f in files]
    console = Console(width=150)
    console.print(machine_line(1))
    table = Table(
        "photographs", "reduced to", "decoding", "with resize", "levels", "same top-1", "right, %",
        "mean |dP|", "largest", "maps: median r", "5 %", title=f"{len(files)} photographs",
    )  # fmt: skip
    for times, resize, crop in CASES:
        view = Preprocessing(resize, crop, MEAN, STD)
        seen = list(look(files, times, view))
        explainer = Explainer(network, "features", torch.zeros(2, 3, crop, crop))
        of_size = f"{224 * times} px, model's {resize}"
        factors = "/".join(f"1/{f}" for f in sorted({s.factor for s in seen}))
        ratios = [statistics.median(s[place] for s in seen) for place in (1, 2)]
        shares = [f"{ratio:.2f}" for ratio in ratios]
        table.add_row(of_size, factors, *shares, *compare(explainer, view, seen, labels))
    console.print(table)


if __name__ == "__main__":
    main()
