"""Names from files, made fit for a terminal and a figure."""
import difflib
import unicodedata
from fnmatch import fnmatchcase


def printable(text):
    """The text with whatever is not a visible character or a space written as an escape (`\\x1b`, `\\u202e`)."""
    text = str(text)
    return text if text.isprintable() else "".join(_visible(c) for c in text)


def _visible(character):
    if unicodedata.category(character)[0] != "C" and unicodedata.category(character) not in ("Zl", "Zp"):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shortened(text, most):
    """The text with its middle replaced by `…` where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[:most - 1 - tail]}…{text[len(text) - tail:]}"


def fitting(pattern, names):
    """Those of the names that a name or a glob means: a name that there is means itself, whatever brackets it has."""
    return [pattern] if pattern in names else [name for name in names if fnmatchcase(name, pattern)]


def did_you_mean(name, known):
    """A question that names the nearest of the known names, in brackets, or nothing where none is near."""
    close = difflib.get_close_matches(str(name), [str(one) for one in known], 1, 0.7) if name not in known else []
    return f" (did you mean {printable(close[0])}?)" if close else ""
