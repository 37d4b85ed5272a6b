"""What the presets are: plain values, no logic. `pipeline.settings` makes complete settings out of them."""

from __future__ import annotations

from typing import Any

Layers = tuple[tuple[str, float], ...]
"""Layers of a network, each with its weight."""
DEFAULT_PRESET = "standard"


def equal(*layers: str) -> Layers:
    """Every layer with the same weight; the weights sum to one."""
    return tuple((layer, 1 / len(layers)) for layer in layers)


_OURS: dict[str, Any] = {
    # The layers that Gatys et al. name.
    "content_layers": (("conv4_2", 1.0),),
    "style_layers": equal("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"),
    "statistic": "gram",
    "style_weight": 2.0,
    "tv_weight": 20.0,
    "normalisation": "relative",
    # After 60 steps L-BFGS stands where Adam stands after 150, in the same time a step.
    "optimizer": "lbfgs",
    "learning_rate": 0.1,
    "content_weight": 1.0,
    "smallest": 48,
    "tolerance": 0.01,
    "patience": 15,
    "temporal_weight": 200.0,
}

# Caffe rectifies in place, so the maps that the paper and its followers call conv4_2 are relu4_2 here.
_PAPER_LAYERS: dict[str, Any] = {
    "content_layers": (("relu4_2", 1.0),),
    "statistic": "gram",
    "levels": 1,
    "averaging": 0.0,
    "tv_weight": 0.0,
    "recolour": 0.0,
}

VALUES: dict[str, tuple[str, dict[str, Any]]] = {
    "draft": (
        "A quick look: 256 pixels, few steps.",
        {**_OURS, "size": 256, "levels": 3, "steps": 30, "carried_steps": 12},
    ),
    "standard": (
        "The default: 512 pixels, painted from coarse to fine, videos in two passes.",
        {**_OURS, "size": 512, "levels": 3, "steps": 60, "carried_steps": 40, "passes": 2},
    ),
    "fine": (
        "For print and for the big screen: 1024 pixels, many steps.",
        {**_OURS, "size": 1024, "levels": 4, "steps": 200, "carried_steps": 60, "tolerance": 0.003, "passes": 2},
    ),
    "gatys2016": (
        "Gatys, Ecker and Bethge (CVPR 2016): L-BFGS, average pooling, equations 1 to 7 as printed, "
        "alpha / beta = 1e-3, w_l = 1/5, white noise at the start.",
        {
            **_PAPER_LAYERS,
            "style_layers": equal("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
            "normalisation": "gatys2016",
            "pooling": "average",
            "content_weight": 1.0,
            "style_weight": 1000.0,
            "optimizer": "lbfgs",
            "learning_rate": 0.1,
            "start": "noise",
            "steps": 500,
            "carried_steps": 250,
        },
    ),
    "classic": (
        "The widespread notebook: Adam at 0.003, content weight 1, style weight 1e6, layer weights "
        "1, .75, .2, .2, .2, up to 20,000 steps from a clone of the content.",
        {
            **_PAPER_LAYERS,
            "style_layers": (
                ("relu1_1", 1.0),
                ("relu2_1", 0.75),
                ("relu3_1", 0.2),
                ("relu4_1", 0.2),
                ("relu5_1", 0.2),
            ),
            "normalisation": "notebook",
            "pooling": "max",
            "content_weight": 1.0,
            "style_weight": 1e6,
            "optimizer": "adam",
            "learning_rate": 0.003,
            "start": "content",
            "steps": 20000,
            "carried_steps": 2000,
            "tolerance": 0.001,
            "patience": 500,
        },
    ),
}
