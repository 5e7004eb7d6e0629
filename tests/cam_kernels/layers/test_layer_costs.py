"""Layer costs against hand arithmetic and against the figures that torchvision publishes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models

from cam_kernels.layers.layer_costs import LayerCost, NetworkCost, layer_costs


class Calling(nn.Module):
    """Modules by name, and a forward given as a function of the net and its input."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.path = forward

    def forward(self, images: Tensor) -> Any:
        return self.path(self, images)


def costs_of(forward: Callable[[Any, Tensor], Any], *shape: int, **modules: nn.Module) -> Any:
    return layer_costs(Calling(forward, **modules), torch.randn(shape))


def by_name(cost: NetworkCost) -> dict[str, LayerCost]:
    return {layer.name: layer for layer in cost.layers}


def attend(net: Any, x: Tensor) -> Tensor:
    """Two heads of 4 over the 5 positions of (N, 5, 8)."""
    heads = x.reshape(len(x), 5, 2, 4).transpose(1, 2)
    return F.scaled_dot_product_attention(heads, heads, heads)


PRODUCTS = {  # shape of one image, layer, multiply-adds of one image
    "convolution": ((3, 9, 7), nn.Conv2d(3, 4, (3, 5), stride=2, padding=1),
                    4 * (5 * 3) * (3 * 3 * 5)),  # outputs x cells x taps
    "grouped": ((6, 8, 8), nn.Conv2d(6, 4, 3, groups=2), 4 * (6 * 6) * (3 * 3 * 3)),
    "depthwise": ((6, 8, 8), nn.Conv2d(6, 6, 3, groups=6, padding=1), 6 * (8 * 8) * (3 * 3)),
    "dilated": ((3, 9, 9), nn.Conv2d(3, 2, 3, dilation=2), 2 * (5 * 5) * (3 * 3 * 3)),
    # Each input value is spread over the kernel, for each output channel of its group.
    "transposed": ((4, 5, 5), nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
                   4 * (5 * 5) * (3 * 3 * 3)),
    "linear": ((8,), nn.Linear(8, 5), 8 * 5),
    "linear without bias, on a sequence": ((7, 8), nn.Linear(8, 5, bias=False), 7 * 8 * 5),
    # Per position: in and out projections, 4 x 8 x 8; per pair of positions: scores and sum.
    "attention": ((5, 8), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
                  5 * (4 * 8 * 8) + 5 * 5 * (2 * 8) + 5 * (2 * 8 * 16)),
    "norm": ((3, 8, 8), nn.BatchNorm2d(3), 0),
    "pooling": ((3, 8, 8), nn.AvgPool2d(3), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("batch", [1, 3])
def test_multiply_adds_by_hand(name: str, batch: int) -> None:
    shape, module, expected = PRODUCTS[name]
    cost = layer_costs(nn.Sequential(module), torch.randn(batch, *shape))
    assert cost.multiply_adds == expected
    assert sum(layer.multiply_adds or 0 for layer in cost.layers) == expected


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (attend, 2 * 2 * (5 * 5 * 4)),  # heads x (scores, sums)
        (lambda net, x: x @ x.transpose(1, 2), 5 * 5 * 8),
        (lambda net, x: torch.einsum("nik,njk->nij", x, x), 5 * 5 * 8),
    ],
)
def test_products_without_a_layer_are_the_models_own(
    forward: Callable[[Any, Tensor], Any], expected: int
) -> None:
    cost = costs_of(forward, 3, 5, 8)
    assert [(layer.name, layer.multiply_adds) for layer in cost.layers] == [("", expected)]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vit_b_16", "swin_t", "densenet121"])
def test_published_figures(name: str) -> None:
    meta = models.get_model_weights(name).DEFAULT.meta
    model = models.get_model(name, weights=None)
    cost = layer_costs(model, torch.zeros(1, 3, 224, 224))
    assert cost.parameters == meta["num_params"]
    assert sum(layer.parameters for layer in cost.layers) == meta["num_params"]
    assert round(cost.multiply_adds / 1e9, 3) == meta["_ops"]
    assert sum(layer.multiply_adds or 0 for layer in cost.layers) == cost.multiply_adds


def test_rows_in_the_order_of_the_calls_with_what_each_puts_out() -> None:
    cost = costs_of(
        lambda net, x: net.head(net.late(net.early(x)).flatten(1)),
        3, 3, 6, 6,
        head=nn.Linear(18, 2), late=nn.MaxPool2d(2), early=nn.Conv2d(3, 2, 1),
    )  # fmt: skip
    assert [(layer.name, layer.kind, layer.output_shapes) for layer in cost.layers] == [
        ("early", "Conv2d", ((2, 6, 6),)),
        ("late", "MaxPool2d", ((2, 3, 3),)),
        ("head", "Linear", ((2,),)),
    ]
    assert [layer.parameters for layer in cost.layers] == [3 * 2 + 2, 0, 18 * 2 + 2]


def test_a_layer_called_twice() -> None:
    cost = costs_of(
        lambda net, x: net.conv(net.relu(net.conv(net.relu(x)))), 2, 3, 8, 8,
        conv=nn.Conv2d(3, 3, 3), relu=nn.ReLU(),
    )  # fmt: skip
    conv = by_name(cost)["conv"]
    assert conv.output_shapes == ((3, 6, 6), (3, 4, 4))
    assert conv.multiply_adds == 3 * (36 + 16) * 27 == cost.multiply_adds
    assert conv.parameters == 3 * 27 + 3 == cost.parameters


def test_parameters_that_are_shared_count_once_in_the_total() -> None:
    one, other = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
    other.weight = one.weight
    cost = costs_of(
        lambda net, x: net.again(net.other(net.one(x))), 2, 4, one=one, other=other, again=one
    )
    assert {name: layer.parameters for name, layer in by_name(cost).items()} == {
        "one": 20, "other": 16,
    }  # fmt: skip
    assert cost.parameters == 20 and cost.multiply_adds == 3 * 16
    assert len(by_name(cost)["one"].output_shapes) == 2


def test_layers_that_are_never_called() -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    cost = costs_of(
        lambda net, x: net.attention(x, x, x)[0], 2, 5, 8,
        attention=attention, unused=nn.Sequential(nn.Linear(8, 3), nn.ReLU()),
    )  # fmt: skip
    layers = by_name(cost)
    # The weights of its out_proj are used in a product, though out_proj is not called.
    assert list(layers) == ["attention", "unused.0"]
    assert layers["attention"].parameters == (3 * 64 + 3 * 8) + (64 + 8)
    assert layers["attention"].output_shapes == ((5, 8),), "the first of its two outputs"
    assert layers["unused.0"] == LayerCost("unused.0", "Linear", (), 27, 0)
    assert cost.parameters == layers["attention"].parameters + 27


class Scaled(nn.Sequential):
    """A container with a parameter and a product of its own."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 4))
        self.scale = nn.Parameter(torch.ones(4, 2))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) @ self.scale


def test_a_container_is_listed_for_what_is_its_own() -> None:
    cost = layer_costs(nn.Sequential(nn.Sequential(nn.Identity()), Scaled()), torch.randn(2, 4))
    found = [(c.name, c.kind, c.parameters, c.multiply_adds) for c in cost.layers]
    assert found == [
        ("0.0", "Identity", 0, 0), ("1", "Scaled", 8, 8), ("1.0", "Linear", 20, 16),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (lambda x: {"logits": x, "more": x[:, :1]}, (4,)),
        (lambda x: (None, [x[:, :3]], x), (3,)),
        (lambda x: "text", None),
        (lambda x: None, None),
        (lambda x: x.sum(), ()),
        (lambda x: x.repeat(49, 1).reshape(49, 2, 4), (49, 4)),  # positions before images
        (lambda x: x.repeat(16, 1).reshape(32, 1, 4), (16, 1, 4)),  # windows of each image
    ],
)
def test_shapes_without_the_batch(output: Callable[[Tensor], Any], expected: object) -> None:
    cost = costs_of(lambda net, x: output(x), 2, 4)
    assert cost.layers[0].output_shapes == (expected,)


@pytest.mark.parametrize("module", [nn.LSTM(4, 3), nn.Bilinear(4, 4, 3)])
def test_a_product_that_the_counter_does_not_know_is_no_zero(module: nn.Module) -> None:
    def forward(net: Any, x: Tensor) -> Any:
        return net.odd(x, x) if isinstance(module, nn.Bilinear) else net.odd(x)

    cost = costs_of(forward, 2, 5, 4, odd=module, norm=nn.LayerNorm((5, 4)))
    assert by_name(cost)["odd"].multiply_adds is None


def test_a_norm_and_an_embedding_are_a_true_zero() -> None:
    cost = costs_of(
        lambda net, x: net.norm(x) + net.table(torch.arange(5)), 2, 5, 4,
        norm=nn.LayerNorm((5, 4)), table=nn.Embedding(5, 4),
    )  # fmt: skip
    assert [layer.multiply_adds for layer in cost.layers] == [0, 0]


def _hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(fails: bool) -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        assert not net.norm.training and not torch.is_grad_enabled()
        y = net.norm(net.conv(x))
        return y.reshape(7, 7) if fails else y

    model = Calling(forward, conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), off=nn.Dropout())
    model.train()
    model.off.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    if fails:
        with pytest.raises(RuntimeError, match="invalid for input of size"):
            layer_costs(model, torch.randn(2, 3, 8, 8))
    else:
        layer_costs(model, torch.randn(2, 3, 8, 8))
    assert [m.training for m in (model, model.conv, model.norm, model.off)] == [
        True, True, True, False,
    ]  # fmt: skip
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert _hooks(model) == 0 and torch.is_grad_enabled()
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_forward_that_catches_a_failing_layer_is_counted_right() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        try:
            return net.wrong(x)
        except RuntimeError:
            return net.right(x)

    cost = costs_of(forward, 2, 4, wrong=nn.Linear(5, 3), right=nn.Linear(4, 3))
    layers = by_name(cost)
    assert layers["wrong"].output_shapes == (None,) and layers["right"].multiply_adds == 12
    assert cost.multiply_adds == 12
