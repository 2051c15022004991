"""The package: what importing it loads, and its version. check_wheel.sh installs it."""
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import collapscope

PACKAGE = Path(__file__).resolve().parents[3] / "tools" / "python"


def python(code, *options):
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_version_is_the_programs():
    if "COLLAPSCOPE_VERSION" not in os.environ:
        pytest.skip("COLLAPSCOPE_VERSION is not set")
    assert collapscope.__version__ == os.environ["COLLAPSCOPE_VERSION"]


def test_importing_loads_the_standard_library_only():
    names = set(python("import collapscope, sys; print(*{name.split('.')[0] for name in sys.modules})"))
    assert "collapscope" in names and not names & {"numpy", "h5py", "torch", "pandas", "matplotlib"}
    # Without site-packages there is nothing else.
    python(f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); import collapscope; assert 'convert' in dir(collapscope)", "-I", "-S")


def test_converting_needs_no_pytorch(tmp_path):
    python("import collapscope, numpy, sys; sys.modules['torch'] = None\n"
           f"numpy.savez({str(tmp_path / 'a.npz')!r}, h=numpy.eye(4), y=numpy.arange(4.))\n"
           f"collapscope.convert({str(tmp_path / 'a.npz')!r}, {str(tmp_path / 'a.h5')!r}, targets='y', activations={{'fc': 'h'}})")
    assert (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("first", ["import collapscope.convert", "from collapscope.convert import main", "collapscope.convert", ""])
def test_convert_stays_the_function(first):
    python(f"import collapscope\n{first}\nimport collapscope.convert\nfrom collapscope.convert import main\n"
           "assert collapscope.convert.__name__ == 'convert' and callable(collapscope.convert) and callable(main)")


def test_the_exceptions_are_reached():
    python("import collapscope; assert issubclass(collapscope.errors.ProgramError, RuntimeError) and 'errors' in dir(collapscope)")


def test_unknown_names():
    with pytest.raises(AttributeError, match="module 'collapscope' has no attribute 'nothing'"):
        collapscope.nothing


def test_what_is_missing_is_named_with_its_extra(tmp_path):
    """Looking never fails; using says what to install."""
    python("import collapscope, pydoc, sys\n"
           "for name in ('torch', 'h5py', 'pandas', 'matplotlib'): sys.modules[name] = None\n"
           "assert all(hasattr(collapscope, name) for name in dir(collapscope)) and not hasattr(collapscope, 'nothing')\n"
           "text = pydoc.render_doc(collapscope)\n"
           "assert 'attach' in text and 'recording needs PyTorch' in text, text\n"
           "def says(call, *words):\n"
           "    try: call()\n"
           "    except ImportError as error: assert all(word in str(error) for word in words), error\n"
           "    else: raise AssertionError(words)\n"
           "for name in ('Recorder', 'record', 'attach', 'convert'):\n"
           "    needs = 'writing dumps needs h5py' if name == 'convert' else 'recording needs PyTorch'\n"
           "    says(lambda: getattr(collapscope, name)(1, 2), needs, \"pip install 'collapscope[record]'\")\n"
           "says(lambda: collapscope.plot.deep('r.json'), 'drawing figures needs matplotlib', 'collapscope[plot]')\n"
           "says(lambda: collapscope.load('r.json'), 'a table of results needs pandas', 'collapscope[plot]')\n"
           "says(lambda: __import__('collapscope.recorder'), 'PyTorch')\n")
    python("import collapscope, sys; sys.modules['torch'] = None\n"
           f"open({str(tmp_path / 'a.pt')!r}, 'wb').write(bytes(99))\n"
           "assert 'recording needs PyTorch' in repr(collapscope.Recorder), collapscope.Recorder\n"
           f"try: collapscope.convert({str(tmp_path / 'a.pt')!r}, {str(tmp_path / 'a.h5')!r}, targets='y', activations='*')\n"
           "except ImportError as error: assert \"reading PyTorch files needs PyTorch\" in str(error) and 'collapscope[record]' in str(error)\n"
           "else: raise AssertionError\n")


def test_analyze_has_every_option_of_the_program():
    program = os.environ.get("COLLAPSCOPE_PROGRAM")
    if not program:
        pytest.skip("COLLAPSCOPE_PROGRAM does not name the program")
    text = subprocess.run([program, "analyze", "--help"], capture_output=True, text=True, check=True).stdout
    of_program = {name.replace("-", "_") for name in re.findall(r"^  (?:-\w,)?--([a-z-]+)", text, re.MULTILINE)}
    parameters = inspect.signature(collapscope.analyze).parameters
    assert set(parameters) - {"paths", "wide", "attributes"} == of_program - {"help", "quiet", "part"}
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
