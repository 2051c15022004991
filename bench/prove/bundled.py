"""The bundle that bench/prove/bundle.sh made: unpacked beside itself when it is newer than what lies there."""
import os
import shutil
import tarfile

ARCHIVE = "build/bundle.tar.xz"


def text_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def unpacked(root):
    """Its folder; None where there is no bundle. A bundle that is run from inside needs nothing unpacked."""
    archive = os.path.join(root, ARCHIVE)
    folder = os.path.join(root, "build", "bundle")
    if not os.path.exists(archive):
        return None
    mark = os.path.join(folder, ".unpacked")
    stamp = f"{os.path.getsize(archive)} {os.stat(archive).st_mtime_ns}"
    if text_of(mark) != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        with tarfile.open(archive) as tar:
            safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(os.path.dirname(folder), **safely)
        with open(mark, "w", encoding="utf-8") as file:
            file.write(stamp)
    return folder
