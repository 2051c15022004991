"""Keeps a run's JSON among the results, under a name that says when, on what card and what for."""
import json
import os
import re

NEEDED = ("what", "date", "commit", "command", "card", "devices", "steps")


def card_name(card):
    words = re.findall(r"[a-z0-9]+", card[0]["name"].lower())
    return "-".join(word for word in words if word not in ("nvidia", "80gb", "hbm3", "geforce"))


def without_checkout(text, program):
    """Paths in the checkout that was measured are those below it."""
    root, found, _ = program.partition("/build/")
    return text.replace(root + "/", "") if found and root else text


def record(files, folder):
    """Lines that say what was kept as what; ValueError where a file is no proof."""
    lines = []
    for path in files:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        result = json.loads(text)
        missing = [name for name in NEEDED if not result.get(name)]
        if missing:
            raise ValueError(f"{path}: it does not say {', '.join(missing)}, as a run of bench/prove_on_gpu does")
        if result.get("rehearsal"):
            raise ValueError(f"{path}: this was a rehearsal; only runs on a card are kept")
        stamp = re.sub(r"[^0-9T-]", "", result["date"].replace(":", ""))[:15]
        name = os.path.join(folder, f"{stamp}-{card_name(result['card'])}-{result['what']}.json")
        if os.path.exists(name):
            raise ValueError(f"{name} is there already; results are kept as they were written")
        os.makedirs(folder, exist_ok=True)
        with open(name, "w", encoding="utf-8") as file:
            file.write(without_checkout(text, result.get("program") or ""))
        lines.append(f"{path} -> {name}")
    return lines
