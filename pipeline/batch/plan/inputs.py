"""Which files a person means: files, folders with all that is in them, and patterns such as 'clips/**/*.mp4'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from pipeline.errors import MediaError, UsageError
from pipeline.file_kind import is_there, located, no_file, stream_kind
from pipeline.media import is_animated
from pipeline.media.picture_sources import natural_key
from pipeline.media.suffixes import GET_HEIF, HEIF, READS_HEIF, STILLS, ending, is_media_name, may_be_missed
from pipeline.text import sanitize_line

WORK = ".reelbrush"
"""How the names of work folders end; what lies in them is half-done, and no input."""
_WILD = re.compile(r"[*?[]")
_LISTED = 8
_NUMBERED = re.compile(r"(.*?)\d+", re.DOTALL)


@dataclass(frozen=True)
class Input:
    """A file, or a folder of numbered pictures, that is to be painted."""

    path: Path
    root: Path
    """The folder that was searched, or the one that holds a file named by itself."""
    sequence: bool = False
    """Whether it is a folder of numbered pictures, which is one clip."""
    searched: bool = True
    """Whether it was found in `root`, and not named by itself."""

    @property
    def folder(self) -> PurePosixPath:
        """Where it lies below `root`."""
        return PurePosixPath(*self.path.parent.relative_to(self.root).parts)

    @cached_property
    def moves(self) -> bool:
        """Whether it is an animated picture, whatever its name promises. What cannot be read does not."""
        try:
            return is_animated(self.path)
        except MediaError:
            return False


def find_inputs(
    text: str, home: Path, outdir: Path, sequences: bool = False, left_out: list[Path] | None = None
) -> list[Input]:
    """What one argument means. A file that is named by itself is taken whatever it is called. Of a folder, and of a
    pattern that does not say how names end, videos and pictures are taken, in natural order; what is hidden, work
    folders and `outdir` are left out.

    :param home: the folder that a relative path counts from.
    :param outdir: where the paintings go.
    :param sequences: a folder whose videos and pictures are two or more pictures numbered alike is one clip.
    :param left_out: gets the files that are left out although a person may want them painted.
    :raises UsageError: it does not exist, may not be read, or nothing in it can be painted.
    """
    if not text.strip():
        raise UsageError("The name of an input is empty. Name a file, a folder or a pattern such as 'clips/*.mp4'.")
    path, missed = located(text, home), [] if left_out is None else left_out
    try:
        if path.is_dir():
            # '..' has no name to make another of.
            path = path.resolve() if path.name in ("", "..") else path
            if _same(path, outdir):
                raise UsageError(
                    f"{text}: this folder is also the one the paintings go to, where they would be inputs the next "
                    "time. Choose another output folder; it may lie in this one."
                )
            found = list(_walk(path, path, outdir, sequences, set(), missed))
        elif path.is_file():
            return [Input(path, path.parent, searched=False)]
        elif is_there(path):
            raise UsageError(f"{text}: this is neither a file nor a folder. Name a video, a picture or a folder.")
        elif _WILD.search(text):
            found = _matching(text, path, outdir, sequences, missed)
        else:
            raise UsageError(no_file(path, "file or folder", text))
    except OSError as error:
        raise UsageError(f"{error.filename or text}: this cannot be read ({error.strerror}).") from error
    if not found:
        raise UsageError(
            " ".join(
                (f"{text}: there is no video and no picture there that could be painted.", left_out_text(missed))
            ).strip()
        )
    return found


def left_out_text(files: Sequence[Path]) -> str:
    """Which files were left out of folders, and what makes them be taken; '' where there is none."""
    no_files = [file for file in files if _is_no_file(file)]
    return " ".join(text for text in (_named_wrong([file for file in files if file not in no_files]),
                                      _no_files_text(no_files)) if text)  # fmt: skip


def _no_files_text(paths: Sequence[Path]) -> str:
    """Of entries of folders whose names promise a picture or a video, and which are no files."""
    if not paths:
        return ""
    kinds = [f"{sanitize_line(path.name)} ({stream_kind(path) or 'a link to what is not there'})" for path in paths]
    one, several = "1 entry was left out, which is no file", f"{len(paths)} entries were left out, which are no files"
    return f"{one if len(paths) == 1 else several}: {_some_of(kinds)}."


def _some_of(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _is_no_file(path: Path) -> bool:
    """Whether something has this name that can be neither read nor searched: a link to nothing, a pipe, a device."""
    return (path.is_symlink() or is_there(path)) and not (path.is_file() or path.is_dir())


def _named_wrong(files: Sequence[Path]) -> str:
    """Of files whose names promise nothing that can be read."""
    if not files:
        return ""
    names = [sanitize_line(file.name) + ("" if ending(file) else " (its name has no ending)") for file in files]
    listed = _some_of(names)
    heif = f" HEIC is read with {GET_HEIF}." if not READS_HEIF and any(ending(file) in HEIF for file in files) else ""
    noun = "1 file was" if len(files) == 1 else f"{len(files)} files were"
    return (
        f"{noun} left out, whose names promise no picture and no video that can be read: {listed}.{heif} A file that "
        "is named by itself is taken whatever it is called."
    )


def each_once(inputs: Iterable[Input]) -> list[Input]:
    """Every file once, by whatever names it goes, where it first comes: under its own name, if that is among them."""
    found: dict[Path, Input] = {}
    for one in inputs:
        real = one.path.resolve()
        if real not in found or (found[real].path.is_symlink() and not one.path.is_symlink()):
            found[real] = one
    return list(found.values())


def _walk(
    folder: Path, root: Path, outdir: Path, sequences: bool, seen: set[Path], left_out: list[Path]
) -> Iterator[Input]:
    real = folder.resolve()
    # Links may lead in circles.
    if real in seen or _same(folder, outdir):
        return
    seen.add(real)
    entries = sorted((entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=natural_key)
    files = {entry for entry in entries if is_media_name(entry) and entry.is_file()}
    left_out += [entry for entry in entries if may_be_missed(entry) and entry.is_file()]
    left_out += [entry for entry in entries if is_media_name(entry) and _is_no_file(entry)]
    if sequences and _numbered(files):
        yield Input(folder, root, True) if folder != root else Input(folder, root.parent, True, searched=False)
        files = set()
    for entry in entries:
        if entry in files:
            yield Input(entry, root)
        elif entry.is_dir() and not entry.name.endswith(WORK):
            yield from _walk(entry, root, outdir, sequences, seen, left_out)


def _numbered(files: set[Path]) -> bool:
    """Whether these are pictures whose names differ in the number at their end only, two or more."""
    found = [_NUMBERED.fullmatch(file.stem) for file in files]
    kinds = {(match and match.group(1).casefold(), ending(file)) for match, file in zip(found, files, strict=True)}
    return len(files) > 1 and len(kinds) == 1 and all(found) and all(ending(file) in STILLS for file in files)


def _matching(text: str, path: Path, outdir: Path, sequences: bool, left_out: list[Path]) -> list[Input]:
    """What a pattern finds below the last folder in it that has no wildcard, or is there with a name that looks so."""
    root, rest = Path(path.anchor), list(path.parts[1:])
    while rest and (not _WILD.search(rest[0]) or (root / rest[0]).is_dir()):
        root /= rest.pop(0)
    if not rest or not root.is_dir():
        raise UsageError(f"{text}: nothing matches this. Look at how it is spelt.")
    deep = "**" in rest
    if rest[-1] == "**":
        rest.append("*")
    try:
        matches = sorted(root.glob("/".join(rest)), key=lambda match: _natural(match.relative_to(root)))
    except (ValueError, NotImplementedError) as error:
        raise UsageError(f"{text}: this is no pattern ({error}). Write for instance 'clips/**/*.mp4'.") from error
    hidden = any(part.startswith(".") for part in rest)
    said = bool(PurePosixPath(rest[-1]).suffix) and not _WILD.search(PurePosixPath(rest[-1]).suffix)
    found: list[Input] = []
    for match in matches:
        if _left_out(match, root, outdir, hidden):
            continue
        if match.is_file():
            if said or is_media_name(match):
                found.append(Input(match, root))
            elif may_be_missed(match):
                left_out.append(match)
        elif is_media_name(match) and _is_no_file(match):
            left_out.append(match)
        elif match.is_dir() and not deep:
            # With '**' the pattern itself says what is wanted of the folders below.
            found.extend(_walk(match, root, outdir, sequences, set(), left_out))
    return each_once(found)


def _natural(path: Path) -> list[tuple[list[tuple[int, int, str]], str]]:
    return [natural_key(Path(part)) for part in path.parts]


def _left_out(path: Path, root: Path, outdir: Path, hidden: bool) -> bool:
    below = path.relative_to(root)
    if any((part.startswith(".") and not hidden) or part.endswith(WORK) for part in below.parts):
        return True
    return any(_same(root / folder, outdir) for folder in (below, *below.parents))


def _same(folder: Path, outdir: Path) -> bool:
    return is_there(outdir) and folder.samefile(outdir)
