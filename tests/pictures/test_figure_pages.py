"""Figures of every shape: what stands where, and that nothing is cut."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from jobs import paint_picture, reelbrush
from PIL import Image as Pillow
from test_figures import seen_as
from tiny import picture

from pipeline.errors import MediaError, OutputError
from pipeline.media import Image, fit_size
from pipeline.pictures.canvas import Canvas, Picture, Text
from pipeline.pictures.figures import reconstruct, weights
from pipeline.pictures.figures.features import gram_page, maps_page, run_features
from pipeline.pictures.figures.page import read_resized
from pipeline.pictures.jobs import FeaturesJob
from pipeline.settings import resolve

LANDSCAPE, PORTRAIT, TALL, WIDE = (128, 192), (192, 108), (190, 19), (19, 190)
SHAPES = (LANDSCAPE, PORTRAIT, TALL, WIDE)
LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))


def quiet(text: str, done: int, of: int | None) -> None:
    pass


def box(mark: Picture | Text) -> tuple[int, int, int, int]:
    """(left, top, right, bottom)."""
    return mark.x, mark.y, mark.x + mark.size[1], mark.y + mark.size[0]


def tidy(page: Canvas) -> bool:
    """Everything is on the page, and nothing on anything else."""
    boxes = [box(mark) for mark in (*page.pictures, *page.texts)]
    for left, top, right, bottom in boxes:
        assert left >= 0 and top >= 0 and right <= page.width and bottom <= page.height
    for one, other in combinations(boxes, 2):
        assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]
    return True


def said(page: Canvas) -> list[str]:
    return [words.text for words in page.texts]


def image(shape: tuple[int, int], seed: int = 0) -> Image:
    return picture(*shape, seed=seed)


# Features.


def features(shapes: tuple[tuple[int, int], ...], count: int) -> Canvas:
    pictures = [image(shape, seed) for seed, shape in enumerate(shapes)]
    found = [
        [
            seen_as([np.random.default_rng(n).random((max(1, h >> k), max(1, w >> k))) for n in range(count)], layer)
            for k, layer in enumerate(LAYERS)
        ]
        for h, w in shapes
    ]
    names = [f"picture {number}.png" for number in range(len(shapes))]
    return maps_page(names, pictures, found, {layer: list(range(count)) for layer in LAYERS})


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("shapes", [(one, other) for one in SHAPES for other in SHAPES] + [(one,) for one in SHAPES])
def test_the_maps_of_a_layer_stand_in_one_row_beside_its_name(shapes: tuple[tuple[int, int], ...], count: int) -> None:
    page = features(shapes, count)
    assert tidy(page)
    *shown, bar = page.pictures
    assert len(shown) == len(shapes) * (1 + count * len(LAYERS))
    blocks = [shown[start::1][: 1 + count * len(LAYERS)] for start in range(0, len(shown), 1 + count * len(LAYERS))]
    names = {words.text: words for words in page.texts}
    for number, layer in enumerate(LAYERS):
        row = [one for block in blocks for one in block[1 + number * count : 1 + (number + 1) * count]]
        (place,) = {(one.y, one.size[0]) for one in row}
        middle = names[layer].y + names[layer].size[0] / 2
        # A row of strips that are less high than letters stands on its labels.
        assert place[0] - names[layer].size[0] <= middle <= place[0] + place[1]
    assert len({block[0].y for block in blocks}) == 1
    assert bar.x == shown[1].x and bar.y > max(one.y + one.size[0] for one in shown)
    for tick in ("least", "most"):
        assert bar.x <= names[tick].x and names[tick].x + names[tick].size[1] <= bar.x + bar.size[1]


@pytest.mark.parametrize("shapes", [(TALL,), (TALL, PORTRAIT), (PORTRAIT, LANDSCAPE)])
def test_captions_of_narrow_maps_are_shortened_by_meaning(shapes: tuple[tuple[int, int], ...]) -> None:
    page = features(shapes, 8)
    assert {f"ch {number}" for number in range(8)} <= set(said(page))
    assert any("channel (ch)" in text for text in said(page)), "and it is said what it means"
    assert not any("…" in text for text in said(page) if not text.startswith("pict"))
    assert "channel 7" in said(features((LANDSCAPE,), 8))


def test_the_scale_of_gram_matrices_is_flush_with_them() -> None:
    maps = [seen_as(list(np.random.default_rng(n).random((8, 4, 4))), layer) for n, layer in enumerate(LAYERS)]
    for layers in (maps, maps[:1]):
        page = gram_page(["a.png"], [layers], {one.layer: list(range(8)) for one in layers})
        assert tidy(page)
        *matrices, bar = page.pictures
        assert bar.x == matrices[0].x
        assert bar.x + bar.size[1] in {one.x + one.size[1] for one in matrices}


def test_a_picture_that_is_too_narrow_for_the_network_is_enlarged(tmp_path: Path) -> None:
    narrow = paint_picture(tmp_path / "narrow.png", width=73, height=734)
    found = run_features(FeaturesJob((narrow,), tmp_path / "f.png", size=128, maps=2), quiet)
    assert list(found.channels) == list(LAYERS)
    (note,) = found.notes
    assert "16x161" in note and "13x128" in note
    assert reelbrush("figure", "features", narrow, "-o", tmp_path / "g.png", "--gram", "--size", "64").returncode == 0


def test_a_picture_is_enlarged_only_where_it_has_to_be(tmp_path: Path) -> None:
    for width, height, wanted in ((73, 734, (161, 16)), (734, 73, (16, 161)), (8, 8, (16, 16)), (300, 200, (85, 128))):
        found, notes = read_resized(paint_picture(tmp_path / "a.png", width=width, height=height), 128, 16)
        assert found.shape[:2] == wanted and bool(notes) == (wanted != fit_size(width, height, 128)[::-1])
    thread = paint_picture(tmp_path / "thread.png", width=1, height=300)
    with pytest.raises(MediaError, match="of 1x300 pixels is too narrow"):
        read_resized(thread, 128, 16)


def test_what_sees_a_single_point_is_left_out(tmp_path: Path) -> None:
    small = paint_picture(tmp_path / "small.png", width=20, height=20)
    found = run_features(FeaturesJob((small,), tmp_path / "f.png", maps=2), quiet)
    assert list(found.channels) == list(LAYERS[:4])
    assert "relu5_1" in found.notes[0] and '"notes"' in found.as_json()
    done = reelbrush("figure", "features", small, "-o", tmp_path / "g.png")
    assert done.returncode == 0 and "note: left out" in done.stderr and "relu5_1" in done.stderr
    with pytest.raises(MediaError, match="single point"):
        run_features(FeaturesJob((small,), tmp_path / "h.png", ("relu5_1",)), quiet)


# Reconstructions.


def reconstructed(content: tuple[int, int], style: tuple[int, int]) -> Canvas:
    rows = [reconstruct.Row("content", (layer,), 9.75, 0.1, 3, 1.0) for layer in LAYERS]
    rows += [reconstruct.Row("style", LAYERS[: n + 1], None, 0.1, 3, 1.0) for n in range(5)]
    return reconstruct.page(image(content), image(style), rows, [image(content, n) for n in range(10)])


@pytest.mark.parametrize("style", SHAPES)
@pytest.mark.parametrize("content", SHAPES)
def test_reconstructions_say_their_psnr_whatever_their_shape(content: tuple[int, int], style: tuple[int, int]) -> None:
    page = reconstructed(content, style)
    assert tidy(page)
    assert page.width <= 1300
    assert min(words.letters for words in page.texts) >= page.width / 70, "12 pixels high where the page has 830"
    texts = said(page)
    assert texts.count("PSNR 9.8 dB") == 5 and set(LAYERS) <= set(texts)
    assert any("original content" in text for text in texts)
    # The words under the style stand right under it, as those under the others.
    names = {words.text: words for words in page.texts}
    left, _, right, bottom = box(page.pictures[0])
    assert 0 < names["style"].y - bottom < names["style"].letters
    assert abs(names["style"].x + names["style"].size[1] / 2 - (left + right) / 2) <= 1


def test_a_style_beside_a_tall_content_is_as_high() -> None:
    content = image(PORTRAIT)
    assert reconstructed(PORTRAIT, LANDSCAPE).pictures[0].size[0] > 0.9 * 192
    grid = weights.page(content, image(LANDSCAPE), [[content, content]], [0.1, 1.0], [("relu1_1",)])
    assert grid.pictures[1].size[0] > 0.9 * grid.pictures[0].size[0]


# Weights.


@pytest.mark.parametrize("columns", [1, 2, 4, 8])
@pytest.mark.parametrize("shape", SHAPES)
def test_weights_say_what_changes_across_and_down(shape: tuple[int, int], columns: int) -> None:
    ratios = [1.234 * 10.0**power for power in range(-columns, columns, 2)]
    sets = [LAYERS[: count + 1] for count in range(5)]
    page = weights.page(image(shape), image(LANDSCAPE), [[image(shape)] * len(ratios)] * 5, ratios, sets)
    assert tidy(page)
    assert ("content, less" in " ".join(said(page))) == (columns > 1)
    assert " ".join(words.text for words in page.texts if words.down) == weights.DOWN
    assert not any("…" in text for text in said(page) if not text.startswith("… + relu"))
    assert len({text for text in said(page) if text.startswith("α/β = ")}) == len(ratios)


def test_an_arrow_says_the_truth() -> None:
    def words(*ratios: float) -> str:
        shown = image(LANDSCAPE)
        return " ".join(said(weights.page(shown, shown, [[shown] * len(ratios)], ratios, [("relu1_1",)])))

    assert weights.RISING in words(0.1, 1.0, 10.0) and weights.FALLING not in words(0.1, 1.0, 10.0)
    assert weights.FALLING in words(10.0, 1.0)
    assert "less" not in words(0.1, 10.0, 1.0) and "less" not in words(1.0, 1.0)
    assert weights.DOWN not in words(0.1, 1.0), "one row"


@pytest.mark.parametrize(
    ("ratios", "texts"),
    [
        ([0.005, 0.05, 0.5, 5], ["0.005", "0.05", "0.5", "5"]),
        ([1e-6, 1.23e6, 1e4, 1000, 1234], ["10⁻⁶", "1.2·10⁶", "10⁴", "1000", "1200"]),
        ([1.23e6, 1.24e6], ["1.23·10⁶", "1.24·10⁶"]),
        ([1.0, 1.0], ["1", "1"]),
        ([0.000123], ["1.2·10⁻⁴"]),
    ],
)
def test_ratios_are_short_and_told_apart(ratios: list[float], texts: list[str]) -> None:
    assert weights.ratio_texts(ratios) == texts


# Files.


@pytest.mark.heavy
def test_figures_are_vectors_too_and_say_their_size_in_print(tmp_path: Path) -> None:
    one, other = paint_picture(tmp_path / "a.png"), paint_picture(tmp_path / "b.png", seed=2)
    for name in ("f.svg", "again.svg", "f.png"):
        run_features(FeaturesJob((one, other), tmp_path / name, maps=2, size=48), quiet)
    assert (tmp_path / "f.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()
    assert "<text" not in (tmp_path / "f.svg").read_text()
    with Pillow.open(tmp_path / "f.png") as found:
        assert found.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    options = ("--device", "cpu", "--size", "32", "--steps", "2")
    for kind in ("reconstruct", "weights"):
        done = reelbrush("figure", kind, one, other, "-o", tmp_path / f"{kind}.svg", *options)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"{kind}.svg").read_text().count("data:image/png") >= 12
    done = reelbrush("figure", "weights", one, other, "-o", tmp_path / "weights.svg", *options)
    assert done.returncode != 0 and "exists already" in done.stderr
    with pytest.raises(OutputError, match=r"\.svg or one of \.png"):
        run_features(FeaturesJob((one,), tmp_path / "f.gif"), quiet)


def test_the_help_has_the_numbers_of_the_preset_that_is_used() -> None:
    shown = " ".join(reelbrush("figure", "weights", "--help").stdout.split())
    assert f"[default: the preset's; of draft {resolve('draft').steps}]" in shown and "standard" not in shown
    assert "192" in shown and ".svg" in shown
    shown = " ".join(reelbrush("figure", "losses", "--help").stdout.split())
    assert "[preset draft: 256]" in shown and "[preset standard" not in shown
