"""The examples in the documentation of the package run."""

import doctest
import importlib
import pkgutil

import ndfolio
import pytest

MODULES = [name for _, name, _ in pkgutil.iter_modules(ndfolio.__path__, "ndfolio.") if name != "ndfolio._ndfolio"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(importlib.import_module(name), optionflags=options).failed == 0
