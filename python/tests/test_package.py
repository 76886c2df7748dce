"""The package as it is installed."""

from importlib import metadata

import ndfolio


def test_version():
    assert ndfolio.__version__ == metadata.version("ndfolio")
