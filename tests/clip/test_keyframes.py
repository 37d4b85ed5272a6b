"""Keyframes: how they are written, what they say of every time, and what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_settings

from pipeline.clip.exemplars import Exemplar
from pipeline.clip.identity import painting_identity
from pipeline.clip.input_times import InputTimes
from pipeline.clip.jobs import ClipJob
from pipeline.clip.keyframe_texts import parse_keyframe, parse_keyframes
from pipeline.clip.keyframes import (
    Keyframe,
    RegionKey,
    ShotNumber,
    keyframes_as_json,
    keyframes_from_json,
    region_number,
)
from pipeline.clip.regions import Mask, MaskPicture, parse_region
from pipeline.clip.styles import StylePicture
from pipeline.clip.timeline import Looks, Timeline, check_keyframes
from pipeline.errors import UsageError

A, B, C = (StylePicture(Path(name)) for name in ("a.jpg", "b.jpg", "c.jpg"))
EIGHT = InputTimes(
    tuple(Fraction(index, 2) for index in range(8)), Fraction(4), tuple(Fraction(n, 2) for n in range(8))
)
"""Eight frames, two a second."""


def job(*keyframes: str, **more: Any) -> ClipJob:
    return ClipJob(Path("in.mp4"), (A,), Path("out.mp4"), keyframes=tuple(map(parse_keyframe, keyframes)), **more)


def looks(
    *keyframes: str, shots: tuple[tuple[int, int], ...] = ((0, 8),), times: InputTimes = EIGHT, **more: Any
) -> Looks:
    settings = {name: more.pop(name) for name in ("strength", "loop", "style_scale", "colours") if name in more}
    return Timeline(job(*keyframes, **more), tiny_settings(**settings), times).looks(shots)


def shares_of(found: Looks, name: str, part: int = 0) -> list[float]:
    """How much of a style picture each frame has."""
    uses = found.variants[part]
    return [
        round(sum(share for share, use in zip(one.shares[part], uses, strict=True) if use.style.path.name == name), 6)
        for one in found.frames
    ]


# ---- how they are written


def test_a_keyframe_says_what_is_painted_at_a_time() -> None:
    found = parse_keyframe("4s: style=a.jpg@1,2,30,40:0.7+b.jpg:0.3, strength=0.8,colours=keep, style-scale=0.4,2")
    assert found == Keyframe(
        Fraction(4),
        styles=(StylePicture(Path("a.jpg"), 0.7, (1, 2, 30, 40)), StylePicture(Path("b.jpg"), 0.3)),
        strength=0.8,
        colours="keep",
        style_scale=(0.4, 2.0),
    )
    assert parse_keyframe("1m1.5s smooth: strength=1") == Keyframe(Fraction(123, 2), "smooth", strength=1.0)
    assert parse_keyframe("48 hold: style_scale=2") == Keyframe(48, "hold", style_scale=2.0)
    assert parse_keyframe("Shot 2: colours=match") == Keyframe(ShotNumber(2), "hold", colours="match")
    assert parse_keyframe("shot2 linear: strength=0").ease == "linear"
    mask = Mask((MaskPicture(Path("m/sky.png")),))
    assert parse_keyframe("0: region.m/sky.png=a.jpg+b.jpg, region.2=none").regions == (
        RegionKey(mask, (A, B)),
        RegionKey(2, ()),
    )
    assert parse_keyframe("0: style=a.jpg", Path("/home")).styles[0].path == Path("/home/a.jpg")


@pytest.mark.parametrize(
    "text",
    [
        "4s smooth: style=a.jpg@1,2,30,40:0.7+b.jpg:0.3, strength=0.8",
        "48: colours=match, style-scale=0.4,2",
        "shot 2: region.sky.png=none, region.3=a.jpg",
        "shot 2 linear: strength=0",
    ],
)
def test_as_text_and_as_json_a_keyframe_is_the_same(text: str) -> None:
    found = parse_keyframe(text)
    assert found.text == text and parse_keyframe(found.text) == found
    regions = [parse_region(f"{name}=a.jpg") for name in ("x.png", "sky.png", "y.png")]
    stored = json.loads(json.dumps(keyframes_as_json((found,), regions)))
    (again,) = keyframes_from_json(stored)
    numbered = [replace(one, region=region_number(one, regions) + 1) for one in found.regions]
    assert again == replace(found, regions=tuple(numbered))


def test_tables_say_the_same_as_texts() -> None:
    tables = [
        {"at": "4s", "ease": "smooth", "style": ["a.jpg:0.7", "b.jpg:0.3"], "strength": 0.8, "style_scale": [0.4, 2]},
        {"at": 48, "colours": "keep", "region": {"sky.png": "none", "y.png": "a.jpg"}},
        "shot 2: style=c.jpg",
    ]
    texts = [
        "4s smooth: style=a.jpg:0.7+b.jpg:0.3, strength=0.8, style-scale=0.4,2",
        "48: colours=keep, region.sky.png=none, region.y.png=a.jpg",
        "shot 2: style=c.jpg",
    ]
    assert parse_keyframes(tables) == tuple(map(parse_keyframe, texts))
    assert parse_keyframes("4s: strength=1") == (parse_keyframe("4s: strength=1"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a time"),
        ("style=a.jpg", "is not a time"),
        ("soon: style=a.jpg", "'soon' is no time"),
        ("4.5: strength=1", "'4.5' is no time"),
        ("-1: strength=1", "'-1' is no time"),
        ("shot 0: strength=1", "'shot 0' is no time"),
        ("4s slowly: strength=1", "'slowly' is no way to come to a keyframe"),
        ("4s: strenght=1", "did you mean 'strength'"),
        ("4s: strength=2", "strength has to be from 0 to 1"),
        ("4s: strength=", "strength has to be a number"),
        ("4s: colours=blue", "colours cannot be 'blue'"),
        ("4s: style-scale=0", "style_scale has to be from"),
        ("4s: style=", "a style has to be"),
        ("4s: style=a.jpg:0", "above zero"),
        ("4s:", "it says nothing"),
        ("4s: a.jpg", "is no NAME=VALUE"),
        ("4s: strength=1, strength=0", "says strength twice"),
    ],
)
def test_what_is_no_keyframe_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as found:
        parse_keyframe(text)
    assert said in str(found.value) and "--keyframe" in str(found.value)


# ---- what is painted at a time


def test_a_style_fades_into_the_next_one() -> None:
    found = looks("1s: style=a.jpg", "3s: style=b.jpg:2")
    assert shares_of(found, "b.jpg") == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert all(sum(one.shares[0]) == pytest.approx(1) for one in found.frames) and not found.jumps


def test_what_the_options_say_is_a_keyframe_at_the_start() -> None:
    found = looks("4: style=b.jpg", strength=0.3)
    assert shares_of(found, "a.jpg") == [1, 0.75, 0.5, 0.25, 0, 0, 0, 0]
    assert {one.strength for one in found.frames} == {0.3}
    assert shares_of(looks("0: style=b.jpg", "4: style=c.jpg"), "a.jpg") == [0] * 8


def test_each_quantity_has_keyframes_of_its_own() -> None:
    found = looks("2s: style=b.jpg", "4s: strength=0.9", strength=0.1)
    assert [one.strength for one in found.frames] == pytest.approx([0.1 + 0.1 * index for index in range(8)])
    assert shares_of(found, "b.jpg") == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]


def test_it_is_come_to_evenly_or_gently_or_at_once() -> None:
    assert shares_of(looks("2s smooth: style=b.jpg"), "b.jpg")[:5] == [0, 0.15625, 0.5, 0.84375, 1]
    found = looks("2s hold: style=b.jpg", "3.5s: style=c.jpg")
    assert shares_of(found, "b.jpg") == [0, 0, 0, 0, 1, pytest.approx(2 / 3), pytest.approx(1 / 3), 0]
    assert found.jumps == {4} and found.split([(0, 2), (2, 8)]) == ((0, 2), (2, 4), (4, 8))


def test_a_shot_has_its_own_style_from_its_first_frame_on() -> None:
    found = looks("shot 2: style=b.jpg", "shot 3: style=a.jpg", shots=((0, 3), (3, 6), (6, 8)))
    assert shares_of(found, "b.jpg") == [0, 0, 0, 1, 1, 1, 0, 0]
    assert found.split([(0, 3), (3, 6), (6, 8)]) == ((0, 3), (3, 6), (6, 8))


def test_a_leap_without_hold_is_painted_anew_too() -> None:
    found = looks("3: style=a.jpg", "4: style=b.jpg", "6: strength=0.6", strength=0.5)
    assert found.jumps == {4}
    assert found.changing(range(8)) == {1, 2, 3, 4, 5, 6}
    assert found.changing(range(7, -1, -1)) == {5, 4, 3, 2, 1, 0}


def test_time_is_that_of_the_input_whatever_part_of_it_is_painted() -> None:
    whole = looks("3s smooth: style=b.jpg", "1s: strength=1")
    part = replace(EIGHT, painted=EIGHT.painted[3:7])
    assert looks("3s smooth: style=b.jpg", "1s: strength=1", times=part).frames == tuple(
        replace(one, shares=one.shares) for one in whole.frames[3:7]
    )


def test_colours_go_by_shares() -> None:
    found = looks("2s: colours=keep", "4s: colours=match")
    assert [one.kept for one in found.frames] == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]
    assert {use.colours for use in found.variants[0]} == {"style", "keep", "match"}
    assert Timeline(job("2s: colours=keep"), tiny_settings(), EIGHT).words == {"style", "keep"}


def test_a_scale_grows_through_stops_between() -> None:
    found = looks("4s: style-scale=4")
    scales = [
        {
            round(use.scale, 3): round(share, 4)
            for use, share in zip(found.variants[0], one.shares[0], strict=True)
            if share
        }
        for one in found.frames
    ]
    assert scales[0] == {1.0: 1.0}
    assert scales[1] == {1.0: 0.5, 1.414: 0.5}
    assert scales[4] == {2.0: 1.0}
    assert all(max(one) / min(one) < 1.5 for one in scales)
    assert looks("2s: style-scale=0.4,2").frames[2].shares[0] == (0.5, 0.5)


def test_a_region_comes_and_goes_and_changes_its_style() -> None:
    regions = (parse_region("sky.png=b.jpg"),)
    found = looks("1s: region.sky.png=none", "2s: region.1=none", "4s: region.sky.png=c.jpg", region=regions)
    assert [one[0] for one in found.presence] == [1, 0.5, 0, 0, 0, 0.25, 0.5, 0.75]
    assert shares_of(found, "b.jpg", part=1) == [1, 1, 1, 1, 0, 0, 0, 0]
    assert shares_of(found, "a.jpg") == [1] * 8
    fading = looks("4s: region.sky.png=c.jpg", region=regions)
    assert shares_of(fading, "c.jpg", part=1) == [index / 8 for index in range(8)]
    assert {one[0] for one in fading.presence} == {1.0}


def test_the_first_frame_that_was_painted_by_hand_counts_as_much_as_all_styles() -> None:
    found = looks("2s: style=b.jpg", exemplar=(Exemplar(Path("first.png")),))
    assert shares_of(found, "first.png") == [0.5] * 8
    assert shares_of(found, "b.jpg")[:5] == [0, 0.125, 0.25, 0.375, 0.5]


def test_of_a_loop_both_ends_are_painted_alike() -> None:
    looks("2s: style=b.jpg", "3.5s: style=a.jpg", loop=True)
    for keyframes in (["2s: style=b.jpg"], ["1s hold: strength=1", "2s: strength=0.5"]):
        with pytest.raises(UsageError, match="loop"):
            looks(*keyframes, loop=True)


# ---- what cannot be


@pytest.mark.parametrize(
    ("keyframes", "said"),
    [
        (["8: strength=1"], "is number 7, counted from 0, and the clip ends at 4s"),
        (["4.5s: strength=1"], "there is no such time"),
        (["2s: strength=1", "4: style=b.jpg"], "'4' and '2s' are at the same time"),
        (["1s: region.sky.png=none"], "no region has this mask"),
        (["1s: region.1=none"], "there are no regions"),
    ],
)
def test_what_cannot_be_is_known_before_the_clip_is_looked_through(keyframes: list[str], said: str) -> None:
    with pytest.raises(UsageError) as found:
        check_keyframes(job(*keyframes), EIGHT)
    assert said in str(found.value)


def test_by_less_than_a_frame_a_keyframe_may_lie_behind_the_last_one() -> None:
    check_keyframes(job("4s: strength=1", "7: strength=0"), EIGHT)


def test_a_shot_has_to_be_there_and_has_its_time_for_itself() -> None:
    with pytest.raises(UsageError, match=r"there are 2 shots in what is painted of in\.mp4, .* with frame 0, 4"):
        looks("shot 3: strength=1", shots=((0, 4), (4, 8)))
    with pytest.raises(UsageError, match="are at the same time"):
        looks("shot 2: strength=1", "2s: style=b.jpg", shots=((0, 4), (4, 8)))


def test_in_a_single_picture_nothing_changes() -> None:
    alone = InputTimes((Fraction(0),), Fraction(1, 24), (Fraction(0),))
    with pytest.raises(UsageError, match="single picture"):
        check_keyframes(job("0: strength=1"), alone)


def test_a_painting_is_known_by_its_keyframes_and_not_by_where_their_styles_lie() -> None:
    def known(*keyframes: str) -> dict[str, Any]:
        digests = {"in.mp4": "0", "a.jpg": "1", "b.jpg": "2", "moved.jpg": "2", "c.jpg": "3"}
        return painting_identity(job(*keyframes), tiny_settings(), "network", lambda path: digests[path.name])

    assert "keyframes" not in known()
    one = known("2s: style=b.jpg")
    assert json.loads(json.dumps(one["keyframes"])) == one["keyframes"] and one == known("2s: style=moved.jpg")
    others = ["2s: style=c.jpg", "3s: style=b.jpg", "2s hold: style=b.jpg", "4: style=b.jpg", "2s: strength=1"]
    assert all(known(other) != one for other in others)
