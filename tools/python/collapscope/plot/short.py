"""Names in little room, no two alike: by the rules of the report's page."""
import re

from ..text import printable


class Labels:
    """Labels of names, of at most about `most` characters.

    Where a name is longer, labels lack the words that all begin with (`left_out`); then words of paths become their first letters, from
    the left, but for the last one and those with digits; then the middle is cut where labels stay distinct.
    """

    def __init__(self, names, most):
        names = list(dict.fromkeys(printable(name) for name in names))
        labels, self.left_out = names, ""
        if not _fit(labels, most):
            self.left_out = common_words(names)
            labels = [name[len(self.left_out):] for name in names]
        whole, count = labels, 1
        paths = all(re.fullmatch(r"[\w./-]*", name, re.ASCII) for name in whole)
        while paths and not _fit(labels, most) and count <= 12:
            shorter = [_abbreviated(name, count) for name in whole]
            if len(set(shorter)) < len(shorter):
                break
            labels, count = shorter, count + 1
        if not _fit(labels, most):
            labels = _cut(labels, most)
        self._of = dict(zip(names, labels))

    def of(self, name):
        """The label of a name, with `$` as matplotlib needs it."""
        name = printable(name)
        return self._of.get(name, name).replace("$", r"\$")


def common_words(names):
    """Whole words that all names begin with, and go on after."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    same = next((i for i, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))
    words = re.match(r"(?:[^./_-]*[./_-])*", first[:same])[0]
    return "" if words in names else words


def _fit(labels, most):
    return all(len(label) <= most for label in labels)


def _abbreviated(name, count):
    words = re.findall(r"[^./]*[./]|[^./]+$", name)
    return "".join(word[0] + word[-1] if i < count and i < len(words) - 1 and len(word) > 1 and not re.search(r"\d", word) else word
                   for i, word in enumerate(words))


def _cut(labels, most):
    for step in range(most // 2 + 1 if len(labels) <= 200 else 0):
        for head in (most // 2 + step, most // 2 - step):
            cut = [_middle(label, head, most - 1 - head) for label in labels] if head < most else labels
            if head < most and len(set(cut)) == len(cut):
                return cut
    # Nothing else tells them apart: their places do.
    return [f"{place} {_middle(label, 0, max(most - 2 - len(str(place)), 1))}" for place, label in enumerate(labels, 1)]


def _middle(text, head, tail):
    return text if len(text) <= head + 1 + tail else f"{text[:head]}…{text[len(text) - tail:]}"
