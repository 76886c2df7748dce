"""The README's lines of Python run, and print what it says."""

import doctest
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_lines_of_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted > 15
    assert results.failed == 0
