"""check_variables.py [ROOT]: every variable COLLAPSCOPE_... of the GPU code stands in docs/gpu.md. Prints those that do
not; exit status 1 then, or when there is none to be found.
"""

import pathlib
import re
import sys

VARIABLE = re.compile(r'"(COLLAPSCOPE_[A-Z_]+)"')


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = {name: source for folder in ("src/cuda", "src/gpu") for source in sorted((root / folder).glob("*.cpp"))
             for name in VARIABLE.findall(source.read_text())}
    text = (root / "docs/gpu.md").read_text()
    missing = [name for name in sorted(found) if f"`{name}`" not in text]
    for name in missing:
        print(f"{found[name]}: {name} is not in docs/gpu.md")
    return 1 if missing or not found else 0


if __name__ == "__main__":
    sys.exit(main())
