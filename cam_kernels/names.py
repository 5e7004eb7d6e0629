"""What a user may name. Nothing here needs torch, whose import takes seconds."""

from typing import Literal

Scale = Literal["logit", "probability", "sigmoid"]
ParametrisationName = Literal["fourier", "pixel"]

# The methods, in the order in which they are listed, with their titles in the literature.
TITLES = {
    "gradcam++": "Grad-CAM++",
    "gradcam++-official": "Grad-CAM++ (official)",
    "gradcam++-epsilon": "Grad-CAM++ (epsilon)",
    "gradcam": "Grad-CAM",
    "cam": "CAM",
    "hirescam": "HiResCAM",
    "xgradcam": "XGrad-CAM",
    "layercam": "LayerCAM",
    "elementwise-gradcam": "Element-wise Grad-CAM",
    "eigencam": "Eigen-CAM",
    "eigen-gradcam": "Eigen-Grad-CAM",
    "shapleycam": "Shapley-CAM",
    "finercam": "Finer-CAM",
    "fullgrad": "FullGrad",
    "smooth-gradcam++": "Smooth Grad-CAM++",
    "scorecam": "Score-CAM",
    "sscam": "SS-CAM",
    "iscam": "IS-CAM",
    "ablationcam": "Ablation-CAM",
}

# Grad-CAM++ as others compute it: for comparison, not for a choice among methods.
VARIANTS = ("gradcam++-official", "gradcam++-epsilon")
