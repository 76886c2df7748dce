"""NumPy's own tests of memmap, of the .npy format and of save and load, run on our functions.

The files are those of the installed wheel, as they are. Their modules get our names in the place of NumPy's.
"""

import importlib.util
import os

import numpy
import pytest

import ndfolio

pytestmark = [
    # NumPy's tests are run with other settings for warnings than ours.
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

OURS = ("load", "memmap", "save", "savez", "savez_compressed")

# What is not run, and why.
NOT_RUN = {
    "test_big_arrays": "writes 2 GiB for what other tests show of small files",
    "test_large_archive": "needs 4 GiB of memory, for the zip64 that small archives of ours have too",
}


class Numpy:
    """`numpy` with our functions."""

    def __getattr__(self, name):
        return getattr(ndfolio if name in OURS else numpy, name)


def suite(path):
    """The module of NumPy's tests with our names."""
    path = os.path.join(os.path.dirname(numpy.__file__), *path.split("/"))
    name = "numpy_suite_" + os.path.basename(path)[:-3]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if hasattr(module, "np"):
        module.np = Numpy()
    for ours in (*OURS, "format"):
        if hasattr(module, ours):
            setattr(module, ours, getattr(ndfolio, ours))
    return module


def collect(module, wanted=None):
    """Makes the tests of a module those of this one."""
    for name, value in vars(module).items():
        if not name.startswith(("test_", "Test")) or (wanted is not None and name not in wanted):
            continue
        if getattr(value, "__module__", None) != module.__name__:
            continue
        for test, reason in NOT_RUN.items():
            if name == test:
                value = pytest.mark.skip(reason=reason)(value)
            elif hasattr(value, test):
                setattr(value, test, pytest.mark.skip(reason=reason)(getattr(value, test)))
        assert name not in globals(), name
        globals()[name] = value


collect(suite("_core/tests/test_memmap.py"))
collect(suite("lib/tests/test_format.py"))
collect(
    suite("lib/tests/test_io.py"),
    {
        "TestSaveLoad",
        "TestSavezLoad",
        "TestPathUsage",
        "test_gzip_load",
        "test_ducktyping",
        "test_npzfile_dict",
        "test_load_refcount",
        "test_load_multiple_arrays_until_eof",
        "test_savez_nopickle",
    },
)


def test_our_names_are_in_the_place_of_numpys():
    module = suite("_core/tests/test_memmap.py")
    assert module.memmap is ndfolio.memmap and module.add is numpy.add
    module = suite("lib/tests/test_format.py")
    assert module.np.load is ndfolio.load and module.np.memmap is ndfolio.memmap
    assert module.format.open_memmap is ndfolio.open_memmap and module.np.arange is numpy.arange
