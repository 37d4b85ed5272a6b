"""What is said where the studio cannot open."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.studio.access import HOST
from pipeline.studio.server import PORT, bound_socket
from tests.jobs import invoke, paint_picture


def test_a_port_that_is_taken_is_told_and_without_a_wish_the_next_is_found() -> None:
    with bound_socket(None) as first, bound_socket(None) as second:
        ports = [one.getsockname() for one in (first, second)]
        assert {host for host, _ in ports} == {HOST}
        assert ports[0][1] != ports[1][1] and min(port for _, port in ports) >= PORT
        with pytest.raises(UsageError, match=f"--port {ports[0][1]}.*leave --port out"):
            bound_socket(ports[0][1])


def test_the_command_says_which_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = invoke("studio", "--no-browser", "--port", port)
    assert result.exit_code == 2
    assert f"--port {port}" in " ".join(result.stderr.split())


def test_without_gradio_one_paragraph_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "pipeline.studio.page", raising=False)
    for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "GRADIO_SHARE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = invoke("studio", paint_picture(tmp_path / "c.png"), "--no-browser")
    assert result.exit_code == 2
    assert "pip install 'reelbrush[studio]'" in " ".join(result.stderr.split())
    assert not list(tmp_path.glob("reelbrush-studio-*")), "nothing of the session is left"
