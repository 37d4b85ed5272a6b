"""What a network can be asked so that it learns to see without labels. Tasks mix: one pass serves them all.

A task may distort the crops before the network sees them, and turns the maps of each block into a loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.network.base import StackPlan


@dataclass
class Batch:
    """Crops on their way to the network, and what the tasks need to know about them."""

    crops: Tensor
    """Float (N, 3, side, side) in 0..1: as they are."""
    seen: Tensor
    """The same, as the network gets to see them."""
    chosen: Tensor
    """Which photo each was cut from, (N,)."""
    turns: Tensor | None = None
    """Quarter turns, (N,), if they were turned."""


def block_weights(blocks: int) -> list[float]:
    """A shallow block cannot name a photo well; it is asked, but not pressed."""
    return [0.1, 0.2, 0.3, 0.6, 1.0, 1.0][:blocks]


def statistics(maps: Tensor) -> Tensor:
    """Mean and deviation of each map, (N, 2 C): what a style is made of, and nothing about where things are."""
    maps = maps.float()
    mean = maps.mean((2, 3))
    # Not torch.var, whose CPU kernel took a tenth of a training step.
    variance = (maps.square().mean((2, 3)) - mean.square()).clamp(min=0)
    return torch.cat([mean, (variance + 1e-5).sqrt()], 1)


class Task(nn.Module):
    """One question, with whatever has to be learnt to answer it."""

    weight: float = 1.0
    repeats: int = 1
    """Crops that the task needs of every photo."""

    def distort(self, batch: Batch, generator: torch.Generator) -> None:
        """Change what the network sees of the batch."""

    def loss(self, blocks: list[Tensor], batch: Batch) -> Tensor:
        """:param blocks: the last maps of every block, (N, C, h, w)."""
        raise NotImplementedError


class Instance(Task):
    """From which photo was the crop cut? (Dosovitskiy et al. 2014, "Exemplar-CNN".)

    Every block has a classifier of its own, over nothing but the mean and the deviation of its maps, so that those,
    the very statistics that make a style, tell one picture from another at every scale.
    """

    def __init__(self, plan: StackPlan, photos: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm1d(2 * widths[-1]),
                nn.Dropout(0.2),
                nn.Linear(2 * widths[-1], 256),
                nn.ReLU(),
                nn.Linear(256, photos),
            )
            for widths in plan.blocks
        )

    def scores(self, blocks: list[Tensor]) -> list[Tensor]:
        """Scores (N, photos) of each block's classifier, from shallow to deep."""
        return [head(statistics(maps)) for head, maps in zip(self.heads, blocks, strict=True)]

    def loss(self, blocks: list[Tensor], batch: Batch) -> Tensor:
        losses = [F.cross_entropy(score, batch.chosen, label_smoothing=0.05) for score in self.scores(blocks)]
        return torch.stack([w * x for w, x in zip(block_weights(len(losses)), losses, strict=True)]).sum()


class Rotation(Task):
    """By how many quarter turns was the crop turned? (Gidaris et al. 2018.) Asked of the two deepest blocks."""

    weight = 0.5

    def __init__(self, plan: StackPlan) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(widths[-1]), nn.Conv2d(widths[-1], 128, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
            )
            for widths in plan.blocks[-2:]
        )
        self.answers = nn.ModuleList(nn.Linear(128, 4) for _ in plan.blocks[-2:])

    def distort(self, batch: Batch, generator: torch.Generator) -> None:
        batch.turns = torch.randint(4, (len(batch.seen),), generator=generator).to(batch.seen.device)
        turned = [torch.rot90(batch.seen, turn, (2, 3)) for turn in range(4)]
        for turn in range(1, 4):
            batch.seen = torch.where((batch.turns == turn).view(-1, 1, 1, 1), turned[turn], batch.seen)

    def loss(self, blocks: list[Tensor], batch: Batch) -> Tensor:
        assert batch.turns is not None
        losses = [
            F.cross_entropy(answer(head(maps).flatten(1).float()), batch.turns)
            for head, answer, maps in zip(self.heads, self.answers, blocks[-2:], strict=True)
        ]
        return torch.stack(losses).sum()


class Denoise(Task):
    """What was the crop before noise was added?

    A denoising autoencoder (Vincent et al. 2008). Two small decoders answer: one from the third block, at full size,
    one from the deepest, at a quarter. So the content stays in the maps. Nothing is cut out of the crops: a network
    that had learnt to overlook squares of plain grey let spots of that grey into its paintings.
    """

    weight = 4.0
    NOISE = 0.15

    def __init__(self, plan: StackPlan) -> None:
        super().__init__()
        self.fine = self._decoder(plan.blocks[2][-1], 4)
        self.coarse = self._decoder(plan.blocks[-1][-1], 2 ** (len(plan.blocks) - 3))

    @staticmethod
    def _decoder(channels: int, grow: int) -> nn.Sequential:
        return nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 128, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(128, 3 * grow**2, 3, padding=1),
            nn.PixelShuffle(grow),
        )

    def distort(self, batch: Batch, generator: torch.Generator) -> None:
        strength = self.NOISE * torch.rand((len(batch.seen), 1, 1, 1), generator=generator)
        noise = (strength * torch.randn(batch.seen.shape, generator=generator)).to(batch.seen.device)
        batch.seen = (batch.seen + noise).clamp(0, 1)

    def loss(self, blocks: list[Tensor], batch: Batch) -> Tensor:
        wanted = batch.crops
        if batch.turns is not None:
            turned = [torch.rot90(wanted, turn, (2, 3)) for turn in range(4)]
            for turn in range(1, 4):
                wanted = torch.where((batch.turns == turn).view(-1, 1, 1, 1), turned[turn], wanted)
        small = F.avg_pool2d(wanted, 4)
        fine, coarse = self.fine(blocks[2]).float(), self.coarse(blocks[-1]).float()
        error: Tensor = (fine - wanted).abs().mean() + (coarse - small).abs().mean()
        return error


class Contrast(Task):
    """Which two crops come from the same photo? (Chen et al. 2020, "SimCLR": NT-Xent.)"""

    repeats = 2
    TEMPERATURE = 0.2

    def __init__(self, plan: StackPlan) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.BatchNorm1d(2 * widths[-1]), nn.Linear(2 * widths[-1], 128), nn.ReLU(), nn.Linear(128, 64))
            for widths in plan.blocks
        )

    def loss(self, blocks: list[Tensor], batch: Batch) -> Tensor:
        losses = []
        same = batch.chosen.unsqueeze(0) == batch.chosen.unsqueeze(1)
        itself = torch.eye(len(batch.chosen), dtype=torch.bool, device=batch.chosen.device)
        for head, maps in zip(self.heads, blocks, strict=True):
            code = F.normalize(head(statistics(maps)), dim=1)
            likeness = (code @ code.T / self.TEMPERATURE).masked_fill(itself, -1e9)
            partners = (same & ~itself).float()
            chance = F.log_softmax(likeness, 1)
            losses.append(-(chance * partners).sum() / partners.sum().clamp(min=1))
        return torch.stack([w * x for w, x in zip(block_weights(len(losses)), losses, strict=True)]).sum()


NAMES = ("instance", "rotation", "denoise", "contrast")


def make_task(name: str, plan: StackPlan, photos: int) -> Task:
    """The task of that name (one of NAMES) for a network of that shape."""
    if name == "instance":
        return Instance(plan, photos)
    return {"rotation": Rotation, "denoise": Denoise, "contrast": Contrast}[name](plan)
