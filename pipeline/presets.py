"""What the presets are: plain values, no logic. `pipeline.settings` makes complete settings out of them."""

from __future__ import annotations

from typing import Any

Layers = tuple[tuple[str, float], ...]
"""Layers of a network, each with its weight."""
DEFAULT_PRESET = "standard"


# Caffe rectifies in place, so the maps that the paper and its followers call conv4_2 are relu4_2 here.
_CONTENT: Layers = (("relu4_2", 1.0),)

# Found on the real VGG-19, over pairs of pictures; the tables stand in benchmarks/README.md.
_OURS: dict[str, Any] = {
    "content_layers": _CONTENT,
    # Covariances of N filters need many more than N positions. With fewer they say what is where in the style picture,
    # and a painting that has them shows it: a hat for a face, a woman's head in a lion's mane. So there is no relu5_1,
    # and relu4_1 counts less at coarse sizes.
    "style_layers": (("relu1_1", 0.3), ("relu2_1", 0.3), ("relu3_1", 0.3), ("relu4_1", 0.1)),
    "positions_per_filter": 4.0,
    "padding": "replicate",
    "pooling": "average",
    "statistic": "moments",
    "normalisation": "relative",
    "content_weight": 1.0,
    "style_weight": 18.0,
    "tv_weight": 2.0,
    "start": "recoloured",
    "optimizer": "lbfgs",
    "learning_rate": 0.1,
    "smallest": 40,
    "clip_palette": 1.0,
    "temporal_weight": 2000.0,
    # What has come into view gets strokes at the coarse size. At the full one alone it got dots, more with every step.
    "carried_levels": 2,
    "long_term": (1, 2, 4, 8),
    # What has come into view can change while all else is held, so it takes what the style loss still lacks there: dots
    # and flat dark. Held less at first, all of it is painted; the last pass brings calm, and is as steady as before.
    "early_hold": 0.1,
}

_PAPER: dict[str, Any] = {
    "content_layers": _CONTENT,
    "padding": "zeros",
    "statistic": "gram",
    "levels": 1,
    "averaging": 0.0,
    "tv_weight": 0.0,
    "recolour": 0.0,
}

VALUES: dict[str, tuple[str, dict[str, Any]]] = {
    "draft": (
        "A quick look: 256 pixels, few steps.",
        # Two passes with 5 and 3 steps take as long as one with 8, and are better and calmer.
        {**_OURS, "size": 256, "levels": 3, "steps": 25, "coarse_steps": 1.2, "carried_steps": 5, "passes": 2},
    ),
    "standard": (
        "The default: 512 pixels, painted from coarse to fine, videos in two passes.",
        {**_OURS, "size": 512, "levels": 3, "steps": 27, "coarse_steps": 1.5, "carried_steps": 12, "passes": 2},
    ),
    "fine": (
        "For print and for the big screen: 1024 pixels, many steps.",
        {**_OURS, "size": 1024, "levels": 4, "steps": 60, "coarse_steps": 1.5, "carried_steps": 30, "passes": 2},
    ),
    "gatys2016": (
        "Gatys, Ecker and Bethge (CVPR 2016), with the weights of Gatys's own code: L-BFGS, average pooling, Gram "
        "matrices, w_l = 1000 / N^2 for N filters, from a clone of the content.",
        {
            **_PAPER,
            # The equations as printed, at the ratio of 1e-3 that the paper names, leave the content almost as it is.
            "style_layers": tuple((f"relu{block}_1", 1.0) for block in range(1, 6)),
            "normalisation": "released",
            "pooling": "average",
            "content_weight": 1.0,
            "style_weight": 1.0,
            "optimizer": "lbfgs",
            "learning_rate": 0.1,
            "start": "content",
            "steps": 500,
            "carried_steps": 250,
        },
    ),
    "classic": (
        "The widespread notebook: Adam at 0.003, content weight 1, style weight 1e6, layer weights "
        "1, .75, .2, .2, .2, up to 20,000 steps from a clone of the content.",
        {
            **_PAPER,
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
