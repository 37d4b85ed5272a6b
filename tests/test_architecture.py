"""The rooms of the house and the arrows between them, read from the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
FILES = sorted([*(HOME / "pipeline").rglob("*.py"), *(HOME / "reelbrush").glob("*.py"), HOME / "cli.py"])

# Files of the top level that import nothing of ours, and that every room may import.
COMMON = {"atomic", "errors", "file_kind", "frame_numbers", "text", "types"}
# Which room may import from which, beside itself and `COMMON`.
ARROWS: dict[str, set[str]] = {
    "signals": set(),
    "options": set(),
    "presets": set(),
    "settings": {"options", "presets"},
    "network": {"settings"},
    "media": set(),
    "motion": {"network"},
    "style": {"network", "settings"},
    "clip": {"style", "motion", "media", "network", "settings", "options", "signals"},
    "batch": {"clip", "style", "motion", "media", "network", "settings", "options", "signals"},
    "pictures": {"batch", "clip", "style", "motion", "media", "network", "settings", "options", "signals"},
    "report": {"pictures", "batch", "clip", "media", "motion", "network", "settings", "signals"},
    "studio": {
        "report",
        "pictures",
        "batch",
        "clip",
        "style",
        "motion",
        "media",
        "network",
        "settings",
        "options",
        "signals",
    },
    "commands": {"report", "pictures", "clip", "settings", "options", "signals"},
    "cli": {"studio", "commands", "report", "pictures", "batch", "clip", "network", "settings", "options", "signals"},
    "pipeline": set(),
    "reelbrush": {"cli", "pipeline", "clip", "style", "network", "settings"},
}
# Packages that only some files may touch; a folder stands for everything in it.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "typer": ("cli.py", "pipeline/commands/"),
    "click": (),
    "rich": (
        "pipeline/commands/console.py",
        "pipeline/report/batch_console.py",
        "pipeline/report/console.py",
        "pipeline/report/lines.py",
        "pipeline/report/status_console.py",
        "pipeline/report/weights.py",
    ),
    "torch": (
        "pipeline/network/",
        "pipeline/style/",
        "pipeline/motion/",
        "pipeline/clip/",
        "pipeline/batch/",
        "pipeline/pictures/",
        "pipeline/studio/drafts.py",
        "pipeline/report/doctor.py",
    ),
    "triton": tuple(
        f"pipeline/network/{one}_kernels.py"
        for one in ("stage", "style", "difference", "descent", "search", "refinement")
    ),
    "torchvision": ("pipeline/network/", "pipeline/motion/"),
    # A Dask worker may be allowed no children by multiprocessing; the one it has is this program again.
    # Others find motion without Python's lock: a script that calls the library need not be made for multiprocessing.
    "subprocess": (
        "pipeline/media/ffmpeg.py",
        "pipeline/batch/remote.py",
        "pipeline/clip/finders.py",
        "pipeline/studio/job_runner.py",
        "pipeline/studio/live_job.py",
    ),
    "multiprocessing": ("pipeline/batch/worker_pool.py",),
    "distributed": ("pipeline/batch/scheduler.py", "pipeline/batch/remote.py"),
    "sqlite3": ("pipeline/batch/ledger.py",),
    "PIL": (
        "pipeline/media/",
        "pipeline/pictures/canvas.py",
        "pipeline/pictures/fitting.py",
        "pipeline/pictures/lettering.py",
    ),
    "imageio": ("pipeline/media/",),
    "imageio_ffmpeg": ("pipeline/media/",),
    # Its PNG is five times faster than Pillow's. A worker only says how many threads it may use.
    "cv2": ("pipeline/motion/", "pipeline/media/frame_file.py", "pipeline/batch/worker.py"),
    "jinja2": ("pipeline/report/html_report.py",),
    "gradio": (
        "pipeline/studio/page.py",
        "pipeline/studio/regions_tab.py",
        "pipeline/studio/result_tab.py",
        "pipeline/studio/live_page.py",
        "pipeline/studio/look.py",
    ),
    "fastapi": ("pipeline/studio/page.py", "pipeline/studio/live_page.py", "pipeline/studio/look.py"),
    "uvicorn": ("pipeline/studio/server.py",),
    # Plots, and the colour maps of figures.
    "matplotlib": (
        "pipeline/pictures/flicker_plot.py",
        "pipeline/pictures/heatmap.py",
        "pipeline/pictures/matplotlib_figure.py",
        "pipeline/pictures/figures/loss_plot.py",
        "pipeline/pictures/figures/colours.py",
    ),
}

# What takes a while to import, and no help text needs.
SLOW = ("torch", "PIL", "imageio_ffmpeg", "cv2", "numpy", "matplotlib", "jinja2")


def name_of(path: Path) -> str:
    return path.relative_to(HOME).as_posix()


def room_of(module: str) -> str:
    """'pipeline.style.losses' -> 'style'; 'pipeline' -> 'pipeline'; 'cli' -> 'cli'."""
    parts = module.split(".")
    return parts[1] if parts[0] == "pipeline" and len(parts) > 1 else parts[0]


def module_of(path: Path) -> str:
    parts = path.relative_to(HOME).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Every module that is imported anywhere: at the top, in functions, for type checking, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # `from pipeline import media` names a module, `from pipeline import __version__` a value.
            yield from (f"{base}.{alias.name}" if base == "pipeline" else base for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}:
            argument = node.args[0]
            yield argument.value if isinstance(argument, ast.Constant) else f"?{ast.unparse(argument)}"


def imports_of(path: Path) -> set[str]:
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    return set(imports(ast.parse(path.read_text(encoding="utf-8")), package)) - {"pipeline.__version__"}


def missing_arrows(room: str, modules: set[str]) -> set[str]:
    """Those of `modules` that a file in `room` may not import."""
    ours = {module for module in modules if module.split(".")[0] in {"pipeline", "reelbrush", "cli"}}
    allowed = set() if room in COMMON else {*ARROWS[room], *COMMON}
    return {module for module in ours if room_of(module) not in {room, *allowed}}


def test_the_walk_sees_every_kind_of_import() -> None:
    """Or the tests below would pass on anything."""
    source = """
import a.b, c
from pipeline import media, __version__
from pipeline.clip.api import x
from . import near
from ..style import far
if TYPE_CHECKING:
    from typed import T
def f():
    import inner
    importlib.import_module("named")
"""
    assert set(imports(ast.parse(source), "pipeline.report")) == {
        "a.b", "c", "pipeline.media", "pipeline.__version__", "pipeline.clip.api", "pipeline.report", "pipeline.style",
        "typed", "inner", "named",
    }  # fmt: skip
    assert missing_arrows("style", {"pipeline.network.base", "pipeline.style.losses", "torch"}) == set()
    assert missing_arrows("style", {"pipeline.media", "cli"}) == {"pipeline.media", "cli"}
    assert missing_arrows("errors", {"pipeline.settings"}) == {"pipeline.settings"}


def test_there_is_something_to_walk() -> None:
    assert len(FILES) > 30
    assert {room_of(module_of(path)) for path in FILES} == {*ARROWS, *COMMON}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_arrow_that_the_plan_does_not_have(path: Path) -> None:
    assert not missing_arrows(room_of(module_of(path)), imports_of(path))


@pytest.mark.parametrize("package", ONLY_IN)
def test_packages_stay_in_their_rooms(package: str) -> None:
    users = {name_of(path) for path in FILES if package in {module.split(".")[0] for module in imports_of(path)}}
    assert {name for name in users if not name.startswith(ONLY_IN[package])} == set()


def test_the_command_starts_without_torch() -> None:
    """`reelbrush --help` should take a tenth of a second, not two."""
    code = f"import sys, cli; print([name for name in {SLOW} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_library_starts_without_torch_and_knows_its_two_calls() -> None:
    code = (
        "import sys, reelbrush; assert 'torch' not in sys.modules; "
        "from reelbrush import stylize_image, stylize_video; print(stylize_image.__name__, stylize_video.__name__)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["stylize_image", "stylize_video"]


def test_a_dask_scheduler_opens_what_it_hands_on_without_torch() -> None:
    code = f"import sys, pipeline.batch.remote; print([name for name in {SLOW} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [] if ast.get_docstring(tree) else ["the module"]
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            bare.append(node.name)
    assert bare == []
