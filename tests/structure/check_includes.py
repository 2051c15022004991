"""check_includes.py [ROOT]: holds the includes of ROOT against ROOT/docs/include-rules.txt, and the names in
ROOT/docs/architecture.md against what is there. Prints FILE:LINE: MESSAGE for what does not fit; exit status 1 then.
"""

import fnmatch
import pathlib
import re
import sys
from dataclasses import dataclass, field

RULES = "docs/include-rules.txt"
ARCHITECTURE = "docs/architecture.md"
FOLDERS = ("include", "src", "kernels", "tools")
ENDINGS = (".hpp", ".cpp", ".cuh", ".cu", ".h", ".c")
PUBLIC = "include/collapscope/"
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


class TableError(Exception):
    """The table itself is not as it must be."""


@dataclass
class Room:
    name: str
    line: int
    files: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    includes: list = field(default_factory=list)
    libraries: list = field(default_factory=list)


@dataclass
class Library:
    patterns: list
    sources_only: bool


@dataclass
class Table:
    rooms: dict
    libraries: dict
    generated: set


def read_table(path):
    table = Table({}, {}, set())
    room = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue

        def refuse(why):
            raise TableError(f"{RULES}:{number}: {why}")

        key, rest = words[0], words[1:]
        if line[0].isspace():
            if room is None:
                refuse("expected 'room NAME' above this line")
            if key not in ("for", "files", "headers", "includes", "libraries"):
                refuse(f"found '{key}', expected for, files, headers, includes or libraries")
            if key != "for":
                setattr(room, key, [] if rest == ["-"] else rest)
            if key == "includes":
                for name in room.includes:
                    if name != "public" and (name not in table.rooms or name == room.name):
                        refuse(f"{room.name} names {name}, expected rooms that stand above it")
        elif key == "room":
            room = Room(rest[0], number)
            if table.rooms.setdefault(room.name, room) is not room:
                refuse(f"a second room {room.name}")
        elif key == "library":
            marked = rest[-2:] == ["(sources", "only)"]
            table.libraries[rest[0]] = Library(rest[1:-2] if marked else rest[1:], marked)
        elif key == "generated":
            table.generated.update(rest)
        else:
            refuse(f"found '{key}', expected room, library or generated")
    for room in table.rooms.values():
        for name in room.libraries:
            if name not in table.libraries:
                raise TableError(f"{RULES}:{room.line}: {room.name} names the library {name}, which has no line")
    return table


def room_of(table, path):
    """The room that the file belongs to; None: to none. Public headers may lie in a folder named like their room."""
    if path.startswith(PUBLIC):
        *folder, name = path[len(PUBLIC):].split("/")
        if folder:
            return table.rooms.get(folder[0])
        return next((room for room in table.rooms.values() if name.removesuffix(".hpp") in room.headers), None)
    best = None
    for room in table.rooms.values():
        for place in room.files:
            if (path == place or path.startswith(place + "/")) and (best is None or len(place) > best[0]):
                best = (len(place), room)
    return best[1] if best else None


def sources_below(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in ENDINGS and path.is_file():
                yield path.relative_to(root).as_posix()


def resolve(files, including, name):
    """The file of ours that an include names; None: it is none of ours."""
    folder = including.rpartition("/")[0]
    return next((p for p in (f"{folder}/{name}", f"include/{name}", f"src/{name}", f"kernels/{name}") if p in files), None)


def complaint_about(table, files, path, room, quote, name):
    """Why this include is not allowed; None: it is."""
    is_public = path.startswith(PUBLIC)
    target = resolve(files, path, name)
    if target:
        other = room_of(table, target)
        if other is None:
            return None  # said where that file itself is looked at
        if is_public and not target.startswith(PUBLIC):
            return f"a public header includes the private {target}"
        if other is room or other.name in room.includes:
            return None
        if "public" in room.includes and target.startswith(PUBLIC):
            return None
        allowed = " ".join(room.includes) or "no other room"
        return f"{room.name} includes {other.name} ({name}), expected of it: {allowed}"
    if name in table.generated:
        return None
    if quote == '"':
        return f"no file {name}"
    if "." not in name and "/" not in name:
        return None  # the C++ standard library
    library = next((key for key, value in table.libraries.items()
                    if any(fnmatch.fnmatchcase(name, pattern) for pattern in value.patterns)), None)
    if library is None:
        return f"<{name}> belongs to no library of {RULES}"
    if is_public:
        return f"a public header includes the library {library} (<{name}>)"
    if library not in room.libraries:
        allowed = " ".join(room.libraries) or "no library"
        return f"{room.name} includes the library {library} (<{name}>), expected of it: {allowed}"
    if table.libraries[library].sources_only and not path.endswith((".cpp", ".cu", ".c")):
        return f"a header includes the library {library} (<{name}>), which is for .cpp files only"
    return None


def check_includes(root):
    table = read_table(root / RULES)
    files = set(sources_below(root))
    found = []
    for path in sorted(files):
        room = room_of(table, path)
        if room is None:
            found.append(f"{path}:1: belongs to no room of {RULES}")
            continue
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            include = INCLUDE.match(line)
            why = include and complaint_about(table, files, path, room, *include.groups())
            if why:
                found.append(f"{path}:{number}: {why}")
    return found


def is_there(root, name):
    """Whether a file or folder of this name is there: from the top, from src/ or include/, or with '*' and '{a,b}'."""
    braces = re.search(r"\{([^}]*)\}", name)
    if braces:
        return all(is_there(root, name[:braces.start()] + part + name[braces.end():])
                   for part in braces[1].split(","))
    return any(any(root.glob(base + name.strip("/"))) for base in ("", "src/", "include/"))


def check_names(root):
    """Files, folders and names of types and functions in backticks in the description of the architecture."""
    code = None
    found = []
    for number, line in enumerate((root / ARCHITECTURE).read_text().splitlines(), 1):
        for name in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(r"[\w.*{},/-]+", name) and ("/" in name or re.search(r"\.\w+$", name)):
                if not is_there(root, name):
                    found.append(f"{ARCHITECTURE}:{number}: there is no {name}")
            elif re.fullmatch(r"(\w+::)*\w*(\(\))?", name):
                code = code or "\n".join((root / path).read_text() for path in sources_below(root))
                for part in name.removesuffix("()").split("::"):
                    if not re.search(rf"\b{part}\b", code):
                        found.append(f"{ARCHITECTURE}:{number}: nothing in the code is called {part}")
    return found


def complaints(root):
    try:
        return check_includes(root) + check_names(root)
    except TableError as error:
        return [str(error)]


if __name__ == "__main__":
    lines = complaints(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    for complaint in lines:
        print(complaint)
    sys.exit(1 if lines else 0)
