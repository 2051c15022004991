"""What editors and people are shown: stubs of the compiled part that are true, and looks at the package that never raise."""
import ast
import contextlib
import io
import pydoc
import re
from pathlib import Path

import pytest

import collapscope
from collapscope import _core

STUB = Path(collapscope.__file__).parent / "_core.pyi"


def stubbed():
    """{name or Class.name: parameters}; None of what is no function."""
    found = {}

    def parameters(function):
        return [argument.arg for argument in function.args.args if argument.arg != "self"]

    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.AnnAssign):
            found[node.target.id] = None
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = None
        elif isinstance(node, ast.ClassDef):
            found[node.name] = None
            for part in node.body:
                if isinstance(part, ast.AnnAssign):
                    found[f"{node.name}.{part.target.id}"] = None
                elif isinstance(part, ast.FunctionDef):
                    is_property = any(getattr(name, "id", "") == "property" for name in part.decorator_list)
                    found[f"{node.name}.{part.name}"] = None if is_property else parameters(part)
    return found


def compiled():
    """The same of the module, from what nanobind says of each function."""
    found = {}
    for name, value in vars(_core).items():
        if name.startswith("_"):
            continue
        found[name] = None
        for part, member in vars(value).items() if isinstance(value, type) and not issubclass(value, Exception) else ():
            if part == "__init__" or not part.startswith("_"):
                text = getattr(value, part).__doc__ if callable(getattr(value, part)) else None
                found[f"{name}.{part}"] = re.findall(r"(\w+): ", text.split("->")[0]) if text else None
    return found


def test_the_stub_is_true():
    assert stubbed() == compiled()


def test_the_installed_package_has_it():
    assert STUB.exists() and (STUB.parent / "py.typed").exists()


@pytest.mark.parametrize("name", [*collapscope.__all__, "nothing", "_core", "accumulator"])
def test_looking_never_raises(name):
    assert hasattr(collapscope, name) == (name != "nothing")


def test_help():
    for what in (collapscope, collapscope.Accumulator, collapscope.Meter, collapscope.callbacks, collapscope.measure, _core):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            pydoc.Helper(output=said).help(what)
        assert len(said.getvalue()) > 200
    assert "classes: int | None" in pydoc.render_doc(collapscope.Accumulator) or "classes: 'int | None'" in pydoc.render_doc(collapscope.Accumulator)
