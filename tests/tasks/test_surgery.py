"""A network with a new head: where it is cut, what is trained, and that an audit sees the head."""

import copy
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from cam_kernels.head import find_pooled_linear_head
from cam_kernels.layers.receptive_field import receptive_field
from tasks.errors import AuditError
from tasks.model.cam_cut import choose_cut
from tasks.model.loading import load_model
from tasks.model.surgery import with_cam_head
from tests.tasks.published_trunks import build
from tests.tasks.raw_activations import raw_activations
from tests.tasks.tiny_audit import CLASSES, configure, draw, run_audit, table, write_model

SIDE = 64


class Small(nn.Module):
    """A residual block and two branches at 8 x 8 cells of 64 x 64 pixels, then 4 x 4, then 2 x 2;
    ReLUs are functions."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 8, stride=8), nn.Dropout(0.5))
        self.norm = nn.BatchNorm2d(6)
        self.inner = nn.Conv2d(6, 6, 3, padding=1)
        self.left, self.right = nn.Conv2d(6, 3, 1), nn.Conv2d(6, 4, 1)
        self.down = nn.Conv2d(7, 8, 2, stride=2)
        self.coarse = nn.Conv2d(8, 8, 2, stride=2)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        size = x.shape[0]
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(x + self.inner(x))
        x = torch.cat([self.left(x), self.right(x)], dim=1)
        x = F.relu(self.down(F.relu(x)))
        return self.fc(F.relu(self.coarse(x)).mean((2, 3)).view(size, -1))


def noise(side=SIDE, count=2):
    return torch.randn((count, 3, side, side), generator=torch.Generator().manual_seed(3))


def small(pooling="gap", cut=None, **changes):
    torch.manual_seed(1)
    base = Small().eval()
    cut = cut or choose_cut(base, noise())
    return base, with_cam_head(base, cut, 4, pooling, noise(), **{"units": 5, **changes})


def test_the_cut_is_behind_the_nonlinearity_of_a_grid_in_proportion():
    # 13 / 224 of 64 pixels are 3.7 cells: 4 x 4; of 96 they are 5.6 and there are 6 x 6 cells.
    # Of 32 they are 1.9, of which 2 x 2 is the grid behind `down`.
    base, network = small()
    for side, cells in ((64, 4), (96, 6), (32, 2)):
        assert choose_cut(base, noise(side)) == "relu_3"
        assert network.grid(noise(side)).shape[2:] == (cells, cells)
    images = noise()
    x = F.relu(base.norm(base.stem(images)))
    x = F.relu(x + base.inner(x))
    x = F.relu(torch.cat([base.left(x), base.right(x)], dim=1))
    assert torch.equal(network.grid(images), F.relu(base.down(x)))


def test_a_finer_grid_stands_in_for_one_that_is_missing():
    dilated = models.resnet18(num_classes=3)
    dilated.layer3[0].conv1.stride = dilated.layer3[0].downsample[0].stride = (1, 1)
    dilated.layer4[0].conv1.stride = dilated.layer4[0].downsample[0].stride = (1, 1)
    assert choose_cut(dilated.eval(), noise()) == "layer4"  # 8 x 8 cells to the end
    base = models.resnet18(num_classes=3)
    base.layer3[0].conv1.stride = base.layer3[0].downsample[0].stride = (4, 4)
    assert choose_cut(base.eval(), noise(224, 1)) == "layer2"  # 28 x 28, then 7 x 7


def test_maps_of_one_channel_per_class_are_cut_off_whatever_the_number_of_classes():
    for classes in (3, 512):  # 512 channels has the layer that is wanted, too
        network = models.squeezenet1_1(num_classes=classes).eval()
        assert choose_cut(network, noise(224, 1)) == "features"


class ChannelsLast(nn.Module):
    """As many channels as rows and columns, in the last place."""

    def __init__(self):
        super().__init__()
        self.patches, self.fc = nn.Conv2d(3, 4, 16, 16), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(F.relu(self.patches(x)).permute(0, 2, 3, 1).relu().mean((1, 2)))


def test_a_layout_that_the_shape_leaves_open_is_tried():
    first = nn.Sequential(
        nn.Conv2d(3, 4, 16, 16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    assert choose_cut(first.eval(), noise()) == "1"
    with pytest.raises(AuditError, match="as NHWC at 'relu_1'"):
        choose_cut(ChannelsLast().eval(), noise())


def test_every_name_of_a_cut_will_do():
    base = models.squeezenet1_1(num_classes=3).eval()
    grids = []
    for name in ("features", "features.12", "features.12.cat"):
        with torch.no_grad():
            grids.append(with_cam_head(base, name, 4, "gap", noise(), 5).grid(noise()))
    assert torch.equal(grids[0], grids[1]) and torch.equal(grids[0], grids[2])


def test_only_the_head_is_trained_where_the_trunk_is_frozen():
    _, network = small()
    network.trunk.requires_grad_(False)
    network(noise()).square().sum().backward()
    with_gradient = {name for name, p in network.named_parameters() if p.grad is not None}
    assert with_gradient == {
        "head.conv.weight", "head.conv.bias", "head.linear.weight", "head.linear.bias",
    }  # fmt: skip
    assert all(p.grad.abs().sum() > 0 for p in network.head.parameters())


def test_dropout_and_batch_norm_keep_their_modes():
    base, network = small()
    images = noise(count=16)
    assert torch.equal(network(images), network(images))
    base.train(), network.train()
    torch.manual_seed(5)
    base(images)
    torch.manual_seed(5)
    dropped = network(images)
    assert not torch.equal(dropped, network(images)), "no dropout in training"
    _, fresh = small()
    fresh.train()
    torch.manual_seed(5)
    fresh(images)
    own, cut = base.norm, fresh.trunk.norm
    assert torch.equal(own.running_mean, cut.running_mean)
    assert torch.equal(own.running_var, cut.running_var)
    assert int(cut.num_batches_tracked) == 1
    for mode in (True, False):
        copied = copy.deepcopy(fresh).train(mode)
        torch.manual_seed(6)
        first = fresh.train(mode)(images)
        torch.manual_seed(6)
        assert torch.equal(first, copied(images))


def test_a_copy_is_in_the_same_mode():
    _, network = small()
    images = noise(count=4)
    copied = copy.deepcopy(network)
    assert not any(module.training for module in copied.modules())
    assert torch.equal(copied(images), network(images))
    assert torch.equal(copied.grid(images), network.grid(images)), "batch statistics, or dropout"
    network.train()
    network.trunk.norm.eval()
    copied = copy.deepcopy(network)
    modes = {name: module.training for name, module in copied.named_modules()}
    assert modes == {name: module.training for name, module in network.named_modules()}
    assert not modes["trunk.norm"] and sum(not mode for mode in modes.values()) == 1
    torch.manual_seed(6)
    dropped = network(images)
    torch.manual_seed(6)
    assert torch.equal(dropped, copied(images))
    with torch.no_grad():
        copied.trunk.norm.weight.zero_()
    assert network.trunk.norm.weight.all()


def test_the_given_network_stays_as_it_was():
    base = Small()
    base.norm.eval()  # frozen by its owner
    before = copy.deepcopy(base.state_dict())
    modes = [module.training for module in base.modules()]
    network = with_cam_head(base, choose_cut(base, noise()), 4, "gmp", noise(), 5)
    assert network.training
    network(noise())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert [module.training for module in base.modules()] == modes
    assert all(torch.equal(before[key], value) for key, value in base.state_dict().items())


def test_weights_load_again():
    _, trained = small()
    state = {key: torch.randn_like(value.float()) for key, value in trained.state_dict().items()}
    for part in ("trunk", "head"):
        state[f"{part}.norm.running_var"] = state[f"{part}.norm.running_var"].abs()
    trained.load_state_dict(state)
    again = with_cam_head(Small().eval(), "relu_3", 4, "gap", noise(), 5)
    again.load_state_dict(trained.state_dict())
    assert torch.equal(again(noise()), trained(noise()))


def test_heads_for_training_are_gone_with_what_they_hang_on():
    network = with_cam_head(build("googlenet"), "inception4e", 4, "gap", noise(count=2), 5)
    assert not [name for name, _ in network.named_parameters() if "aux" in name]
    assert network.train()(noise(count=2)).shape == (2, 4)


@pytest.mark.parametrize(("pooling", "reduce"), [("gap", "mean"), ("gmp", "max")])
def test_the_head_is_recognised(pooling, reduce):
    _, network = small(pooling)
    head = find_pooled_linear_head(network, "head.relu", noise())
    assert head is not None and head.pooling == reduce
    assert torch.equal(head.weight, network.head.linear.weight)
    images = noise(32)
    with torch.no_grad():
        features = F.relu(network.head.conv(network.head.norm(network.grid(images))))
        features = features.double().numpy()
        logits = network(images).double().numpy()
    weight = network.head.linear.weight.detach().double().numpy()
    bias = network.head.linear.bias.detach().double().numpy()
    pooled = getattr(features, reduce)(axis=(2, 3))
    np.testing.assert_allclose(logits, pooled @ weight.T + bias, rtol=1e-4, atol=1e-6)


def test_an_untrained_head_takes_trunks_of_any_scale():
    base = Small().eval()
    for scale in (1e-2, 1.0, 1e3):
        torch.manual_seed(2)
        for parameter in base.down.parameters():
            parameter.data.mul_(scale)
        network = with_cam_head(base, "relu_3", 4, "gap", noise(), 5)
        with torch.no_grad():
            grid = network.grid(noise()).double().numpy()
            normed = network.head.norm(network.grid(noise())).double().numpy()
        expected = grid / np.sqrt(np.mean(grid**2) + 1e-5)
        np.testing.assert_allclose(normed, expected, rtol=1e-4)


def test_receptive_field_of_the_head():
    # conv5 of AlexNet sees 163 pixels with a stride of 16; the 3 x 3 convolution adds two strides.
    network = with_cam_head(build("alexnet"), "features.11", 4, "gap", noise(128, 1), 5)
    field = receptive_field(network, "head.relu")
    assert field is not None and field.size == (195, 195) and field.jump == (16, 16)


AUDITED = """
import torch
from torchvision import models
from tasks.model.surgery import with_cam_head

def build():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        base = models.{name}(num_classes=3).eval()
        model = with_cam_head(base, "{cut}", 3, "{pooling}", torch.zeros(1, 3, 64, 64), 6)
    model.preprocessing = {{"resize": 64, "crop": 64, "mean": (0.5, 0.4, 0.3), "std": (0.2,) * 3}}
    return model
"""


@pytest.mark.parametrize(
    ("name", "cut", "pooling"),
    [
        ("squeezenet1_1", "features", "gap"),
        ("squeezenet1_1", "features", "gmp"),
        ("mobilenet_v3_small", "features.9.block.0", "gap"),  # batch norms, which audits fold
    ],
)
def test_an_audit_sees_the_head(tmp_path, name, cut, pooling):
    for i in range(4):
        draw(tmp_path / "pics" / CLASSES[i % 3] / f"{i}.png", i, (SIDE, SIDE))
    model = write_model(tmp_path / "cut", AUDITED.format(name=name, cut=cut, pooling=pooling))
    run = run_audit(
        configure(tmp_path, tmp_path / "pics", model=model, method="cam,gradcam++", second_pass=0)
    )
    assert len(table(run, "failures")) == 0
    assert run.audit()["model"]["target_layer"] == "head.relu"
    weight = load_model(model, None).module.head.linear.weight.detach().double().numpy()
    files = table(run, "manifest").set_index("image_id")["uri"]
    maps = table(run, "heatmaps")
    assert set(maps["method"]) == {"cam", "gradcam++"} and (maps["state"] != "not_finite").all()
    cams = maps[(maps["method"] == "cam") & (maps["role"] == "predicted")]
    assert len(cams) == 4
    for row in cams.itertuples():
        # Eq. 2, arXiv:1512.04150; audits keep what speaks for the class.
        features = raw_activations(run, files[row.image_id])
        expected = np.einsum("k,kij->ij", weight[row.class_idx], features).clip(min=0)
        stored = np.asarray(row.heatmap, dtype=float).reshape(row.rows, row.cols) * row.scale
        np.testing.assert_allclose(stored, expected, atol=2e-3 * np.abs(expected).max())


def test_bad_cuts():
    base = Small().eval()
    cases = [
        ("relu_9", r"cut of Small 'relu_9' is unknown; closest: 'relu_"),
        ("left", "cannot be cut behind 'left': .* beside a shortcut.*relu_3"),
        ("inner", "cannot be cut behind 'inner'"),
        ("fc", "cannot be cut behind 'fc': it puts out no grid"),
    ]
    for cut, text in cases:
        with pytest.raises(AuditError, match=re.compile(text, re.S)):
            with_cam_head(base, cut, 4, "gap", noise())
    with pytest.raises(AuditError, match="pooling is 'mean'; expected 'gap' or 'gmp'"):
        with_cam_head(base, "relu_3", 4, "mean", noise())
    for classes, units in ((1, 5), (4, 0)):
        with pytest.raises(AuditError, match="at least one unit and two classes"):
            with_cam_head(base, "relu_3", classes, "gap", noise(), units)


@pytest.mark.parametrize(
    ("make", "side", "words"),
    [
        (lambda: models.vit_b_32(num_classes=3), 224, r"as 1 \+ tokens .* gradcam\+\+"),
        (lambda: models.swin_t(num_classes=3), 64, "as NHWC at 'features.5'"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 3)), 64, "its grids are: none"),
        (
            lambda: nn.Sequential(
                nn.Conv2d(3, 4, 32, 32), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
            ),
            64,
            "no layer .* 3 x 3 cells.* its grids are: 2 x 2. Give a larger --crop",
        ),
        (lambda: models.alexnet(num_classes=3), 32, r"AlexNet fails on an input of \(2, 3, 32, 32"),
    ],
)
def test_networks_that_cannot_be_cut(make, side, words):
    with pytest.raises(AuditError, match=re.compile(words, re.S)):
        choose_cut(make().eval(), noise(side))


def test_a_forward_that_looks_at_its_input_cannot_be_traced():
    class Looking(Small):
        def forward(self, x):
            return super().forward(x if x.mean() > 0 else -x)

    for act in (choose_cut, lambda base, x: with_cam_head(base, "relu", 4, "gap", x)):
        with pytest.raises(AuditError, match="Looking cannot be traced"):
            act(Looking(), noise())
