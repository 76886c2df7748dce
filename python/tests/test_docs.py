"""The examples of docs/python.md run, and say what is there."""

import doctest
import re
from pathlib import Path

import pytest

import ndfolio as nf

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
    assert results.attempted > 40


def test_names_that_are_told_are_there():
    text = PAGE.read_text()
    memmap = re.search(r"## `memmap`.*?(?=\n## )", text, re.DOTALL).group()
    for name in set(re.findall(r"\bnf\.(\w+)", text.replace(memmap, ""))):
        assert hasattr(nf, name), name


@pytest.mark.parametrize("row", re.findall(r"^\| (?:lazy|views|constants.*?|in memory.*?|block by block.*?|by NumPy.*?) \| (.*) \|$", PAGE.read_text(), re.M))
def test_functions_that_are_told_are_there(row):
    import numpy as np

    places = [nf, np, np.ndarray, np.linalg, np.fft, nf.array_api, nf.array_api.linalg]
    for name in re.findall(r"`([\w. …]+)`", row):
        for one in name.split():
            one = one.rpartition(".")[2]
            if one not in ("axis", "keepdims", "ddof", "where", "initial", "out") and "…" not in one:
                assert any(hasattr(place, one) for place in places), one
