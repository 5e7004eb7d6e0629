"""Guided backpropagation and deconvnet: only positive signals find their way back."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional

from cam_kernels.saliency.activation_rules import changed_activations
from cam_kernels.saliency.score_gradient import Score, score_gradient


def guided_backprop(model: nn.Module, images: Tensor, score: Score) -> Tensor:
    """Guided backpropagation (section 3.4 and figure 1c, arXiv:1412.6806).

    On the way back through a ReLU, R_in = [f > 0] [R_out > 0] R_out, where the gradient would be
    [f > 0] R_out. The rule is defined for ReLU. Of the functions that stand in its place (see
    `changed_activations`) the same is done with their own derivative: R_in = f' relu(R_out).
    Everything else, batch norms and gates among it, passes the gradient as it is.

    It shows what the model can see more than why it decides: the picture hardly depends on the
    upper layers (arXiv:1810.03292). One forward and one backward.

    model : nn.Module in eval mode; it is not changed
    images : Tensor, shape (N, C, H, W), floating point, as the model takes them
    score : from the model's output to a Tensor of shape (N,)

    Returns: Tensor, shape and dtype of `images`, any sign; NaN for an image whose score is not
    finite.

    Raises: ValueError as `score_gradient` and `changed_activations` do.
    """
    return score_gradient(model, images, score, _only_positive)


def deconvnet(model: nn.Module, images: Tensor, score: Score) -> Tensor:
    """The deconvolutional network (section 2.1, arXiv:1311.2901) from the score to the pixels.

    On the way back through a ReLU, R_in = relu(R_out): the forward's mask is not used. Max
    pooling is undone with the recorded switches, which is its gradient, and convolutions with
    their transposed filters, which is theirs. Where pooling windows overlap, what comes back to
    a pixel is summed. Activations that stand in ReLU's place get R_in = relu(R_out), too;
    everything else passes the gradient as it is.

    Only the switches tie the picture to the image: of a network without max pooling it is the
    same for every image. From a class behind global average pooling it may well be empty, as
    the paper starts from one unit at one position; for that see `unit_score`.

    Arguments, result and errors as for `guided_backprop`. One forward and one backward.
    """
    return score_gradient(model, images, score, _rectified)


def _only_positive(scores: Tensor) -> AbstractContextManager[None]:
    return changed_activations(scores, before=torch.relu)


def _rectified(scores: Tensor) -> AbstractContextManager[None]:
    return changed_activations(scores, instead=torch.relu)


def guided_gradcam(guided: Tensor, heatmap: Tensor) -> Tensor:
    """Guided Grad-CAM: guided backpropagation times the Grad-CAM map, which is enlarged to the
    pixels bilinearly (section 3.2, arXiv:1610.02391).

    guided : Tensor, shape (N, C, H, W), from `guided_backprop`
    heatmap : Tensor, shape (N, rows, cols), values >= 0, of the same scores

    Returns: Tensor, shape and dtype of `guided`, any sign.

    Raises: ValueError where the shapes do not fit.
    """
    if guided.ndim != 4 or heatmap.ndim != 3 or len(guided) != len(heatmap):
        raise ValueError(
            f"guided backpropagation has shape {tuple(guided.shape)} and the heatmap "
            f"{tuple(heatmap.shape)}; expected (N, C, H, W) and (N, rows, cols) of the same N"
        )
    enlarged = functional.interpolate(
        heatmap[:, None].to(guided), size=guided.shape[2:], mode="bilinear", align_corners=False
    )
    return guided * enlarged
