"""Workers of PyTorch's DataLoader share a file; where PyTorch is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not among what the tests install")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "python" / "dataloader.py"


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_four_workers_go_through_a_file(way):
    command = [sys.executable, "-W", "ignore", EXAMPLE, "5000", "4", way]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"5000 rows by 4 workers, which were made by {way}\n"
