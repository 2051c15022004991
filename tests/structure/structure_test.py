"""The checker of the structure finds what is planted, at its line."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import check_includes

RULES = """
room core
  files      src/core kernels/element.hpp
  headers    text
  includes   -
  libraries  fmt json

room kernels
  files      kernels
  includes   core
  libraries  -

room results
  files      src/results
  headers    results
  includes   core
  libraries  fmt

room tools
  files      tools
  includes   public
  libraries  -

library fmt   fmt/*
library json  nlohmann/*  (sources only)
generated build_config.hpp
"""
TREE = {
    "docs/include-rules.txt": RULES,
    "docs/architecture.md": "A `Text` in `src/core/text.cpp`, `collapscope/text.hpp`, `src/{core,results}` and `src/*/`.\n",
    "include/collapscope/text.hpp": "#include <string>\nstruct Text {};\n",
    "include/collapscope/results.hpp": '#include "collapscope/text.hpp"\n',
    "kernels/element.hpp": "",
    "kernels/shift.cu": '#include "element.hpp"\n',
    "src/core/text.cpp": '#include "collapscope/text.hpp"\n#include <fmt/format.h>\n#include <nlohmann/json.hpp>\n'
                         '#include "build_config.hpp"\n#include "element.hpp"\n',
    "src/results/private.hpp": "",
    "src/results/results.cpp": '#include "collapscope/results.hpp"\n\n#include "results/private.hpp"\n',
    "tools/main.cpp": '#include "collapscope/results.hpp"\n',
}


def in_a_folder(files, action):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return action(pathlib.Path(folder))


def check(files):
    return in_a_folder(files, check_includes.complaints)


class Structure(unittest.TestCase):
    def expect(self, changes, *lines):
        found = check({**TREE, **changes})
        self.assertEqual([line[:len(want)] for line, want in zip(found, lines)], list(lines))
        self.assertEqual(len(found), len(lines), found)

    def test_a_tree_that_keeps_the_rules(self):
        self.assertEqual(check(TREE), [])

    def test_the_program_says_it_with_its_status(self):
        def run(root):
            done = subprocess.run([sys.executable, check_includes.__file__, root], stdout=subprocess.PIPE, text=True,
                                  check=False)
            return done.returncode, done.stdout.strip()

        self.assertEqual(in_a_folder(TREE, run), (0, ""))
        bad = {**TREE, "tools/main.cpp": '\n#include "core/gone.hpp"\n'}
        self.assertEqual(in_a_folder(bad, run), (1, "tools/main.cpp:2: no file core/gone.hpp"))

    def test_public_headers_in_folders_named_like_their_rooms(self):
        moved = {name: text.replace("collapscope/text.hpp", "collapscope/core/text.hpp")
                 .replace("collapscope/results.hpp", "collapscope/results/results.hpp") for name, text in TREE.items()}
        moved["include/collapscope/core/text.hpp"] = moved.pop("include/collapscope/text.hpp")
        moved["include/collapscope/results/results.hpp"] = moved.pop("include/collapscope/results.hpp")
        self.assertEqual(check(moved), [])
        bad = {**moved, "src/core/text.cpp": '\n#include "collapscope/results/results.hpp"\n'}
        self.assertEqual(check(bad), [
            "src/core/text.cpp:2: core includes results (collapscope/results/results.hpp), "
            "expected of it: no other room"])

    def test_an_include_of_a_room_above(self):
        self.expect({"src/core/text.cpp": '\n\n#include "collapscope/results.hpp"\n'},
                    "src/core/text.cpp:3: core includes results")
        self.expect({"src/core/text.cpp": '# include "results/private.hpp"\n'},
                    "src/core/text.cpp:1: core includes results")
        self.expect({"kernels/shift.cu": '#include "results/private.hpp"\n'},
                    "kernels/shift.cu:1: kernels includes results")

    def test_a_library_that_is_not_for_this_room(self):
        self.expect({"src/results/results.cpp": "\n#include <nlohmann/json.hpp>\n"},
                    "src/results/results.cpp:2: results includes the library json")
        self.expect({"src/results/results.cpp": "#include <sqlite3.h>\n"},
                    "src/results/results.cpp:1: <sqlite3.h> belongs to no library")

    def test_a_library_that_is_for_sources_only(self):
        self.expect({"src/core/tree.hpp": "#include <nlohmann/json.hpp>\n"},
                    "src/core/tree.hpp:1: a header includes the library json")

    def test_public_headers_stay_free(self):
        self.expect({"include/collapscope/text.hpp": "struct Text;\n#include <fmt/format.h>\n"},
                    "include/collapscope/text.hpp:2: a public header includes the library fmt")
        self.expect({"include/collapscope/results.hpp": '#include "results/private.hpp"\n'},
                    "include/collapscope/results.hpp:1: a public header includes the private src/results/private.hpp")

    def test_the_program_sees_public_headers_only(self):
        self.expect({"tools/main.cpp": '#include "results/private.hpp"\n'}, "tools/main.cpp:1: tools includes results")

    def test_files_without_a_room_and_includes_without_a_file(self):
        self.expect({"src/attic/old.cpp": "", "include/collapscope/old.hpp": ""},
                    "include/collapscope/old.hpp:1: belongs to no room", "src/attic/old.cpp:1: belongs to no room")
        self.expect({"src/core/text.cpp": '#include "core/gone.hpp"\n'}, "src/core/text.cpp:1: no file core/gone.hpp")

    def test_a_table_with_a_circle(self):
        self.expect({"docs/include-rules.txt": RULES.replace("includes   -", "includes   results")},
                    "docs/include-rules.txt:5: core names results, expected rooms that stand above it")

    def test_names_in_the_description(self):
        self.expect({"docs/architecture.md": "`src/core/text.cpp`\n`src/core/gone.cpp` and `src/{core,attic}`\n"},
                    "docs/architecture.md:2: there is no src/core/gone.cpp",
                    "docs/architecture.md:2: there is no src/{core,attic}")
        self.expect({"docs/architecture.md": "a `Novel`, `Text`\n"},
                    "docs/architecture.md:1: nothing in the code is called Novel")


if __name__ == "__main__":
    unittest.main()
