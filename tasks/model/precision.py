"""The type of number that a network computes in."""

import torch

from tasks.errors import AuditError


def arithmetic(precision: str, device: torch.device) -> torch.dtype:
    """float32, bfloat16 or float16.

    precision : as of TrainConfig; auto is bfloat16 on a GPU that computes in it, else float32:
        it has float32's range, so it needs no scaling of the loss (arXiv:1905.12322)

    Raises: AuditError where the device is not made for it.
    """
    if precision == "float16" and device.type != "cuda":
        raise AuditError(
            "precision float16 needs a GPU: on a CPU it saves nothing. Give --precision float32, "
            "or bfloat16"
        )
    if precision == "auto":
        on_gpu = device.type == "cuda"
        own = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if own else torch.float32
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    return dtypes[precision]
