"""Figures of the method: what is in them is right, and the same each time."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from jobs import QUICK, SETS, SMALL, events, paint_folder, paint_picture, reelbrush
from ledgers import finish, frame_row, item_of, planned
from media_clips import clip
from tiny import CPU, PLAN, picture, tiny_weights

from pipeline.batch.ledger import Ledger
from pipeline.clip.api import stylize_image, stylize_video
from pipeline.errors import MediaError, ReelbrushError, SettingsError, StoreError, UsageError
from pipeline.media import read_picture
from pipeline.network.base import Network
from pipeline.network.weights import open_packaged
from pipeline.pictures.figures.features import channel_order, gram_page, maps_page, run_features, strongest_channels
from pipeline.pictures.figures.loss_plot import plot_losses, spread
from pipeline.pictures.figures.loss_sources import (
    LossCurve,
    batch_loss_curves,
    stored_loss_curves,
    work_folder_loss_curves,
)
from pipeline.pictures.figures.losses import run_losses
from pipeline.pictures.figures.reconstruct import block_layers, run_reconstruct
from pipeline.pictures.figures.weights import run_weights, with_ratio
from pipeline.pictures.jobs import FeaturesJob, LossesJob, ReconstructJob, WeightsJob
from pipeline.pictures.matplotlib_figure import figure_pixels
from pipeline.settings import resolve
from pipeline.style.maps import LayerMaps, layer_maps, similarity_order
from pipeline.style.reconstruct import Plan, Reconstructor, psnr


def quiet(text: str, done: int, of: int | None) -> None:
    pass


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(PLAN, tiny_weights(), digest="0123456789abcdef")


# Reconstructions.


def test_psnr_is_what_is_known() -> None:
    black, grey = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 16, np.uint8)
    assert psnr(black, grey) == pytest.approx(20 * np.log10(255 / 16))
    assert psnr(grey, grey) == np.inf


def test_the_lowest_layer_gives_the_picture_back_and_higher_ones_less_and_less() -> None:
    content = picture(32, 48)
    maker = Reconstructor(open_packaged(), CPU, Plan(steps=100, tv_weight=0.01))
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    found = [psnr(maker.content(content, layer, lambda step: None).image, content) for layer in layers]
    assert found[0] > 35
    assert found[0] > found[1] > found[2] > found[3], found


def test_a_style_is_found_again_at_another_size(network: Network) -> None:
    style = picture(40, 32, seed=1)
    maker = Reconstructor(network, CPU, Plan(steps=60, tv_weight=0.0))
    seen_steps: list[int] = []
    found = maker.style(style, ["relu1_1", "relu2_1"], "gram", 24, 48, seen_steps.append)
    assert found.image.shape == (24, 48, 3)
    for wanted, got in zip(
        *(layer_maps(network, CPU, one, ["relu1_1", "relu2_1"]) for one in (style, found.image)), strict=True
    ):
        assert np.linalg.norm(got.gram - wanted.gram) < 0.1 * np.linalg.norm(wanted.gram)
    assert seen_steps == list(range(1, found.steps + 1))


def test_it_starts_from_noise_of_the_seed(network: Network) -> None:
    content = picture(16, 16)

    def made(seed: int) -> np.ndarray:
        return Reconstructor(network, CPU, Plan(3, 0.0, seed)).content(content, "relu3_1", lambda step: None).image

    np.testing.assert_array_equal(made(1), made(1))
    assert (made(1) != made(2)).any()


def test_the_second_layer_of_every_block_or_the_nearest(network: Network) -> None:
    assert block_layers(network, 2) == tuple(
        f"relu{block}_{min(2, len(of))}" for block, of in enumerate(PLAN.blocks, 1)
    )
    assert block_layers(open_packaged(), 2) == ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")
    assert block_layers(open_packaged(), 1) == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def reconstruct_job(folder: Path, name: str, **values: object) -> ReconstructJob:
    content = paint_picture(folder / "content.png")
    style = paint_picture(folder / "style.png", seed=4, width=32)
    plain = {"size": 48, "steps": 3, "device": "cpu"}
    return ReconstructJob(content, style, folder / name, **{**plain, **values})  # type: ignore[arg-type]


def test_the_figure_has_a_picture_for_every_layer_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    counted: list[int] = []
    figure = run_reconstruct(reconstruct_job(tmp_path, "a.png"), lambda text, done, of: counted.append(done))
    run_reconstruct(reconstruct_job(tmp_path, "b.png"), quiet)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    seconds = [(f"relu{block}_2",) for block in range(1, 6)]
    assert [row.layers for row in figure.rows if row.what == "content"] == seconds
    assert [len(row.layers) for row in figure.rows if row.what == "style"] == [1, 2, 3, 4, 5]
    assert counted == sorted(counted) and counted[-1] == 100
    height, width = read_picture(tmp_path / "a.png").shape[:2]
    assert 1200 <= width <= 1300 and height > 2 * 128, "six columns, as wide as a page of the web"


def test_a_layer_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no layer 'relu3_9'; the nearest it has is 'relu3_\d'"):
        run_reconstruct(reconstruct_job(tmp_path, "a.png", style_layers=("relu1_1", "relu3_9")), quiet)
    assert not (tmp_path / "a.png").exists()


# What layers see.


def seen_as(maps: list[np.ndarray], layer: str = "relu1_1") -> LayerMaps:
    stack = np.stack(maps).astype(np.float32)
    rows = stack.reshape(len(maps), -1)
    return LayerMaps(layer, stack, rows @ rows.T / rows.shape[1])


def test_seen_is_what_the_network_gives(network: Network) -> None:
    image = picture(16, 24)
    (found,) = layer_maps(network, CPU, image, ["relu2_1"])
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    maps = network.features(tensor, ["relu2_1"])["relu2_1"][0].numpy()
    np.testing.assert_allclose(found.maps, maps, atol=1e-5)
    np.testing.assert_allclose(found.gram, np.einsum("nhw,mhw->nm", maps, maps) / (8 * 12), rtol=1e-3, atol=1e-5)


def test_strong_is_what_varies() -> None:
    flat, faint, loud = np.full((4, 4), 9.0), np.eye(4), 5 * np.eye(4)
    assert strongest_channels([seen_as([flat, faint, loud])], 2) == [2, 1]


def test_channels_that_fire_together_stand_together() -> None:
    left, right = np.zeros((4, 8)), np.zeros((4, 8))
    left[:, :5] = right[:, 3:] = 1
    mixed = [left, right, 2 * left, 2 * right, 3 * left, 3 * right]
    order = similarity_order(seen_as(mixed).gram)
    assert sorted(order) == list(range(6))
    assert {channel % 2 for channel in order[:3]} in ({0}, {1}), order
    assert channel_order([seen_as(mixed)], 2) in ([4, 5], [5, 4]), "the strongest of each"


def test_a_gram_matrix_has_its_colours_where_they_belong() -> None:
    apart = [np.diag([1.0, 0, 0, 0]), np.diag([0, 1.0, 0, 0])]
    page = gram_page(["one"], [[seen_as(apart)]], {"relu1_1": [0, 1]}).pixels()
    brightest, darkest = (253, 231, 36), (68, 1, 84)
    strong = np.argwhere((page == brightest).all(axis=2))
    weak = np.argwhere((page == darkest).all(axis=2))
    assert len(strong) >= 2 * 240 * 240 and len(weak) >= 2 * 240 * 240
    top, left = strong.min(axis=0)
    assert (page[top + 10, left + 10] == brightest).all() and (page[top + 10, left + 250] == darkest).all()
    assert (page[top + 250, left + 250] == brightest).all()


def test_a_map_has_its_shape_and_the_same_colours_in_both_pictures() -> None:
    spot, faint = np.zeros((4, 6)), np.zeros((4, 6))
    spot[1, 2], faint[1, 2] = 1, 0.5
    images = [picture(40, 60), picture(40, 60, seed=2)]
    page = maps_page(["a", "b"], images, [[seen_as([spot])], [seen_as([faint])]], {"relu1_1": [0]}).pixels()
    # The one spot in the whole figure that is as bright as can be, beside the scale.
    bright = np.argwhere((page == (251, 252, 191)).all(axis=2))
    assert 40 * 40 <= len(bright) < 2 * 40 * 40
    alone = maps_page(["b"], images[1:], [[seen_as([faint])]], {"relu1_1": [0]}).pixels()
    assert len(np.argwhere((alone == (251, 252, 191)).all(axis=2))) >= 40 * 40, "by its own measure"


def test_features_of_a_content_and_a_style(tmp_path: Path) -> None:
    pictures = paint_picture(tmp_path / "a.png"), paint_picture(tmp_path / "b.png", seed=2, width=36)
    for name, gram in (("f.png", False), ("g.png", True), ("again.png", True)):
        job = FeaturesJob(pictures, tmp_path / name, maps=3, gram=gram, size=48, device="cpu")
        shown = run_features(job, quiet).channels
        assert list(shown) == list(block_layers(open_packaged(), 1))
        assert {len(channels) for channels in shown.values()} == ({48} if gram else {3})
    assert (tmp_path / "g.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_figures_by_the_command(tmp_path: Path) -> None:
    content, style = paint_picture(tmp_path / "a.png"), paint_picture(tmp_path / "b.png", seed=2)
    options = ("--device", "cpu", "--size", "32")
    layers = ("--content-layers", "conv1_1,relu2_1", "--style-layers", "relu1_1", "--steps", "40")
    done = reelbrush("figure", "reconstruct", content, style, "-o", tmp_path / "r.png", *options, *layers)
    assert done.returncode == 0, done.stderr
    assert "PSNR" in done.stdout and " dB" in done.stdout and "relu2_1" in done.stdout
    done = reelbrush("figure", "features", content, "-o", tmp_path / "f.png", "--layers", "relu9_1", *options)
    assert done.returncode == 2 and "the nearest it has is 'relu" in done.stderr and "Traceback" not in done.stderr


# Weights.


@pytest.mark.heavy
def test_weights_are_a_grid_of_paintings_that_hold_on_to_the_content_more_and_more(tmp_path: Path) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=4)
    job = WeightsJob(content, style, tmp_path / "w.png", (0.01, 100.0), size=32, steps=30)
    found = run_weights(job, quiet)
    assert found.ratios == (0.01, 100.0)
    assert [len(layers) for layers in found.layers] == [1, 2, 3, 4]
    for little, much in found.losses:
        assert much["content"] < little["content"] and much["style"] > little["style"]
    assert json.loads(found.as_json())["paintings"][1]["ratio"] == 100.0
    assert (tmp_path / "w.png").is_file()


@pytest.mark.parametrize("ratio", [0.01, 0.5, 20.0])
def test_a_ratio_is_met_by_raising_a_weight(ratio: float) -> None:
    own = resolve()
    found = with_ratio(own, ratio)
    assert found.content_weight / found.style_weight == pytest.approx(ratio)
    assert found.content_weight >= own.content_weight and found.style_weight >= own.style_weight


# Losses.


def curve(**values: object) -> LossCurve:
    plain = {
        "name": "clip.mp4", "along": "frame", "places": (0, 1, 2, 3),
        "losses": tuple({"total": 3.0 + n, "content": 1.0, "style": 0.5 * n} for n in range(4)),
        "weights": {"content": 1.0, "style": 2.0, "tv": 0.0},
    }  # fmt: skip
    return LossCurve(**{**plain, **values})  # type: ignore[arg-type]


def test_terms_count_as_in_the_total() -> None:
    found = curve(breaks=((2, "cut"),))
    assert found.terms == ("total", "content", "style")
    assert found.weighted("style") == [0.0, 1.0, 2.0, 3.0]
    assert found.weighted("total") == [3.0, 4.0, 5.0, 6.0]
    assert found.stretches() == [(0, 2), (2, 4)]


def test_names_are_moved_apart_as_little_as_it_takes() -> None:
    assert spread([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert spread([0.98, 1.2], 0.1) == pytest.approx([0.9, 1.0])
    found = spread([0.3, 0.31, 0.35, 0.52], 0.1)
    assert (np.diff(found) >= 0.1 - 1e-9).all() and np.abs(np.subtract(found, [0.3, 0.31, 0.35, 0.52])).max() < 0.13


def test_losses_of_a_batch_are_those_of_every_pass(tmp_path: Path) -> None:
    ledger = planned(tmp_path, ["one.mp4", "still.png", "two.mp4"])
    finish(
        ledger,
        "one.mp4",
        frames=8,
        cut=4,
        rows=[frame_row(n, 1, loss=9.0) for n in range(8)] + [frame_row(n, 2) for n in range(8)],
    )
    finish(ledger, "still.png", frames=1, cut=None, thumbnails=(0,))
    finish(ledger, "two.mp4", frames=3, cut=None, thumbnails=(0,))
    ledger.close()
    first, one, two = batch_loss_curves(tmp_path)
    assert (first.name, one.name, two.name) == ("one.mp4", "one.mp4", "two.mp4")
    assert (first.pass_name, one.pass_name, two.pass_name) == ("pass 1 of 2, forward", "pass 2 of 2, backward", "")
    assert [losses["total"] for losses in first.losses] == [9.0] * 8 and first.breaks == one.breaks
    assert one.places == tuple(range(8)) and one.breaks == ((4, "cut"),)
    assert [losses["total"] for losses in one.losses] == pytest.approx([1 + n / 10 for n in range(8)])
    assert [losses["total"] for losses in two.losses] == pytest.approx([1.0, 1.1, 1.2])
    (found,) = stored_loss_curves(item_of(tmp_path, "two.mp4").output, quiet) or ()
    assert found == two
    with pytest.raises(UsageError, match=r"no clip of several finished frames"):
        batch_loss_curves(tmp_path, item_of(tmp_path, "still.png").output)
    with pytest.raises(UsageError, match=r"knows no painting of that name"):
        batch_loss_curves(tmp_path, tmp_path / "three.mp4")


def test_a_figure_has_no_boxes_for_a_name_it_has_no_letters_for(tmp_path: Path) -> None:
    ledger = planned(tmp_path / "b", ["猫.mp4", "dog.mp4"])
    for name in ("猫.mp4", "dog.mp4"):
        finish(ledger, name, frames=3, cut=None)
    ledger.close()
    paint_picture(tmp_path / "猫.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run_losses(LossesJob(tmp_path / "b", tmp_path / "l.svg"), quiet)
        features = run_features(FeaturesJob((tmp_path / "猫.png",), tmp_path / "f.svg", layers=("relu1_1",)), quiet)
    assert found.notes == ("There are no letters here for '猫.mp4'; its number stands there instead.",)
    assert features.notes[-1] == "There are no letters here for '猫.png'; 'the picture' stands there instead."
    assert {curve.name for curve in found.curves} == {"猫.mp4", "dog.mp4"}


def test_a_cut_that_no_frame_has_come_to_is_not_in_the_plot() -> None:
    """A clip that is being painted has such cuts."""
    losses = tuple({"total": 1.0 + n} for n in range(4))
    one = LossCurve("a", "frame", (0, 1, 2, 3), losses, {}, ((2, "cut"), (60, "cut")))
    figure = plot_losses([one])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure_pixels(figure)
    (axes,) = figure.axes
    assert [text.xy[0] for text in axes.texts if text.get_text() == "cut"] == [2] and axes.get_xlim() == (0, 3)


def test_clips_whose_losses_went_with_a_ledger_are_left_out_and_said(tmp_path: Path) -> None:
    ledger = planned(tmp_path / "b", ["one.mp4", "two.mp4"])
    finish(ledger, "one.mp4", rows=())
    finish(ledger, "two.mp4")
    ledger.close()
    found = run_losses(LossesJob(tmp_path / "b", tmp_path / "l.svg"), quiet)
    assert [curve.name for curve in found.curves] == ["two.mp4"]
    assert found.notes == ("Left out, as their losses were lost with an earlier ledger: one.mp4.",)
    item_of(tmp_path / "b", "one.mp4").output.write_bytes(b"a painting")
    with pytest.raises(UsageError, match=r"one\.mp4: the losses are lost.*--keep"):
        run_losses(LossesJob(item_of(tmp_path / "b", "one.mp4").output, tmp_path / "m.svg"), quiet)
    ledger = Ledger(tmp_path / "b", write=True)
    ledger.forget("two.mp4")
    finish(ledger, "two.mp4", rows=())
    ledger.close()
    with pytest.raises(UsageError, match=r"the losses are lost"):
        run_losses(LossesJob(tmp_path / "b", tmp_path / "m.svg"), quiet)


def test_losses_of_a_kept_clip_are_those_in_its_frames(tmp_path: Path) -> None:
    frames = paint_folder(tmp_path / "in", 4)
    style = paint_picture(tmp_path / "style.png", seed=9)
    done = reelbrush("video", frames, "--style", style, "-o", tmp_path / "out", *QUICK, "--keep", "--json")
    assert done.returncode == 0, done.stderr
    told = [event for event in events(done.stdout) if event["event"] == "frame_done"]
    (found,) = work_folder_loss_curves(tmp_path / "out.reelbrush", quiet)
    assert found.name == "out" and found.places == (0, 1, 2, 3)
    for event, losses in zip(told, found.losses, strict=True):
        assert losses == pytest.approx(event["losses"])
        known = sum(found.weights[term] * value for term, value in losses.items() if term != "total")
        assert known == pytest.approx(losses["total"], rel=1e-4), "the weights are those it was painted with"
    for place in (tmp_path / "out", tmp_path / "out.reelbrush" / "frames"):
        assert stored_loss_curves(place, quiet) == [found]

    for name in ("a.svg", "b.svg", "a.png"):
        run_losses(LossesJob(tmp_path / "out", tmp_path / name), quiet)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a.svg").read_bytes()
    assert read_picture(tmp_path / "a.png").shape[1] > 2000, "7 inches at 300 dots"

    paint_picture(tmp_path / "out.reelbrush" / "frames" / "000002.png")
    with pytest.raises(StoreError, match=r"000002\.png: the losses of this frame cannot be read"):
        work_folder_loss_curves(tmp_path / "out.reelbrush", quiet)


@pytest.mark.parametrize(("fps", "numbers"), [("12", (0, 2)), ("48", (0, 0, 1, 1, 2, 2, 3, 3))])
def test_losses_of_a_clip_at_another_rate_are_those_of_the_frames_of_its_input(
    tmp_path: Path, fps: str, numbers: tuple[int, ...]
) -> None:
    source = clip(tmp_path / "v.mp4", frames=4, rate="24")
    style = paint_picture(tmp_path / "style.png", seed=9)
    stylize_video(source, style, tmp_path / "out", fps=fps, keep=True, cuts="2", **{**SMALL, "steps": 2})
    (found,) = work_folder_loss_curves(tmp_path / "out.reelbrush", quiet)
    assert found.places == numbers and found.breaks == ((2, "cut"),)
    # Across the cut nothing is continued; a frame that is shown twice is one place.
    assert found.stretches() == [(0, numbers.index(2)), (numbers.index(2), len(numbers))]
    plot_losses([found])
    (tmp_path / "out.reelbrush" / "numbers.json").unlink()
    assert work_folder_loss_curves(tmp_path / "out.reelbrush", quiet)[0].places == tuple(range(len(numbers)))


def test_losses_of_all_passes_are_kept_though_their_frames_are_not(tmp_path: Path) -> None:
    frames = paint_folder(tmp_path / "in", 4)
    style = paint_picture(tmp_path / "style.png", seed=9)
    painting = ("video", frames, "--style", style, "-o", tmp_path / "out", *QUICK, "--passes", "3", "--cuts", "2")
    done = reelbrush(*painting, "--keep", "--json")
    assert done.returncode == 0, done.stderr
    work = tmp_path / "out.reelbrush"
    assert sorted(path.name for path in work.iterdir() if path.is_dir()) == ["frames"]
    told = [event for event in events(done.stdout) if event["event"] == "frame_done"]
    found = work_folder_loss_curves(work, quiet)
    assert [curve.in_pass for curve in found] == [1, 2, 3] and {curve.passes for curve in found} == {3}
    for curve in found:
        of_pass = {event["frame"]: event["losses"] for event in told if event["in_pass"] == curve.in_pass}
        assert dict(zip(curve.places, curve.losses, strict=True)) == {n: pytest.approx(of_pass[n]) for n in range(4)}
        assert curve.breaks == ((2, "cut"),)
    run_losses(LossesJob(tmp_path / "out", tmp_path / "l.png"), quiet)
    assert read_picture(tmp_path / "l.png").shape == (1020, 2160, 3), "in one row"
    (work / "losses1.json").write_text("[1]")
    with pytest.raises(StoreError, match=r"losses1\.json.*Delete this file"):
        work_folder_loss_curves(work, quiet)
    (work / "losses1.json").unlink()
    assert [curve.in_pass for curve in work_folder_loss_curves(work, quiet)] == [2, 3]
    # Frames of other settings begin with losses of their own.
    (tmp_path / "out").rename(tmp_path / "before")
    assert reelbrush(*painting[:-4], "--passes", "1", "--restart", "--keep").returncode == 0
    assert not list(work.glob("losses*"))


def test_passes_stand_beside_each_other_on_one_scale() -> None:

    high = tuple({"total": 50.0, "content": 20.0} for _ in range(4))
    groups = [curve(name="a", losses=high, passes=2), curve(name="a", in_pass=2, passes=2), curve(name="b")]
    one, other, below = plot_losses(groups).axes
    assert one.get_ylim() == other.get_ylim() != below.get_ylim() and one.get_ylim()[1] > 50
    assert one.get_xlim() == other.get_xlim()
    assert (one.get_title("left"), other.get_title("left")) == ("pass 1 of 2, forward", "pass 2 of 2, backward")
    assert {text.get_text() for text in one.texts} == {"a"}, "named above; its curves at the end of the row"
    assert {"total", "content", "style × 2"} <= {text.get_text() for text in other.texts}
    assert one.get_position().x1 < other.get_position().x0 and one.get_position().y0 > below.get_position().y1


def test_losses_of_a_kept_picture_are_those_of_painting_it(tmp_path: Path) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=9)
    levels = ("--device", "cpu", *SETS, "--steps", "5", "--set", "levels=2", "--set", "smallest=16")
    painting = ("image", content, "-s", style, "-o", tmp_path / "p.png", *levels, "--preset", "draft", "--keep")
    assert reelbrush(*painting).returncode == 0
    for place in (tmp_path / "p.png", tmp_path / "p.png.reelbrush"):
        (kept,) = stored_loss_curves(place, quiet) or ()
        assert (kept.name, kept.along, kept.breaks) == ("p.png", "step", ((0, "1/2 of the size"), (5, "full size")))
        assert kept.terms == ("total", "content", "style", "tv")
        for losses in kept.losses:
            known = sum(kept.weights[term] * value for term, value in losses.items() if term != "total")
            assert known == pytest.approx(losses["total"], rel=1e-4)
    run_losses(LossesJob(tmp_path / "p.png", tmp_path / "l.png"), quiet)
    # As it was kept before the terms were.
    index = tmp_path / "p.png.reelbrush" / "snapshots.json"
    known = json.loads(index.read_text())
    del known["terms"]
    index.write_text(json.dumps(known))
    (plain,) = stored_loss_curves(index.parent, quiet) or ()
    assert plain.terms == ("total",) and stored_loss_curves(tmp_path / "p.png", quiet) is None, (
        "painted again it shows more"
    )


def test_losses_of_a_picture_are_those_of_its_steps_and_of_painting_it_again(tmp_path: Path) -> None:
    content, style = paint_picture(tmp_path / "c.png"), paint_picture(tmp_path / "s.png", seed=9)
    settings = {**SMALL, "steps": 5, "levels": 2, "smallest": 16}
    own = {name: settings.pop(name) for name in ("device",)}
    job = LossesJob(content, tmp_path / "l.svg", (str(style),), settings=settings, **own)
    (fresh,) = run_losses(job, quiet).curves
    assert (fresh.name, fresh.along, fresh.places) == ("c.png", "step", tuple(range(1, 11)))
    assert fresh.breaks == ((1, "24×16"), (6, "48×32")), "a loss at another size is another loss"
    assert fresh.losses[4]["total"] < fresh.losses[0]["total"]
    stylize_image(content, style, tmp_path / "p.png", preset="draft", **own, **settings)
    (again,) = run_losses(LossesJob(tmp_path / "p.png", tmp_path / "again.svg", device="cpu"), quiet).curves
    assert again.name == "p.png" and again.losses == fresh.losses


@pytest.mark.parametrize(
    ("place", "kind", "said"), [("c.png", UsageError, "with --style"), ("nix.png", MediaError, "no such file")]
)
def test_what_has_no_losses_is_told_what_has(tmp_path: Path, place: str, kind: type[ReelbrushError], said: str) -> None:
    paint_picture(tmp_path / "c.png")
    with pytest.raises(kind, match=said):
        run_losses(LossesJob(tmp_path / place, tmp_path / "l.png"), quiet)
    assert not (tmp_path / "l.png").exists()


def test_a_figure_replaces_nothing_that_it_is_made_from(tmp_path: Path) -> None:
    content = paint_picture(tmp_path / "c.png")
    job = LossesJob(content, content, ("s.png",), overwrite=True)
    with pytest.raises(UsageError, match="would replace"):
        run_losses(job, quiet)
