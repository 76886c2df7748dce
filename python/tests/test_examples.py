"""The examples in the documentation of memmap, load and save run."""

import doctest
import subprocess
import sys
from pathlib import Path

import ndfolio as nf
import pytest

DOCUMENTED = [nf.memmap, nf.open_memmap, nf.load, nf.save, nf.savez, nf.savez_compressed]


@pytest.mark.parametrize("thing", DOCUMENTED, ids=lambda thing: thing.__name__)
def test_examples(thing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestFinder(exclude_empty=True).find(thing, thing.__name__, module=False, globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in tests:
        runner.run(test)
    assert runner.tries > 0 and runner.failures == 0


def test_every_method_has_an_example():
    own = [name for name in ("flush", "close", "advise", "prefetch", "residency")]
    assert all(">>>" in getattr(nf.memmap, name).__doc__ for name in own)


TRAIN = Path(__file__).resolve().parents[2] / "examples" / "python" / "train_tokens.py"


def lines_of(folder, steps, kill_after=None):
    """What training prints; killed once it has printed so many lines."""
    command = [sys.executable, "-W", "error", TRAIN, folder, str(steps)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if len(lines) == kill_after:
                process.kill()
                break
        # What was printed before the signal came.
        lines.extend(process.stdout)
    assert process.returncode == (0 if kill_after is None else -9)
    return [line for line in lines if line.endswith("\n")]


def test_training_that_is_killed_goes_on_exactly(tmp_path):
    known = lines_of(tmp_path / "whole", 300)
    assert len(known) == 300 and known[-1].startswith("step 300 epoch 1 ")
    first, last = (float(line.split()[-1]) for line in (known[0], known[-1]))
    assert first > 4 and last < 1.5
    # In the middle of the first epoch, and of the second.
    seen = {}
    for kill_after in (57, 230, None):
        for line in lines_of(tmp_path / "killed", 300, kill_after):
            number = int(line.split()[1])
            assert seen.setdefault(number, line) == line
    assert [seen[i + 1] for i in range(300)] == known
