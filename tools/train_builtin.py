"""Train the built-in feature network from scratch, on any folder or zip of photos.

    python tools/train_builtin.py PHOTOS [--steps 2500] [--seed 1] [--device auto]

The task is instance classification (Dosovitskiy et al. 2014, "Exemplar-CNN"): every photo is a class of its
own, and the network has to tell from a small, distorted crop which photo it was cut from. Each block
has a classifier of its own that sees nothing but the mean and the deviation of the block's maps, so that
those, the very statistics that make a style, tell one picture from another at every scale. The colours of
a crop are hardly distorted, so colour stays something the network sees.

Batch normalisation helps the training and is folded into the convolutions afterwards. At the end every
map is scaled to a mean activation of one over the photos (as Gatys et al. do with VGG), so that one set of loss
weights fits every picture. Writes `weights.safetensors` and `training.json` (recipe and figures).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.network.builtin import PLAN

DEFAULT_OUT = Path(__file__).resolve().parent.parent / "pipeline" / "network" / "builtin"
CANVAS = 288
CROP = 56
HELD_OUT_CROPS = 1024


def read_photos(path: Path) -> Tensor:
    """Every photo of a folder or a zip, as one uint8 tensor (N, 3, CANVAS, CANVAS): centre square, resized."""
    if path.is_dir():
        files = [p.read_bytes() for p in sorted(path.rglob("*")) if p.suffix.lower() in {".jpg", ".jpeg", ".png"}]
    else:
        with zipfile.ZipFile(path) as archive:
            files = [archive.read(n) for n in sorted(archive.namelist()) if n.lower().endswith((".jpg", ".png"))]
    photos = []
    for data in files:
        with Image.open(io.BytesIO(data)) as picture:
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            square = picture.convert("RGB").resize(
                (CANVAS, CANVAS), Image.Resampling.LANCZOS, (left, top, left + side, top + side)
            )
            photos.append(torch.from_numpy(np.array(square)).permute(2, 0, 1))
    return torch.stack(photos)


def crops(photos: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """One distorted crop of each chosen photo, float (N, 3, CROP, CROP) in 0..1.

    Side 56 to 230 pixels of 288 (log-uniform), any place, a turn of up to 20 degrees, mirrored half of the time;
    brightness and contrast vary by 15 %, each colour channel by 4 % only.
    """
    count = len(chosen)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator)

    scale = torch.exp(uniform(math.log(56 / CANVAS), math.log(230 / CANVAS), count))
    angle = uniform(-0.35, 0.35, count)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    shift = uniform(-1, 1, count, 2) * (1 - scale).unsqueeze(1)
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    matrix = torch.stack(
        [
            torch.stack([cosine * mirror, -sine, shift[:, 0]], 1),
            torch.stack([sine * mirror, cosine, shift[:, 1]], 1),
        ],
        1,
    )
    # Twice the size, then halved: half-pixel aliasing would teach the first layer noise.
    grid = F.affine_grid(matrix, [count, 3, 2 * CROP, 2 * CROP], align_corners=False).to(photos.device)
    batch = photos[chosen.to(photos.device)].float() / 255
    batch = F.avg_pool2d(F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False), 2)
    gain = uniform(0.85, 1.15, count, 1, 1, 1) * uniform(0.96, 1.04, count, 3, 1, 1)
    offset = uniform(-0.08, 0.08, count, 1, 1, 1)
    return ((batch - 0.5) * gain.to(batch.device) + 0.5 + offset.to(batch.device)).clamp(0, 1)


class Trainee(nn.Module):
    """The network under training: batch norm after each convolution, one classifier for each block."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        for suffix, channels_in, channels_out in PLAN.convolutions:
            convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.convolutions[suffix] = convolution
            self.norms[suffix] = nn.BatchNorm2d(channels_out)
        for block, widths in enumerate(PLAN.blocks, start=1):
            width = widths[-1]
            self.heads[str(block)] = nn.Sequential(
                nn.BatchNorm1d(2 * width),
                nn.Dropout(0.2),
                nn.Linear(2 * width, 256),
                nn.ReLU(),
                nn.Linear(256, classes),
            )
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(PLAN.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(PLAN.std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Class scores (N, classes) of each block's classifier, from shallow to deep."""
        x = (image - self.mean) / self.std
        scores = []
        for block, widths in enumerate(PLAN.blocks, start=1):
            if block > 1:
                x = F.avg_pool2d(x, 2)
            for number in range(1, len(widths) + 1):
                suffix = f"{block}_{number}"
                x = F.relu(self.norms[suffix](self.convolutions[suffix](x)))
            flat = x.flatten(2)
            statistics = torch.cat([flat.mean(2), (flat.var(2) + 1e-5).sqrt()], 1)
            scores.append(self.heads[str(block)](statistics))
        return scores


# A shallow block cannot name a photo well; it is asked, but not pressed.
HEAD_WEIGHTS = (0.1, 0.2, 0.3, 0.6, 1.0)


def folded(trainee: Trainee) -> dict[str, Tensor]:
    """Convolutions with their batch norm folded in: `conv1_1.weight`, `conv1_1.bias`, …"""
    weights = {}
    for suffix, _, _ in PLAN.convolutions:
        norm, convolution = trainee.norms[suffix], trainee.convolutions[suffix]
        assert isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None and norm.running_mean is not None
        assert isinstance(convolution, nn.Conv2d)
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        kernel = convolution.weight
        weights[f"conv{suffix}.weight"] = (kernel * gain.view(-1, 1, 1, 1)).detach().cpu()
        weights[f"conv{suffix}.bias"] = (norm.bias - norm.running_mean * gain).detach().cpu()
    return weights


@torch.no_grad()
def with_mean_activation_one(weights: dict[str, Tensor], photos: Tensor) -> dict[str, Tensor]:
    """Scale every map so that its mean after the rectifier is one over `photos`.

    Exact, because relu(a x) = a relu(x) for a > 0 and average pooling is linear: what a layer gains, the next one's
    kernel loses. A map far less active than its layer is raised by no more than ten times the layer's own gain, or its
    rare peaks would outweigh everything in the Gram matrix.
    """
    weights = dict(weights)
    mean, std = torch.tensor(PLAN.mean).view(1, 3, 1, 1), torch.tensor(PLAN.std).view(1, 3, 1, 1)
    maps = [(p.unsqueeze(0).float() / 255 - mean) / std for p in photos[:: max(1, len(photos) // 100)]]
    undo = torch.ones(3)
    block = "1"
    for suffix, _, _ in PLAN.convolutions:
        if suffix[0] != block:
            block, maps = suffix[0], [F.avg_pool2d(m, 2) for m in maps]
        kernel, bias = weights[f"conv{suffix}.weight"] / undo.view(1, -1, 1, 1), weights[f"conv{suffix}.bias"]
        raw = [F.relu(F.conv2d(m, kernel, bias, padding=1)) for m in maps]
        average = torch.stack([m.mean((0, 2, 3)) for m in raw]).mean(0)
        gain = 1 / average.clamp(min=0.1 * float(average.mean()))
        weights[f"conv{suffix}.weight"] = kernel * gain.view(-1, 1, 1, 1)
        weights[f"conv{suffix}.bias"] = bias * gain
        maps = [m * gain.view(1, -1, 1, 1) for m in raw]
        undo = gain
    return weights


@torch.no_grad()
def accuracy(trainee: Trainee, photos: Tensor, seed: int) -> list[float]:
    """Share of fresh crops named rightly, for each block's classifier."""
    trainee.eval()
    generator = torch.Generator().manual_seed(seed)
    right = torch.zeros(len(PLAN.blocks))
    for _ in range(HELD_OUT_CROPS // 128):
        chosen = torch.randint(len(photos), (128,), generator=generator)
        scores = trainee(crops(photos, chosen, generator))
        right += torch.tensor([(s.argmax(1).cpu() == chosen).float().sum() for s in scores])
    trainee.train()
    return [round(float(r) / HELD_OUT_CROPS, 4) for r in right]


def write_weights(trainee: Trainee, photos: Tensor, out: Path) -> Path:
    """Fold, scale and save; returns the file."""
    weights = with_mean_activation_one(folded(trainee), photos.cpu())
    out.mkdir(parents=True, exist_ok=True)
    path = out / "weights.safetensors"
    save_file({name: tensor.contiguous().float() for name, tensor in weights.items()}, path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder or zip of photos")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate of AdamW")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    photos = read_photos(options.photos).to(options.device)
    trainee = Trainee(len(photos)).to(options.device)
    optimiser = torch.optim.AdamW(trainee.parameters(), lr=options.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.rate, total_steps=options.steps, pct_start=0.1, div_factor=20
    )
    began = time.monotonic()
    average = math.log(len(photos))
    for step in range(1, options.steps + 1):
        chosen = torch.randint(len(photos), (options.batch,), generator=generator)
        scores = trainee(crops(photos, chosen, generator))
        losses = [F.cross_entropy(s, chosen.to(s.device), label_smoothing=0.05) for s in scores]
        loss = torch.stack([weight * value for weight, value in zip(HEAD_WEIGHTS, losses, strict=True)]).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        average += 0.02 * (losses[-1].item() - average)
        if step % 100 == 0:
            took = time.monotonic() - began
            print(f"step {step}/{options.steps}  loss {average:.3f}  {took:.0f} s", flush=True)
        if step % 500 == 0:
            print("accuracy by block", accuracy(trainee, photos, options.seed + 1), flush=True)
            write_weights(trainee, photos, options.out)

    figures = accuracy(trainee, photos, options.seed + 1)
    path = write_weights(trainee, photos, options.out)
    record = {
        "task": "instance classification by mean and deviation of each block's maps",
        "photos": len(photos), "canvas": CANVAS, "crop": CROP, "steps": options.steps, "batch": options.batch,
        "optimiser": "AdamW, weight decay 0.02, one cycle", "peak_rate": options.rate, "seed": options.seed,
        "label_smoothing": 0.05, "head_weights": HEAD_WEIGHTS,
        "accuracy_by_block": figures, "device": options.device, "minutes": round((time.monotonic() - began) / 60, 1),
        "torch": torch.__version__, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    (options.out / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
