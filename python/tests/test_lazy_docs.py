"""The examples of the lazy face's docstrings run, and say what is there."""

import doctest

import numpy as np
import pytest

import ndfolio as nf
from ndfolio import _array, _compute, _config, _functions, _loader, _opening, _picking, _storage

MODULES = [_array, _compute, _config, _functions, _loader, _opening, _picking, _storage]


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    # Classes say that they are of the package itself.
    found = [finder.find(module) for module in MODULES]
    found += [finder.find(thing, thing.__name__, module=False) for thing in (nf.Array, nf.Loader)]
    for tests in found:
        for test in tests:
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("test", list(examples()))
def test_example(test, tmp_path):
    test.globs = {"nf": nf, "np": np, "tmp": tmp_path}
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert results.attempted > 0
    assert results.failed == 0


def test_there_are_examples():
    assert len(list(examples())) >= 10


def test_every_public_name_has_a_docstring():
    for name in nf.__all__:
        thing = getattr(nf, name)
        assert name.startswith("__") or thing.__doc__, name
