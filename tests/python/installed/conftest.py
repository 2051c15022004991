"""Tests of the package as pip installs it: with its compiled part. Elsewhere they are skipped, with the reason."""
import importlib.util
import os

import pytest

import collapscope

HERE = importlib.util.find_spec("collapscope._core") is not None


def pytest_collection_modifyitems(items):
    if HERE:
        return
    if os.environ.get("COLLAPSCOPE_INSTALLED"):
        raise pytest.UsageError(f"{collapscope.__file__}: found no compiled part; expected an installed package")
    for item in items:
        item.add_marker(pytest.mark.skip(reason="the package was not installed by pip: no collapscope._core"))
