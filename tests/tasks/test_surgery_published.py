"""Published networks are cut where the paper cuts them, and keep all before the cut as it was."""

import pytest
import torch

from tasks.model.cam_cut import choose_cut
from tasks.model.surgery import with_cam_head
from tests.tasks.published_trunks import TRUNKS, build, images

UNITS, CLASSES = 1024, 5


@pytest.mark.parametrize("name", TRUNKS)
def test_a_published_network(name):
    trunk, network = TRUNKS[name], build(name)
    batch = images(trunk)
    cut = choose_cut(network, batch)
    cammed = with_cam_head(network, cut, CLASSES, "gap", batch)
    kept = []
    layer = network.get_submodule(trunk.last)
    with torch.no_grad():
        handle = layer.register_forward_hook(lambda _module, _in, out: kept.append(out.clone()))
        network(batch)
        handle.remove()
        grid = cammed.grid(batch)
    assert grid.shape == (1, trunk.channels, trunk.cells, trunk.cells)
    assert torch.equal(grid, kept[0]), "not the network's own activations, bit for bit"

    own = {
        key: value
        for key, value in network.state_dict().items()
        if key.startswith(tuple(f"{layer}." for layer in trunk.kept))
    }
    state = cammed.state_dict()
    of_trunk = {key.removeprefix("trunk."): state[key] for key in state if key.startswith("trunk.")}
    assert set(of_trunk) == set(own)
    assert all(torch.equal(of_trunk[key], value) for key, value in own.items())
    sizes = dict(network.named_parameters())
    by_hand = sum(sizes[key].numel() for key in own if key in sizes)
    by_hand += trunk.channels * UNITS * 9 + UNITS + UNITS * CLASSES + CLASSES
    assert sum(parameter.numel() for parameter in cammed.parameters()) == by_hand


def test_parameters_of_alexnet_and_vgg():
    # Weights and biases of the convolutions of arXiv:1404.5997 and arXiv:1409.1556.
    convolutions = {
        "alexnet": [(3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3)],
        "vgg11": [
            (3, 64, 3), (64, 128, 3), (128, 256, 3), (256, 256, 3), (256, 512, 3), (512, 512, 3),
            (512, 512, 3), (512, 512, 3),
        ],
    }  # fmt: skip
    for name, sizes in convolutions.items():
        trunk = TRUNKS[name]
        cammed = with_cam_head(build(name), trunk.last, 1000, "gmp", images(trunk))
        expected = sum(inputs * outputs * side**2 + outputs for inputs, outputs, side in sizes)
        expected += sizes[-1][1] * 1024 * 9 + 1024 + 1024 * 1000 + 1000
        assert sum(parameter.numel() for parameter in cammed.parameters()) == expected
