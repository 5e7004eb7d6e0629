"""Methods that weigh each position of each channel by its own gradient.

`gradients` may have spatial size 1 x 1, which means "the same at every position".
"""

from torch import Tensor

from cam_kernels.methods.precision import widened
from cam_kernels.methods.weighted_sum import gradient_times_activation


def hirescam_map(activations: Tensor, gradients: Tensor) -> Tensor:
    """HiResCAM: sum_k g_k A_k, position by position (arXiv:2011.08891).

    The paper's attention map has no ReLU, and neither has this one: where a single linear
    layer follows the activations, its sum is the class logit less the bias. Take `.relu()` of
    it to draw it beside maps that have one.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, H, W), any sign, in the units of the logit.
    """
    return gradient_times_activation(activations, gradients)


def layercam_map(activations: Tensor, gradients: Tensor) -> Tensor:
    """LayerCAM: relu(sum_k relu(g_k) A_k), position by position.

    P.-T. Jiang et al., LayerCAM, IEEE Transactions on Image Processing 30 (2021), 5875-5888,
    doi:10.1109/TIP.2021.3089943. The paper's tanh scaling of shallow layers comes
    after this map and is no part of it.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, H, W), values >= 0, in the units of the logit.
    """
    return gradient_times_activation(activations, gradients.relu()).relu()


def elementwise_gradcam_map(activations: Tensor, gradients: Tensor) -> Tensor:
    """Element-wise Grad-CAM: sum_k relu(g_k A_k), position by position.

    It has no paper; it is `GradCAMElementWise` of the pytorch-grad-cam library. For
    activations >= 0 it equals LayerCAM; where they are negative, a negative gradient there
    counts as evidence, too.

    activations : Tensor, shape (N, K, H, W)
    gradients : Tensor, shape (N, K, H, W) or (N, K, 1, 1), of the class logit

    Returns: Tensor, shape (N, H, W), values >= 0, in the units of the logit.
    """
    return (widened(gradients) * widened(activations)).relu().sum(dim=1)
