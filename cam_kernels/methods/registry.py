"""The methods, by the names that a user gives."""

from collections.abc import Callable

from torch import Tensor

from cam_kernels.methods.channel_weights import (
    cam_weights,
    gradcam_pp_epsilon_weights,
    gradcam_pp_official_weights,
    gradcam_pp_weights,
    gradcam_weights,
    xgradcam_weights,
)

ChannelWeights = Callable[[Tensor, Tensor], Tensor]

METHODS: dict[str, ChannelWeights] = {
    "gradcam++": gradcam_pp_weights,
    "gradcam++-official": gradcam_pp_official_weights,
    "gradcam++-epsilon": gradcam_pp_epsilon_weights,
    "gradcam": gradcam_weights,
    "cam": cam_weights,
    "xgradcam": xgradcam_weights,
}
