"""What the tests of bench/prove_on_gpu share: a context in a scratch folder, and programs that are not what they seem."""
import json
import os
import stat
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/prove"))

from context import Context  # noqa: E402
from places import Places  # noqa: E402
from schedule import run_steps  # noqa: E402


class Proving(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.context = Context(Places(self.folder, work=os.path.join(self.folder, "work")), "cuda",
                               os.path.join(self.folder, "found"))
        self.addCleanup(self.context.close)
        self.context.say = self.context.log  # quiet

    def executable(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def run_plan(self, *plan, budget=600, **options):
        run_steps(self.context, plan, budget, **options)
        with open(self.context.output + ".json", encoding="utf-8") as file:
            return {step["name"]: step for step in json.load(file)["steps"]}
