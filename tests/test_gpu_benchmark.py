"""The benchmark of a GPU where there is none."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from simulated_gpu import GPU, simulated_gpu

from pipeline.network.weights import open_vgg19

HOME = Path(__file__).parents[1]


@pytest.mark.heavy
def test_without_a_gpu_it_makes_the_checks_that_need_none_and_says_so(tmp_path: Path) -> None:
    figures = tmp_path / "gpu.json"
    command = [sys.executable, "benchmarks/gpu.py", "--device", "cpu", "--json", str(figures)]
    ran = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "There is no GPU here: nothing was measured." in ran.stdout
    checks = json.loads(figures.read_text())["checks"]
    assert len(checks) >= 4 and all(check["passed"] is not False for check in checks)


@pytest.mark.heavy
def test_every_table_can_be_filled(tmp_path: Path) -> None:
    """At sizes that mean nothing."""
    figures = tmp_path / "gpu.json"
    command = [sys.executable, "benchmarks/gpu.py", "--rehearse", "--json", str(figures)]
    ran = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tables = json.loads(figures.read_text())
    for name in ("matrix products", "steps a second", "where a step goes", "pictures", "motion", "clips"):
        assert tables[name], name


@pytest.mark.heavy
def test_the_checks_of_a_gpu_pass_on_one_that_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for those of kernels. None of a real one's time goes into what shows here."""
    monkeypatch.syspath_prepend(str(HOME / "benchmarks"))
    checks, motion = (importlib.import_module(name) for name in ("gpu_checks", "motion_on_device"))
    network = open_vgg19()
    with simulated_gpu():
        made = [
            *checks.check_against_cpu(GPU, network, 64),
            checks.check_graph(GPU, network, 48),
            *checks.check_regions(GPU, network, 64),
            checks.check_resume(GPU, network, 48),
            *motion.check_motion(GPU, 72, 128),
        ]
    assert len(made) == 14 and [one for one in made if not one.passed] == []
