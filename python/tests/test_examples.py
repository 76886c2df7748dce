"""The examples in the documentation of memmap, load and save run."""

import doctest

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
