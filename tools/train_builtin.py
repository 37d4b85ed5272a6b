"""Train a feature network such as the built-in one from scratch, on any folder or zip of photos.

    python tools/train_builtin.py PHOTOS [--more PAINTINGS] [--precision bfloat16] [--out FOLDER]

Tasks and what they ask: `tools/training/tasks.py`. The colours of a crop are hardly distorted, so colour stays
something the network sees. Batch normalisation helps the training and is folded into the convolutions afterwards. At
the end every map is scaled to a mean activation of one over the photos, so that one set of loss weights fits every
picture. Writes `weights.safetensors` and `training.json` (recipe and figures), and on the way `checkpoint.pt`, from
which `--resume` goes on. The same seed gives the same network on the same machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from training.photos import CANVAS, crops, read_photos
from training.tasks import NAMES, Batch, Instance, Task, make_task
from training.trainee import Trainee, folded, with_mean_activation_one

from pipeline.network.base import Pooling, StackPlan
from pipeline.network.builtin import PLAN

DEFAULT_OUT = Path(__file__).resolve().parent.parent / "pipeline" / "network" / "builtin"
HELD_OUT_CROPS = 1024
CHECKPOINT_EVERY = 500


@dataclass(frozen=True)
class Recipe:
    """All that decides which network comes out, beside the photos. What is given here made the shipped one."""

    tasks: tuple[str, ...] = ("instance", "denoise")
    blocks: tuple[tuple[int, ...], ...] = PLAN.blocks
    pooling: Pooling = "average"
    steps: int = 2500
    batch: int = 64
    crop: int = 64
    colour: float = 0.04
    adversary: float = 0.02
    """Greatest change of a pixel, in 0..1, that an adversary makes to what the network sees in every second step."""
    rate: float = 2e-3
    seed: int = 1
    precision: str = "float32"

    @property
    def plan(self) -> StackPlan:
        return replace(PLAN, blocks=self.blocks)


class Training:
    """A trainee with its tasks, and everything that is needed to go on after a break."""

    def __init__(self, recipe: Recipe, photos: Tensor, more: Tensor | None = None) -> None:
        """:param more: pictures drawn as often as the photos together, such as a few paintings."""
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.pictures = photos if more is None else torch.cat([photos, more])
        # One in eight crops comes from the second source, however small that is.
        weights = torch.ones(len(self.pictures))
        if more is not None:
            weights[len(photos) :] = len(photos) / len(more) / 7
        self.chances = weights / weights.sum()
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.trainee = Trainee(recipe.plan, recipe.pooling).to(photos.device)
        self.tasks = nn.ModuleDict({name: make_task(name, recipe.plan, len(self.pictures)) for name in recipe.tasks})
        self.tasks.to(photos.device)
        self.trainee.to(memory_format=torch.channels_last)
        parameters = [*self.trainee.parameters(), *self.tasks.parameters()]
        self.optimiser = torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=0.02)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, recipe.rate, total_steps=recipe.steps, pct_start=0.1, div_factor=20
        )
        self.done = 0

    def _asked(self) -> list[Task]:
        return [task for task in self.tasks.values() if isinstance(task, Task)]

    def batch(self, generator: torch.Generator) -> Batch:
        """The next crops, as the network sees them."""
        repeats = max(task.repeats for task in self._asked())
        photos = torch.multinomial(self.chances, self.recipe.batch // repeats, True, generator=generator)
        chosen = photos.repeat(repeats)
        cut = crops(self.pictures, chosen, self.recipe.crop, self.recipe.colour, generator)
        batch = Batch(cut, cut, chosen.to(cut.device))
        for task in self._asked():
            task.distort(batch, generator)
        return batch

    def losses(self, batch: Batch) -> list[Tensor]:
        """The loss of each task."""
        with torch.autocast(batch.seen.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            blocks = self.trainee(batch.seen.contiguous(memory_format=torch.channels_last))
        blocks = [maps.float() for maps in blocks]
        return [task.loss(blocks, batch) for task in self._asked()]

    def total(self, losses: list[Tensor]) -> Tensor:
        return torch.stack([task.weight * loss for task, loss in zip(self._asked(), losses, strict=True)]).sum()

    def disturb(self, batch: Batch) -> None:
        """Change every pixel in the direction that hurts most, by up to `adversary` (a different share for each crop).

        One signed gradient step from a random place (Goodfellow et al. 2015; Wong et al. 2020). A network that is not
        to be fooled so answers to what can be seen, and so does a painting that is optimised through it.
        """
        count = len(batch.seen)
        reach = self.recipe.adversary * torch.rand((count, 1, 1, 1), generator=self.generator).to(batch.seen.device)
        chance = torch.rand(batch.seen.shape, generator=self.generator).to(batch.seen.device)
        clean = batch.seen
        batch.seen = (clean + reach * (2 * chance - 1)).requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.total(self.losses(batch)), batch.seen)
        change = (batch.seen.detach() + 1.25 * reach * gradient.sign() - clean).clamp(-reach, reach)
        batch.seen = (clean + change).clamp(0, 1)

    def step(self) -> dict[str, float]:
        """One step; the loss of each task."""
        batch = self.batch(self.generator)
        if self.recipe.adversary and self.done % 2:
            self.disturb(batch)
        losses = self.losses(batch)
        self.optimiser.zero_grad(set_to_none=True)
        self.total(losses).backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()
        self.done += 1
        return {name: loss.item() for name, loss in zip(self.recipe.tasks, losses, strict=True)}

    @torch.no_grad()
    def accuracy(self, seed: int) -> list[float] | None:
        """Share of fresh crops named rightly by each block's classifier; None without such classifiers."""
        asked = [task for task in self._asked() if isinstance(task, Instance)]
        if not asked:
            return None
        self.trainee.eval(), self.tasks.eval()
        generator = torch.Generator().manual_seed(seed)
        right = torch.zeros(len(self.recipe.blocks))
        for _ in range(HELD_OUT_CROPS // 128):
            chosen = torch.randint(len(self.pictures), (128,), generator=generator)
            cut = crops(self.pictures, chosen, self.recipe.crop, self.recipe.colour, generator)
            scores = asked[0].scores(self.trainee(cut))
            right += torch.tensor([(s.argmax(1).cpu() == chosen).float().sum() for s in scores])
        self.trainee.train(), self.tasks.train()
        return [round(float(r) / HELD_OUT_CROPS, 4) for r in right]

    def state(self) -> dict[str, object]:
        return {
            "recipe": asdict(self.recipe), "done": self.done, "trainee": self.trainee.state_dict(),
            "tasks": self.tasks.state_dict(), "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(), "chance": self.generator.get_state(),
            "torch_chance": torch.get_rng_state(),
        }  # fmt: skip

    def go_on_from(self, path: Path) -> None:
        """:raises SystemExit: the checkpoint was made with another recipe."""
        state = torch.load(path, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise SystemExit(f"{path} was made with another recipe: {state['recipe']}.")
        self.trainee.load_state_dict(state["trainee"])
        self.tasks.load_state_dict(state["tasks"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["chance"])
        torch.set_rng_state(state["torch_chance"])
        self.done = state["done"]

    def weights(self) -> dict[str, Tensor]:
        """What is shipped: folded, scaled, in half precision (which changes no map by more than a thousandth)."""
        scaled = with_mean_activation_one(
            self.recipe.plan, folded(self.trainee), self.pictures.cpu(), self.recipe.pooling
        )
        return {name: tensor.contiguous().half() for name, tensor in scaled.items()}


def write_atomically(path: Path, save: object, content: object) -> None:
    part = path.with_name(path.name + ".part")
    save(content, part)  # type: ignore[operator]
    part.replace(path)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Recipe()
    parser.add_argument("photos", type=Path, help="folder or zip of photos")
    parser.add_argument("--more", type=Path, help="another folder or zip, of few pictures: one crop in eight is theirs")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    parser.add_argument("--task", action="append", choices=NAMES, help="several mix; default instance and denoise")
    parser.add_argument("--blocks", help="widths, such as 16,16/48,48/96,96; default those of the built-in network")
    parser.add_argument("--pooling", choices=("average", "max"), default=default.pooling)
    parser.add_argument("--steps", type=int, default=default.steps)
    parser.add_argument("--batch", type=int, default=default.batch)
    parser.add_argument("--crop", type=int, default=default.crop, help="side of a crop in pixels, a multiple of 16")
    parser.add_argument("--colour", type=float, default=default.colour, help="how much a crop's colours vary")
    parser.add_argument("--adversary", type=float, default=default.adversary, help="greatest change of a pixel, 0..1")
    parser.add_argument("--rate", type=float, default=default.rate, help="peak learning rate of AdamW")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), default=default.precision,
        help="bfloat16 is half as fast again where the CPU or GPU has it, and many times slower where not",
    )  # fmt: skip
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    blocks = PLAN.blocks
    if options.blocks:
        blocks = tuple(tuple(int(w) for w in block.split(",")) for block in options.blocks.split("/"))
    recipe = Recipe(
        tuple(options.task or Recipe.tasks), blocks, options.pooling, options.steps, options.batch, options.crop,
        options.colour, options.adversary, options.rate, options.seed, options.precision,
    )  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    photos = read_photos(options.photos).to(options.device)
    more = read_photos(options.more).to(options.device) if options.more else None
    training = Training(recipe, photos, more)
    checkpoint = options.out / "checkpoint.pt"
    if options.resume:
        training.go_on_from(checkpoint)
    began, first = time.monotonic(), training.done
    average: dict[str, float] = {}
    while training.done < recipe.steps:
        for name, loss in training.step().items():
            average[name] = average.get(name, loss) + 0.02 * (loss - average.get(name, loss))
        if training.done % 100 == 0:
            took = time.monotonic() - began
            left = took / (training.done - first) * (recipe.steps - training.done)
            told = "  ".join(f"{name} {loss:.3f}" for name, loss in average.items())
            print(f"step {training.done}/{recipe.steps}  {told}  {took:.0f} s, {left:.0f} s left", flush=True)
        if training.done % CHECKPOINT_EVERY == 0 and training.done < recipe.steps:
            print("accuracy by block", training.accuracy(recipe.seed + 1), flush=True)
            write_atomically(checkpoint, torch.save, training.state())
    path = options.out / "weights.safetensors"
    write_atomically(path, save_file, training.weights())
    record = {
        **asdict(recipe), "photos": len(photos), "more": 0 if more is None else len(more), "canvas": CANVAS,
        "optimiser": "AdamW, weight decay 0.02, one cycle", "losses": {n: round(v, 4) for n, v in average.items()},
        "accuracy_by_block": training.accuracy(recipe.seed + 1), "device": options.device,
        "minutes": round((time.monotonic() - began) / 60, 1), "torch": torch.__version__,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    (options.out / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    checkpoint.unlink(missing_ok=True)
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
