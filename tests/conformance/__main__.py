"""Print the tables as markdown: python -m tests.conformance."""

from collections.abc import Iterator

import torch

from tests.conformance import perturbation_methods
from tests.conformance.gradient_methods import PGC, TORCHCAM
from tests.conformance.method import RESTATED, Difference, differences
from tests.conformance.methods import AGREES, DEPARTURES, METHODS


def main() -> None:
    torch.set_num_threads(1)  # on small tensors more threads mostly wait for each other
    found = [
        difference
        for method in METHODS
        for architecture in method.architectures
        for difference in differences(method, architecture)
    ]
    print("# Conformance\n")
    print(
        "Printed by `python -m tests.conformance`. Random weights, so that every difference is one"
    )
    print("of formulas; our side with all that makes it fast.\n")
    print("Largest difference of raw maps, relative to the largest value.\n")
    print("\n".join(_sizes(found)))
    print("\nWhere another library departs from the paper, and why. Raw maps as above; then each")
    print("map divided by its own largest value, as a picture shows it.\n")
    print("\n".join(_departures(found)))
    print("\nMethods that ask the model again: largest difference of channel weights, relative to")
    print("the image's largest weight. Then what a library does otherwise, and what that makes.\n")
    print("\n".join(_weights()))
    print()
    print("\n".join(_other_ways()))


def _sizes(found: list[Difference]) -> Iterator[str]:
    others = list(dict.fromkeys(d.other for d in found))
    yield "| method | architecture | " + " | ".join(others) + " |"
    yield "| --- | --- | " + " | ".join("---:" for _ in others) + " |"
    for method, architecture in dict.fromkeys((d.method, d.architecture) for d in found):
        row = {
            d.other: d.size for d in found if (d.method, d.architecture) == (method, architecture)
        }
        cells = [f"{row[other]:.1e}" if other in row else "" for other in others]
        yield f"| {method} | {architecture} | " + " | ".join(cells) + " |"


def _departures(found: list[Difference]) -> Iterator[str]:
    yield "| method | library | raw | own scale | on | why |"
    yield "| --- | --- | ---: | ---: | --- | --- |"
    for method, other in dict.fromkeys((d.method, d.other) for d in found):
        worst = max(
            (d for d in found if (d.method, d.other) == (method, other)), key=lambda d: d.size
        )
        if other != RESTATED and worst.size > AGREES:
            why = DEPARTURES.get((method, other), "unexplained")
            shape = max(d.shape for d in found if (d.method, d.other) == (method, other))
            sizes = f"{worst.size:.2g} | {shape:.2g}"
            yield f"| {method} | {other} | {sizes} | {worst.architecture} | {why} |"


def _weights() -> Iterator[str]:
    yield "| method | architecture | restatement | pytorch-grad-cam | torchcam |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for method, architecture, own, peers in perturbation_methods.rows():
        cells = [f"{peers[name]:.1e}" if name in peers else "" for name in (PGC, TORCHCAM)]
        yield f"| {method} | {architecture} | {own:.1e} | {' | '.join(cells)} |"


def _other_ways() -> Iterator[str]:
    yield "| library | what | size |"
    yield "| --- | --- | ---: |"
    for peer, what, size in perturbation_methods.departures():
        yield f"| {peer} | {what} | {size:.2g} |"


if __name__ == "__main__":
    main()
