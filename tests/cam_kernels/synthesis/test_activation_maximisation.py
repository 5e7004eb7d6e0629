"""Gradient ascent: what it must find where the answer is known, and what it must not claim."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cam_kernels.synthesis.activation_maximisation import SyntheticInputs, maximise_activation
from cam_kernels.synthesis.ascent import Ascent, Response, no_longer_than, of_units
from cam_kernels.synthesis.image_parametrisation import FourierImages, Parametrisation, PixelImages
from cam_kernels.synthesis.image_priors import style_similarity, total_variation

STILL = Ascent(steps=60, jitter=0, degrees=0, zoom=0, smoothness=0)


def climb(
    respond: Response,
    units: list[int],
    ascent: Ascent,
    parametrisation: Parametrisation | None = None,
    per_unit: int = 1,
    seed: int = 0,
) -> SyntheticInputs:
    return maximise_activation(
        respond,
        units,
        parametrisation or FourierImages(24),
        ascent,
        torch.Generator().manual_seed(seed),
        per_unit=per_unit,
    )


def random_net(depth: int = 3) -> nn.Module:
    """Convolutions with random weights and no bias, ReLU after each."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        layers: list[nn.Module] = []
        for i in range(depth):
            conv = nn.Conv2d(
                3 if i == 0 else 16, 16, 3, padding=1, stride=2 if i else 1, bias=False
            )
            layers += [conv, nn.ReLU(inplace=True)]
        return nn.Sequential(*layers).eval()


def centred(net: nn.Module) -> Response:
    return lambda images: net(4 * images - 2)


@pytest.mark.parametrize("centre", [True, False])
def test_optimum_of_a_linear_layer_is_the_sign_of_its_kernel(centre: bool) -> None:
    kernel = torch.randn((2, 3, 5, 5), generator=torch.Generator().manual_seed(0))
    kernel = torch.where(kernel.abs() < 0.1, 0.1 * kernel.sign(), kernel)
    ascent = replace(STILL, steps=300, learning_rate=0.1, centre=centre)

    def respond(images: Tensor) -> Tensor:
        return F.conv2d(images, kernel, padding=2 if centre else 0)

    found = climb(respond, [0, 1], ascent, PixelImages(5))
    # The best pixel is white where its weight is positive and black elsewhere.
    assert torch.equal(found.images > 0.5, kernel > 0)
    for unit in range(2):
        best = sum(w for w in kernel[unit].flatten().tolist() if w > 0)
        worst = sum(w for w in kernel[unit].flatten().tolist() if w < 0)
        assert best - 0.02 * (best - worst) < found.activation[unit].item() <= best


def test_mean_over_the_map_takes_the_sign_of_the_sum_of_weights_per_pixel() -> None:
    kernel = torch.randn((1, 3, 3, 3), generator=torch.Generator().manual_seed(1))
    ascent = replace(STILL, steps=300, learning_rate=0.1)
    found = climb(lambda images: F.conv2d(images, kernel), [0], ascent, PixelImages(6))
    for channel in range(3):
        for y in range(6):
            for x in range(6):
                weight = sum(
                    kernel[0, channel, y - row, x - col].item()
                    for row in range(4)
                    for col in range(4)
                    if 0 <= y - row < 3 and 0 <= x - col < 3
                )
                if abs(weight) > 0.05:
                    assert (found.images[0, channel, y, x].item() > 0.5) == (weight > 0)


@pytest.mark.parametrize("parametrisation", [FourierImages(24), PixelImages(24)])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_activation_grows_at_least_fivefold(parametrisation: Parametrisation, depth: int) -> None:
    ascent = replace(STILL, steps=150, learning_rate=0.1)
    found = climb(centred(random_net(depth)), list(range(16)), ascent, parametrisation)
    assert (found.activation >= 5 * found.noise).all()
    assert (found.activation > found.start).all()


def test_numbers_are_those_of_the_pictures_themselves() -> None:
    net = centred(random_net())
    found = climb(net, [3, 7], Ascent(steps=5), per_unit=2)
    mean = net(found.images).mean(dim=(2, 3))
    expected = [mean[i, unit].item() for i, unit in enumerate([3, 3, 7, 7])]
    assert found.activation.tolist() == pytest.approx(expected)
    generator = torch.Generator().manual_seed(0)
    fourier = FourierImages(24)
    noise = net(fourier.images(fourier.draw(16, generator))).mean(dim=(0, 2, 3))
    assert found.noise.tolist() == pytest.approx(noise[[3, 3, 7, 7]].tolist())
    unmoved = climb(net, [3, 7], Ascent(steps=1, learning_rate=1e-12), per_unit=2)
    assert found.start.tolist() == pytest.approx(unmoved.activation.tolist(), rel=1e-4)


@pytest.mark.parametrize("per_unit", [1, 2])
def test_same_seed_same_pictures(per_unit: int) -> None:
    net = centred(random_net())
    one, other = (climb(net, [1, 5], Ascent(steps=12), per_unit=per_unit) for _ in range(2))
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.activation, other.activation)
    third = climb(net, [1, 5], Ascent(steps=12), per_unit=per_unit, seed=1)
    assert not torch.equal(one.images, third.images)


def test_global_randomness_is_neither_used_nor_touched() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = climb(centred(random_net()), [1], Ascent(steps=4))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    assert torch.equal(one.images, climb(centred(random_net()), [1], Ascent(steps=4)).images)


def test_a_unit_does_not_depend_on_its_neighbours() -> None:
    net = centred(random_net())
    alone = climb(net, [5], Ascent(steps=12))
    among = climb(net, [2, 5, 9], Ascent(steps=12))
    torch.testing.assert_close(alone.images[0], among.images[1], atol=1e-3, rtol=0)


def test_a_dead_unit_is_told_from_a_living_one() -> None:
    net = random_net()
    last = net[-2]
    assert isinstance(last, nn.Conv2d)
    with torch.no_grad():
        last.weight[4] = -last.weight[4].abs()  # of inputs that are never negative
    found = climb(centred(net), [3, 4], Ascent(steps=30))
    assert found.steps.tolist() == [30, 0]
    assert found.activation[1] == 0


def test_a_unit_that_sleeps_at_first_is_woken_by_stronger_noise() -> None:
    def respond(images: Tensor) -> Tensor:
        contrast = images.flatten(1).var(dim=1)
        return torch.stack([(contrast - 0.01).relu(), contrast], dim=1)

    found = climb(respond, [0, 1], replace(Ascent(), steps=60))
    assert found.start[0] == 0
    assert found.steps[0] == 60
    assert found.activation[0] > 0.03


def test_a_unit_at_its_ceiling_came_to_rest() -> None:
    found = climb(lambda images: images.mean(dim=(2, 3)).clamp(max=0.6), [0], STILL)
    assert found.activation.item() == pytest.approx(0.6)
    assert 0 < found.steps.item() < 60


def test_not_a_number_stays_with_its_unit() -> None:
    def respond(images: Tensor) -> Tensor:
        mean = images.mean(dim=(2, 3))
        return torch.stack([mean[:, 0], (mean[:, 1] - 2).log()], dim=1)

    found = climb(respond, [0, 1], Ascent(steps=5))
    assert found.activation.isfinite().tolist() == [True, False]
    assert found.images[0].isfinite().all()


def test_smoothness_makes_smoother_pictures() -> None:
    net = centred(random_net())
    rough, smooth = (climb(net, [1, 5], replace(STILL, smoothness=s)) for s in (0.0, 500.0))
    assert (total_variation(smooth.images) < 0.5 * total_variation(rough.images)).all()


def test_penalties_never_outweigh_the_activation() -> None:
    penalty = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [1.0, 1.0]])
    gradient = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    expected = torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(no_longer_than(penalty, gradient), expected)


def test_a_weak_unit_is_not_smoothed_to_sleep() -> None:
    def respond(images: Tensor) -> Tensor:
        edges = images.diff(dim=3).square().mean(dim=(1, 2, 3))
        return torch.stack([edges, 1e-4 * (edges - 1e-3).relu()], dim=1)

    found = climb(respond, [0, 1], replace(STILL, smoothness=20.0))
    assert found.steps.tolist() == [60, 60]
    assert (found.activation > 0).all()


def test_diversity_drives_the_pictures_of_a_unit_apart() -> None:
    net = centred(random_net())
    alike, apart = (
        style_similarity(net(climb(net, [1, 5], replace(STILL, diversity=d), per_unit=3).images), 3)
        for d in (0.0, 30.0)
    )
    assert (apart < alike).all()


def test_centre_cell_and_mean_are_read_from_the_map() -> None:
    output = torch.randn((3, 4, 5, 6), generator=torch.Generator().manual_seed(0))
    units = torch.tensor([2, 0, 3])
    for i, unit in enumerate(units.tolist()):
        cells = [output[i, unit, y, x].item() for y in range(5) for x in range(6)]
        assert of_units(output, units, centre=False)[i].item() == pytest.approx(sum(cells) / 30)
        assert of_units(output, units, centre=True)[i].item() == cells[2 * 6 + 3]


def test_the_model_stays_as_it_was() -> None:
    net = random_net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    climb(centred(net), [1], Ascent(steps=4))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize("units", [[16], [-1], []])
def test_units_that_are_not_there(units: list[int]) -> None:
    with pytest.raises(ValueError, match="expected some of 0 to 15"):
        climb(centred(random_net()), units, Ascent(steps=1))


def test_every_step_is_told() -> None:
    told = []
    maximise_activation(
        centred(random_net()), [0], PixelImages(16), Ascent(steps=7), torch.Generator(),
        on_step=lambda: told.append(1),
    )  # fmt: skip
    assert len(told) == 7
