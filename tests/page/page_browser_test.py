"""The report page in a headless Chromium: nothing is fetched, nothing complains, everything is drawn and can be used.

Environment: MAKE_PAGE (program: data to page), COLLAPSCOPE (the program), EXAMPLE (folder of dumps).
"""

import csv
import io
import json
import math
import os
import re
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

import browser
import make_data

KINDS = ("example", "large", "sweep", "hostile", "single", "undefined", "failed", "empty")
CHARTS = {"example": 12, "large": 11, "hostile": 11}  # that must be drawn at least
WIDTHS = (360, 768, 1280)
LARGE_LABEL = 2**53 + 1  # a script's number would round it
NUMBER = r"−?[0-9.]+(?:e−?[0-9]+)?"


def setUpModule():
    if not browser.find_chromium():
        raise unittest.SkipTest("no Chromium is installed (Debian: chromium-headless-shell)")
    folder = tempfile.TemporaryDirectory(prefix="collapscope-page-")
    unittest.addModuleCleanup(folder.cleanup)
    results = results_of_example = os.path.join(folder.name, "results.json")
    subprocess.run([os.environ["COLLAPSCOPE"], "analyze", os.environ["EXAMPLE"], "-q", "-o", results], check=True)
    PageTest.data, PageTest.paths = {}, {}
    for kind in KINDS:
        PageTest.data[kind] = make_data.make(kind, results)
        data, page = (os.path.join(folder.name, f"{kind}.{ending}") for ending in ("json", "html"))
        with open(data, "w", encoding="utf-8") as file:
            json.dump(PageTest.data[kind], file)
        subprocess.run([os.environ["MAKE_PAGE"], data, page], check=True)
        PageTest.paths[kind] = page
    PageTest.paths["classes"] = classes_page(folder.name)
    PageTest.paths["large labels"] = large_labels_page(folder.name)
    PageTest.paths["both"] = both_page(folder.name)
    for name, results in (("seeds", make_data.seeds()), ("few", few(make_data.seeds()))):
        PageTest.paths[name] = report_page(folder.name, name, results)
    PageTest.paths["gaps"] = gaps_page(folder.name, results_of_example)
    PageTest.browser = browser.Browser()
    unittest.addModuleCleanup(PageTest.browser.__exit__)


def classes_page(folder):
    """The report on a classifier of 12 classes, 3 layers and 3 checkpoints, by the program from end to end."""
    program = os.environ["COLLAPSCOPE"]
    for step, nc1 in ((1, "2,1,0.5"), (10, "1,0.1,0.01"), (100, "0.1,1e-3,1e-5")):
        subprocess.run([program, "synth", "classes", "-K", "12", "-n", "30", "-d", "16", "--nc1", nc1, "--step", str(step), "--run", "r",
                        "-o", os.path.join(folder, f"classes_{step}.h5")], check=True)
        with h5py.File(os.path.join(folder, f"classes_{step}.h5"), "r+") as file:
            file.attrs["lambda_w"] = file.attrs["lambda_h"] = 5e-4
    results, page = os.path.join(folder, "classes.json"), os.path.join(folder, "classes.html")
    subprocess.run([program, "analyze", os.path.join(folder, "classes_*.h5"), "--device", "cpu", "--per-class", "-q", "-o", results], check=True)
    subprocess.run([program, "report", results, "-o", page], check=True)
    return page


def large_labels_page(folder):
    """The report on a classifier of 4 classes, two of which have labels that a script's numbers would round."""
    program, dump = os.environ["COLLAPSCOPE"], os.path.join(folder, "large_labels.h5")
    subprocess.run([program, "synth", "classes", "-K", "4", "-n", "20", "-d", "8", "--run", "r", "-o", dump], check=True)
    with h5py.File(dump, "r+") as file:
        labels = file["targets"][...]
        file["targets"][...] = np.where(labels >= 2, LARGE_LABEL - 2 + labels, labels)
    results, page = os.path.join(folder, "large_labels.json"), os.path.join(folder, "large_labels.html")
    subprocess.run([program, "analyze", dump, "--device", "cpu", "--per-class", "-q", "-o", results], check=True)
    subprocess.run([program, "report", results, "-o", page], check=True)
    return page


def both_page(folder):
    """The report on a regression and a classifier."""
    program = os.environ["COLLAPSCOPE"]
    subprocess.run([program, "synth", "planted", "--noise", "0.3,0.01,1e-6", "-N", "300", "--run", "reg", "--step", "1", "-o",
                    os.path.join(folder, "reg.h5")], check=True)
    subprocess.run([program, "synth", "classes", "-K", "10", "-n", "20", "--nc1", "1,0.5,0.1", "--run", "cls", "--step", "1", "-o",
                    os.path.join(folder, "cls.h5")], check=True)
    results, page = os.path.join(folder, "both.json"), os.path.join(folder, "both.html")
    subprocess.run([program, "analyze", os.path.join(folder, "reg.h5"), os.path.join(folder, "cls.h5"), "--device", "cpu", "-q", "-o", results],
                   check=True)
    subprocess.run([program, "report", results, "-o", page], check=True)
    return page


def gaps_page(folder, path):
    """The report on a run whose last layer was not measured at epoch 4000, with results of one of its checkpoints that are older."""
    with open(path, encoding="utf-8") as file:
        results = json.load(file)
    results["checkpoints"] = [one for one in results["checkpoints"] if one["run"] == "arm_wd0.02"]
    for checkpoint in results["checkpoints"]:
        if checkpoint["step"] == 4000:
            checkpoint["layers"] = checkpoint["layers"][:5]
    older = {**results, "checkpoints": [{**results["checkpoints"][0], "samples": 7}]}
    older["provenance"] = {**results["provenance"], "started": "2020-01-01T00:00:00Z"}
    paths = [os.path.join(folder, name) for name in ("gaps_new.json", "gaps_old.json")]
    for one, content in zip(paths, (results, older)):
        with open(one, "w", encoding="utf-8") as file:
            json.dump(content, file)
    page = os.path.join(folder, "gaps.html")
    subprocess.run([os.environ["COLLAPSCOPE"], "report", *paths, "-o", page], check=True, stderr=subprocess.DEVNULL)
    return page


def few(results):
    """Those that `analyze --metrics target_cca,weight_condition` would have given."""
    for checkpoint in results["checkpoints"]:
        for i, layer in enumerate(checkpoint["layers"]):
            layer.update(metrics={"target_cca": 0.5 + 0.01 * i, "weight_condition": 2.0 + i}, floors={}, notes={})
        checkpoint["depth"] = {}
    return results


def report_page(folder, name, results):
    """What the program makes of results."""
    path, page = os.path.join(folder, f"{name}_results.json"), os.path.join(folder, f"{name}.html")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file)
    subprocess.run([os.environ["COLLAPSCOPE"], "report", path, "-o", page], check=True)
    return page


class PageTest(unittest.TestCase):
    maxDiff = 800

    def setUp(self):
        self.page = PageTest.browser
        self.page.prefer(prefers_color_scheme="light", prefers_reduced_motion="no-preference")
        self.page.size(1280)

    def open(self, kind, *, width=1280):
        self.page.size(width)
        self.page.open(self.paths[kind])

    def run_js(self, expression):
        return self.page.run(expression)

    def texts(self, selector):
        return self.run_js(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)")

    def set_input(self, selector, value, event="input"):
        self.run_js(f"""(() => {{ const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(str(value))};
            one.dispatchEvent(new Event({json.dumps(event)}, {{bubbles: true}})); }})()""")

    def choose(self, section, label, value):
        """Of the selector with this label."""
        self.run_js(f"""(() => {{ const label = [...document.querySelectorAll('#{section} label')].find((one) => one.textContent === {json.dumps(label)});
            const one = document.getElementById(label.htmlFor); one.value = {json.dumps(value)};
            if (one.value !== {json.dumps(value)}) throw new Error('no such choice');
            one.dispatchEvent(new Event('change', {{bubbles: true}})); }})()""")

    def click(self, selector):
        self.run_js(f"document.querySelector({json.dumps(selector)}).click()")

    def copied(self):
        """What `Copy as CSV` hands to the clipboard, as rows."""
        self.run_js("""Object.defineProperty(navigator, 'clipboard', {configurable: true,
            value: {writeText: (text) => { window.copied = text; return Promise.resolve(); }}})""")
        self.run_js("[...document.querySelectorAll('#values button')].find((one) => one.textContent === 'Copy as CSV').click()")
        self.page.settle()
        return list(csv.reader(io.StringIO(self.run_js("window.copied"), newline="")))

    def column(self, title):
        """The cells of a column of the table of all values, as shown."""
        return self.run_js(f"""(() => {{ const heads = [...document.querySelectorAll('#values thead button')];
            const at = heads.findIndex((one) => one.dataset.title === {json.dumps(title)});
            return [...document.querySelectorAll('#values tbody tr')].map((row) => row.children[at].textContent); }})()""")

    def sort_by(self, title):
        self.run_js(f"[...document.querySelectorAll('#values thead button')].find((one) => one.dataset.title === {json.dumps(title)}).click()")
        return self.run_js("document.querySelector('#values [aria-sort]:not([aria-sort=none])').getAttribute('aria-sort')")

    # -- What holds for every page

    def test_every_page_in_both_themes_at_three_widths(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.open(kind)
                self.assertEqual(self.texts("p.failures"), [])
                colours = self.run_js("""[...document.querySelectorAll('.plot canvas')].map((canvas) => {
                    const data = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
                    return new Set(data).size; })""")
                if kind in CHARTS:
                    self.assertGreaterEqual(len(colours), CHARTS[kind])
                    self.assertGreater(min(colours), 5)
                for width in WIDTHS:
                    self.page.size(width)
                    self.page.settle()
                    self.assertEqual(self.run_js("document.documentElement.scrollWidth"), width)
                self.page.prefer(prefers_color_scheme="dark")
                self.page.settle()
                self.page.prefer(prefers_color_scheme="light")
                self.assertEqual(self.page.complaints(), [])
                self.assertEqual(self.page.requests(), [])

    def test_policy_stops_what_is_injected(self):
        self.open("single")
        self.run_js("""(() => { const one = document.createElement('script'); one.textContent = 'window.hacked = true'; document.body.append(one);
            const image = document.createElement('img'); image.src = 'http://127.0.0.1:9/x.png'; document.body.append(image); })()""")
        self.page.settle()
        self.assertFalse(self.run_js("'hacked' in window"))
        said = " ".join(self.page.complaints())
        self.assertIn("script-src", said)
        self.assertIn("img-src", said)

    def test_structure_for_screen_readers(self):
        self.open("example")
        self.assertEqual(self.run_js("document.documentElement.lang"), "en")
        for landmark in ("header", "nav[aria-label]", "main", "footer", "h1"):
            self.assertEqual(len(self.texts(landmark)), 1, landmark)
        levels = self.run_js("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
        self.assertTrue(all(b - a <= 1 for a, b in zip(levels, levels[1:])), levels)
        unnamed = self.run_js("""[...document.querySelectorAll('input, select, button, canvas[role=img], [role=region], [role=group]')].filter((one) =>
            !(one.labels && one.labels.length) && !one.getAttribute('aria-label') && !(one.tagName === 'BUTTON' && one.textContent.trim())).length""")
        self.assertEqual(unnamed, 0)
        self.assertEqual(self.run_js("""(() => { const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
            return ids.length - new Set(ids).size; })()"""), 0)

    def test_every_figure_has_its_table(self):
        self.open("example")
        self.run_js("document.querySelectorAll('figure details').forEach((one) => { one.open = true; })")
        self.page.settle()
        rows = self.run_js("[...document.querySelectorAll('figure details')].map((one) => one.querySelectorAll('tbody tr').length)")
        self.assertGreaterEqual(len(rows), 11)
        self.assertGreater(min(rows), 2)

    def test_text_can_be_read(self):
        def luminance(colour):
            parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
            linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
            return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))

        for scheme in ("light", "dark"):
            self.page.prefer(prefers_color_scheme=scheme)
            self.open("example")
            page = luminance(self.run_js("getComputedStyle(document.body).backgroundColor"))
            for selector in ("body", ".lead", ".bar a", "footer a", "summary", "th"):
                text = luminance(self.run_js(f"getComputedStyle(document.querySelector('{selector}')).color"))
                high, low = max(page, text), min(page, text)
                self.assertGreater((high + 0.05) / (low + 0.05), 4.5, (scheme, selector))

    # -- What is said

    def test_warnings_and_what_was_not_measured_stand_at_the_top(self):
        self.open("gaps")
        warned, unmeasured = self.texts("#overview .failures")
        self.assertIn("1 warning", warned)
        self.assertIn("in several results files; taken from ", warned)
        self.assertEqual(self.run_js("document.querySelector('#overview .failures').nextElementSibling.className"), "verdict")
        self.assertIn("arm_wd0.02: fc6 at 3 of 4 checkpoints, not at epoch 4000", unmeasured)
        self.assertIn("its last layer since epoch 12000 (not measured at epoch 4000).", self.texts(".verdict")[0])
        self.assertIn("12000 (not measured at epoch 4000)", self.texts("#overview td"))
        self.assertEqual(self.page.complaints(), [])

    def test_overview_says_what_the_data_say(self):
        self.open("example")
        self.assertEqual(self.texts("h1"), [self.data["example"]["title"]])
        self.assertIn("2 of 3 runs end with the last layer collapsed", self.texts(".verdict")[0])
        self.assertIn("fc4", self.texts(".verdict")[0])
        self.assertEqual(self.texts(".tiles dd"), ["3", "12", "6", "2 of 3"])
        rows = self.run_js("[...document.querySelectorAll('#overview tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()))")
        for run in self.data["example"]["runs"]:
            row = next(row for row in rows if row[0] == run["name"])
            last = run["checkpoints"][-1]["collapse"]
            self.assertEqual(row[1], f"{run['attributes']['weight_decay']:g}")
            self.assertEqual(row[4], last["from_layer"] or "–")
            self.assertEqual(row[5], str(run["collapse"]["since_step"] or "–"))
            self.assertEqual(row[3], f"{last['layers_collapsed']} of {last['layers']}")
            self.assertEqual(row[6], f"{run['intrinsic_dimension']['learned']} of {run['intrinsic_dimension']['targets_rank']}")
        self.assertEqual(rows, sorted(rows, key=lambda row: float(row[1])))

    def test_marks_and_values_are_those_of_the_data(self):
        for kind in ("example", "sweep", "single", "undefined"):
            with self.subTest(kind=kind):
                self.open(kind)
                head, *rows = self.copied()
                want = {(run["name"], checkpoint["step"], layer["name"]): layer for run in self.data[kind]["runs"]
                        for checkpoint in run["checkpoints"] for layer in checkpoint["layers"]}
                self.assertEqual(len(rows), len(want))
                for row in rows:
                    got = dict(zip(head, row))
                    layer = want[got["run"], int(got["step"]) if got["step"] else None, got["layer"]]
                    self.assertEqual(got["collapsed"], {True: "yes", False: "no", None: ""}[layer["collapsed"]])
                    for name in ("deep_nrc1", "deep_nrc3", "nrc2"):
                        value = layer["metrics"][name]
                        self.assertEqual(float(got[name]) if got[name] else None, value, name)

    def test_thresholds_recompute_the_marks(self):
        self.open("example")
        before = self.texts(".verdict")
        self.set_input(".criterion input", "1e-30")
        self.assertEqual(self.texts(".verdict"), ["No run ends with its last layer collapsed."])
        self.assertNotIn("yes", self.column("collapsed"))
        self.set_input(".criterion input", "")
        self.assertEqual(self.run_js("document.querySelector('.criterion input').getAttribute('aria-invalid')"), "true")
        self.click(".reset")
        self.assertEqual(self.texts(".verdict"), before)

    def test_failures_are_named(self):
        self.open("empty")
        self.assertIn("a.h5: /layers/fc1: not numeric", self.texts(".failures")[0])
        self.assertIn("no runs", self.texts(".verdict")[0])

    def test_a_layer_that_failed_is_unknown(self):
        self.open("failed")
        self.assertIn("cannot be told", self.texts(".verdict")[0])
        self.assertEqual(self.texts(".tiles dd")[-1], "0 of 1")
        self.assertEqual(self.run_js("[...document.querySelectorAll('#overview tbody .strip i')].map((one) => one.className)"), ["no", "yes", "unknown"])
        self.assertIn("0 of 3", " ".join(self.texts("#overview tbody td")))
        self.run_js("document.querySelector('#map canvas.heat').focus()")
        self.page.key("End")
        self.assertIn("undefined (this layer failed)", self.texts("#map .readout")[0])

    def test_what_is_undefined_says_why(self):
        self.open("undefined")
        self.assertIn("zero variance", " ".join(self.texts("figure .empty")))
        self.run_js("document.querySelector('#map canvas.heat').focus()")
        self.page.key("ArrowDown")
        self.assertIn("undefined (zero variance)", self.texts("#map .readout")[0])
        self.assertIn("cannot be told", self.texts(".verdict")[0])

    def test_values_below_their_floor_are_shown_as_the_floor(self):
        self.open("single")
        self.assertEqual(self.column("deep_nrc1")[1:], ["rounding", "< 1.0e−12"])
        self.assertEqual(self.column("collapsed")[1:], ["", "yes"])
        self.run_js("document.querySelector('#map canvas.heat').focus()")
        self.page.key("ArrowDown")
        self.assertIn("< 1.0e−12 (below its floor: rounding)", self.texts("#map .readout")[0])
        self.assertIn("below its floor", self.texts("#map .scale")[0])

    def test_metrics_are_explained(self):
        self.open("example")
        said = dict(zip(self.texts("#metrics summary"), self.texts("#metrics details p")))
        self.assertEqual(list(said), [metric["name"] for metric in self.data["example"]["metrics"]])
        self.assertIn("share of the variance outside the top-k subspace. Between 0 and 1. Low values are collapse.", said["deep_nrc1"])
        self.assertIn("arXiv 2409.04180", self.texts("footer")[0])
        self.assertIn("arXiv 2603.23805", self.texts("footer")[0])

    # -- What can be done

    def test_table_sorts(self):
        self.open("example")
        self.choose("values", "Rows", "100")
        for direction, sign in (("ascending", 1), ("descending", -1)):
            self.assertEqual(self.sort_by("deep_nrc2"), direction)
            values = [float(cell.replace("−", "-")) for cell in self.column("deep_nrc2")]
            self.assertEqual(values, sorted(values, key=lambda value: sign * value))
            self.assertEqual(len(values), 72)
        for direction in ("ascending", "descending"):
            self.assertEqual(self.sort_by("nrc3"), direction)
            shown = self.column("nrc3")
            self.assertRegex(shown[0], NUMBER)
            self.assertEqual(set(shown[12:]), {"–"})
        self.run_js("document.querySelectorAll('#values thead button')[4].focus()")
        self.page.key("Enter", "\r")
        self.assertEqual(self.run_js("document.querySelectorAll('#values th')[4].getAttribute('aria-sort')"), "ascending")
        self.assertEqual(self.run_js("[...document.querySelectorAll('#values thead button')].indexOf(document.activeElement)"), 4)

    def test_table_filters_and_turns_pages(self):
        self.open("large")
        self.assertIn("15,000 of 15,000 rows", self.texts("#values [role=status]"))
        self.assertEqual(len(self.column("layer")), 25)
        self.run_js("[...document.querySelectorAll('.pager button')][1].click()")
        self.assertEqual(self.texts(".pager span"), ["26 – 50"])
        self.set_input("#values input[type=search]", "blocks.9.mlp 2990")
        self.assertEqual(self.column("layer"), ["blocks.9.mlp.fc1", "blocks.9.mlp.fc2"])
        self.set_input("#values input[type=search]", "nothing like it")
        self.assertEqual(self.column("layer"), [])

    def test_columns_can_be_chosen(self):
        self.open("example")
        self.run_js("""[...document.querySelectorAll('.columns label')].filter((one) => ['evr', 'model_mse', 'nrc1'].includes(one.textContent))
            .forEach((one) => one.control.click())""")
        titles = self.run_js("[...document.querySelectorAll('#values thead button')].map((one) => one.dataset.title)")
        self.assertIn("evr[10]", titles)
        self.assertIn("model_mse", titles)
        self.assertNotIn("nrc1", titles)
        head, first, *_ = self.copied()
        self.assertEqual(head, [*titles, "dataset", "learning_rate", "model", "seed", "split", "path", "id"])  # what all runs have in common, too
        run = next(run for run in self.data["example"]["runs"] if run["name"] == first[0])
        self.assertEqual(float(first[head.index("evr[2]")]), run["checkpoints"][0]["layers"][0]["metrics"]["evr"][1])
        self.assertEqual(float(first[head.index("model_mse")]), run["checkpoints"][0]["targets"]["model_mse"])

    def test_map_is_read_with_pointer_and_keys(self):
        self.open("example")
        self.run_js("document.querySelector('#map').scrollIntoView({behavior: 'instant'})")
        box = self.run_js("""(() => { const canvas = document.querySelector('#map canvas.heat'), box = canvas.getBoundingClientRect();
            const area = Chart.getChart(canvas).chartArea; return [box.left + area.right - 3, box.top + area.bottom - 3]; })()""")
        self.page.mouse(*box)
        self.assertRegex(self.texts("#map .readout")[0], rf"^fc6, epoch 12000: {NUMBER} · collapsed$")
        self.page.mouse(1, 1)
        self.assertIn("Point at a cell", self.texts("#map .readout")[0])
        self.run_js("document.querySelector('#map canvas.heat').focus()")
        for key in ("ArrowUp", "ArrowUp", "ArrowLeft"):
            self.page.key(key)
        self.assertRegex(self.texts("#map .readout")[0], rf"^fc5, epoch 4000: {NUMBER}")
        for _ in range(9):
            self.page.key("ArrowUp")
        self.assertRegex(self.texts("#map .readout")[0],
                         rf"^fc1, epoch 4000: {NUMBER} · not collapsed: deep_nrc1 is {NUMBER}, wanted < 0.05; deep_nrc2 is {NUMBER}, wanted > 0.9")
        # The pointer's frame is not the collapse's.
        pointer = self.run_js("getComputedStyle(document.querySelector('#map .cursor')).borderTopStyle + getComputedStyle(document.querySelector('#map .cursor')).borderTopColor")
        self.assertEqual(pointer, "dashedrgb(212, 0, 120)")

    def test_map_of_any_metric_and_run(self):
        self.open("example")
        self.choose("map", "Metric", "nrc2")
        self.choose("map", "Run", "0")
        self.assertEqual(self.texts("#map h3"), ["nrc2 in arm_wd0"])
        self.run_js("document.querySelector('#map canvas.heat').focus()")
        self.page.key("ArrowDown")
        self.page.key("ArrowUp")
        self.assertIn("rank(W) = d", self.texts("#map .readout")[0])

    def test_slider_moves_through_training(self):
        self.open("example")
        shown = "JSON.stringify(Chart.getChart(document.querySelector('#depth canvas')).data.datasets.map((one) => one.data.map((p) => p.y)))"
        last = self.run_js(shown)
        self.set_input("#depth input[type=range]", 0)
        self.assertEqual(self.texts("#depth output"), ["epoch 100"])
        self.assertNotEqual(self.run_js(shown), last)

    def test_runs_are_hidden_everywhere(self):
        self.open("example")
        count = "Chart.getChart(document.querySelector('#training canvas')).data.datasets.filter((one) => !one.threshold).length"
        self.assertEqual(self.run_js(count), 3)
        self.click("#depth .legend button")
        self.assertEqual(self.run_js(count), 2)
        self.assertEqual(self.run_js("document.querySelector('#training .legend button').getAttribute('aria-pressed')"), "false")

    def test_phase_plot_takes_means(self):
        self.open("sweep")
        self.choose("compare", "Metric", "model_mse")
        self.run_js("document.querySelector('#compare figure details').open = true")
        self.page.settle()
        rows = self.run_js("[...document.querySelectorAll('#compare tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))")
        self.assertEqual([row[0] for row in rows], ["0", "0.00001", "0.0001", "0.001", "0.01"])
        self.assertEqual([row[3] for row in rows], ["3"] * 5)
        self.assertAlmostEqual(float(rows[0][1]), 0.0315, places=3)
        self.assertAlmostEqual(float(rows[0][2]), 0.01, places=6)

    def test_keyboard_reaches_the_controls(self):
        self.open("example")
        self.page.key("Tab")
        self.assertEqual(self.run_js("document.activeElement.className"), "skip")
        self.assertGreaterEqual(self.run_js("document.activeElement.getBoundingClientRect().left"), 0)
        reached = set()
        for _ in range(60):
            self.page.key("Tab")
            reached.add(self.run_js("document.activeElement.id || document.activeElement.className || document.activeElement.tagName"))
            width = self.run_js("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
            self.assertGreater(width, 0)
        for wanted in ("theme", "heat", "scroll"):
            self.assertIn(wanted, reached)

    # -- How it looks

    def test_both_themes(self):
        background = "getComputedStyle(document.body).backgroundColor"
        self.open("example")
        light = self.run_js(background)
        picture = "document.querySelector('#depth canvas').toDataURL()"
        drawn = self.run_js(picture)
        self.click("#theme")
        dark = self.run_js(background)
        self.assertNotEqual(light, dark)
        self.assertNotEqual(self.run_js(picture), drawn)
        self.click("#theme")
        self.assertEqual(self.run_js(background), light)
        self.run_js("localStorage.clear()")
        self.page.prefer(prefers_color_scheme="dark")
        self.open("example")
        self.assertEqual(self.run_js(background), dark)

    def test_prints_in_light(self):
        self.page.prefer(prefers_color_scheme="dark")
        self.open("example")
        picture = "document.querySelector('#depth canvas').toDataURL()"
        dark = self.run_js(picture)
        self.run_js("window.dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(self.run_js("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        self.assertNotEqual(self.run_js(picture), dark)
        self.run_js("window.dispatchEvent(new Event('afterprint'))")
        self.assertEqual(self.run_js(picture), dark)
        pdf = self.page.print_pdf()
        self.assertTrue(pdf.startswith(b"%PDF"))
        self.assertGreater(len(pdf), 50000)
        self.assertEqual(self.page.complaints(), [])

    def test_respects_reduced_motion(self):
        self.open("example")
        self.assertEqual(self.run_js("getComputedStyle(document.documentElement).scrollBehavior"), "smooth")
        self.page.prefer(prefers_reduced_motion="reduce")
        self.assertEqual(self.run_js("getComputedStyle(document.documentElement).scrollBehavior"), "auto")
        self.assertIs(self.run_js("Chart.defaults.animation"), False)

    # -- Names that try something

    def test_hostile_names_are_text(self):
        self.open("hostile")
        self.run_js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        self.page.settle()
        self.assertFalse(self.run_js("'hacked' in window"))
        self.assertEqual(self.run_js("document.title"), make_data.HOSTILE[1])
        self.assertEqual(self.run_js("document.querySelectorAll('img, svg, iframe, object, main script').length"), 0)
        self.assertEqual(self.run_js("document.scripts.length"), 3)
        names = self.column("layer")
        for name in (make_data.HOSTILE[0], make_data.HOSTILE[1], "__proto__", "constructor", "a\\u202egnp.exe", "line\\u000abreak"):
            self.assertIn(name, names)
        options = self.texts("#map option")
        self.assertIn(make_data.HOSTILE[0], options)
        self.assertEqual(self.page.complaints(), [])
        self.assertEqual(self.page.requests(), [])

    def test_csv_holds_no_formulas(self):
        self.open("hostile")
        _, *rows = self.copied()
        self.assertEqual(len(rows), len(make_data.HOSTILE) ** 2)
        texts = [cell for row in rows for cell in row if not re.fullmatch(r"-?[0-9.e-]+", cell)]
        self.assertFalse([text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))])
        for name in ("'=HYPERLINK(\"http://evil.invalid\")", "'+1", "'-1", "'@SUM(1)", "'\t=1", "line\nbreak"):
            self.assertIn(name, texts)

    def test_classes_have_a_part_of_their_own(self):
        self.open("classes", width=900)
        self.assertEqual(self.page.complaints(), [])
        self.assertEqual(self.texts("nav a[href='#classes']"), ["Classes"])
        rows = self.texts("#classes > .scroll tbody tr th")
        self.assertEqual(rows, [str(label) for label in range(12)])
        # Of a simplex all cosines of different classes are -1/11.
        self.run_js("document.querySelector('#classes figure details').open = true")
        self.page.settle()
        cells = self.texts("#classes figure tbody tr:first-of-type td")
        self.assertEqual(cells, ["1"] + ["−0.0909"] * 11)
        # On the map, too: the diagonal is yellow, all else one colour.
        counts = self.run_js("""(() => { const canvas = document.querySelector('#classes canvas.heat');
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); const counts = {};
            for (let i = 0; i < data.length; i += 4) { const one = `${data[i]},${data[i + 1]},${data[i + 2]}`; counts[one] = (counts[one] || 0) + 1; }
            return counts; })()""")
        yellow = counts["253,231,37"]
        others = max(count for colour, count in counts.items() if colour not in ("253,231,37", "0,0,0"))
        self.assertAlmostEqual(others / yellow, 11, delta=0.5)

    def test_large_labels_are_exact(self):
        self.open("large labels")
        rows = self.texts("#classes > .scroll tbody tr th")
        self.assertEqual(rows, ["0", "1", str(LARGE_LABEL), str(LARGE_LABEL + 1)])
        nearest = self.texts("#classes > .scroll tbody tr td:nth-child(6)")
        self.assertEqual(len(nearest), 4)
        self.assertTrue(set(nearest) <= set(rows) and all(one != other for one, other in zip(nearest, rows)), nearest)

    def test_a_classifiers_page_says_nothing_of_the_model_of_regressions(self):
        self.open("classes")
        self.assertNotIn("regularizers", " ".join(self.texts("#spectra p")))
        self.open("both")
        self.assertIn("regularizers", " ".join(self.texts("#spectra p")))

    def test_a_classifiers_page_shows_nc(self):
        self.open("classes")
        headings = self.texts("#training figure h3")
        for wanted in ("NC1", "NC2", "NC3", "NC4", "Nearest class mean", "Accuracy of the model"):
            self.assertIn(wanted, headings)
        self.assertIn("NC1", self.texts("#depth figure h3"))
        self.assertIn("(last layer only)", " ".join(self.texts("#overview p")))
        self.assertEqual(self.run_js("document.querySelector('#map select').value"), "nc1")
        self.assertIn("from layer", " ".join(self.texts(".verdict")))

    def test_a_regressions_page_has_no_classes(self):
        self.open("example")
        self.assertEqual(self.run_js("document.querySelectorAll('#classes, a[href=\"#classes\"]').length"), 0)


    # -- Many runs, dead ones among them

    def datasets(self, selector, label=None):
        """[{label, y, dead: whether a cross ends it, ...}] of a chart's lines of data, or those of another label (floor, fit, upper)."""
        sets = self.run_js(f"""Chart.getChart(document.querySelector('{selector}')).data.datasets.map((one) => ({{label: one.label, aside: Boolean(one.aside),
            colour: one.borderColor, dash: String(one.borderDash), y: one.data.map((p) => p.y), x: one.data.map((p) => p.x),
            cross: Array.isArray(one.pointStyle) && one.pointStyle.includes('crossRot')}}))""")
        return [one for one in sets if (one["label"] == label if label else not one["aside"])]

    def test_dead_runs_are_marked_and_spoil_nothing(self):
        self.open("seeds")
        self.assertEqual(self.page.complaints(), [])
        self.assertIn("2 runs died and are left out of all means.", self.texts(".verdict")[0])
        rows = {row[0]: row for row in self.run_js(
            "[...document.querySelectorAll('#overview tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()))")}
        self.assertIn("dead since epoch 50: NaN or Inf", rows["vit_wd0_seed2"])
        self.assertIn("dead since epoch 20: the last layer's features do not vary", rows["vit_wd0.01_seed1"])
        self.assertEqual(rows["vit_wd0.01_seed1"][-1], "–")
        self.assertEqual(sum("dead" in text for text in self.texts("#training .legend .entry")), 2)
        mse = {one["label"]: one for one in self.datasets("#training .grid figure:nth-of-type(4) canvas")}
        self.assertEqual(mse["vit_wd0.01_seed1"]["x"], [1, 5])  # its 1.0 after death stretches no axis
        self.assertEqual([name for name, one in sorted(mse.items()) if one["cross"]], ["vit_wd0.01_seed1", "vit_wd0_seed2"])
        self.assertLess(max(value for one in mse.values() for value in one["y"]), 0.05)
        self.assertEqual(len(self.datasets("#depth canvas")), 10)
        self.assertIn("12 more", self.texts(".failures")[0].replace("11 more", "12 more"))
        self.assertEqual(len(self.texts(".failures li")), 5)  # one for each file

    def test_means_are_of_the_living_and_say_how_many(self):
        self.open("seeds")
        self.choose("compare", "Metric", "model_mse")
        self.run_js("document.querySelector('#compare figure details').open = true")
        self.page.settle()
        rows = self.run_js("[...document.querySelectorAll('#compare tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))")
        self.assertEqual([row[3] for row in rows], ["2", "3", "3", "2"])
        self.assertAlmostEqual(float(rows[3][1]), (0.02 + 0.04) / 2, places=4)
        self.choose("training", "Lines", '["weight_decay"]')
        lines = self.datasets("#training .grid figure:nth-of-type(4) canvas")
        self.assertEqual([one["label"] for one in lines], ["weight_decay 0", "weight_decay 0.0001", "weight_decay 0.001", "weight_decay 0.01"])
        for got, want in zip(lines, (0.025, 0.03, 0.03, 0.03)):
            self.assertAlmostEqual(got["y"][-1], want)
        self.assertEqual(self.texts("#training .legend .group"), [f"weight_decay {decay} (n {n})" for decay, n in
                                                                ((0, 2), ("0.0001", 3), ("0.001", 3), ("0.01", 2))])
        self.assertEqual(len(self.datasets("#training .grid figure:nth-of-type(4) canvas", "upper")), 4)
        self.run_js("document.querySelector('#training figure:nth-of-type(4) details').open = true")
        self.page.settle()
        self.assertIn("0.0300 ± 0.0100 (n 3)", self.texts("#training figure:nth-of-type(4) td"))

    def test_only_this_run(self):
        self.open("seeds")
        self.run_js("document.querySelectorAll('#depth .legend .only')[4].click()")
        self.assertEqual([one["label"] for one in self.datasets("#training canvas")], ["vit_wd0.0001_seed1"])
        self.click("#depth .legend .all")
        self.assertEqual(len(self.datasets("#training canvas")), 12)

    def test_colours_say_in_what_runs_differ(self):
        self.open("seeds")
        lines = {one["label"]: one for one in self.datasets("#training canvas")}
        decays = ("0", "0.0001", "0.001", "0.01")
        colours = [{lines[f"vit_wd{decay}_seed{seed}"]["colour"] for seed in range(3)} for decay in decays]
        self.assertEqual([len(one) for one in colours], [1] * 4)
        self.assertEqual([one.pop() for one in colours], ["#0072b2", "#d55e00", "#00825f", "#b3508c"])  # as the figures'
        self.assertEqual(len({lines[f"vit_wd0_seed{seed}"]["dash"] for seed in range(3)}), 3)

    def test_floors_are_drawn_for_each_run(self):
        self.open("seeds")
        floors = self.datasets("#depth .grid figure canvas", "floor")
        self.assertEqual({round(one["y"][0], 9) for one in floors}, {1e-6, 1.9e-5})

    def test_layers_are_told_apart_in_little_room(self):
        self.open("seeds", width=390)
        ticks = "Chart.getChart(document.querySelector('{}')).scales.{}.ticks.map((tick) => tick.label)"
        for selector, axis in (("#map canvas.heat", "y"), ("#depth canvas", "x")):
            labels = self.run_js(ticks.format(selector, axis))
            self.assertEqual(labels, [f"{i}.mlp.fc2" for i in range(12)])
        self.assertIn("after model.encoder.layers.", self.run_js("Chart.getChart(document.querySelector('#depth canvas')).scales.x.options.title.text"))

    def test_the_last_step_is_always_named(self):
        for width in WIDTHS:
            self.open("seeds", width=width)
            for selector in ("#map canvas.heat", "#training canvas"):
                labels = self.run_js(f"Chart.getChart(document.querySelector('{selector}')).scales.x.ticks.map((tick) => tick.label)")
                self.assertEqual(labels[-1], "200", (width, selector))
        self.open("large", width=360)
        for selector in ("#map canvas.heat", "#training canvas"):
            self.assertEqual(self.run_js(f"Chart.getChart(document.querySelector('{selector}')).scales.x.ticks.map((tick) => tick.label)")[-1].replace(" ", ""), "2990")

    def test_no_column_is_out_of_sight_on_a_phone(self):
        for kind in ("seeds", "both", "classes"):
            self.open(kind, width=390)
            self.run_js("document.querySelectorAll('figure details').forEach((one) => { one.open = true; })")
            self.page.settle()
            beyond = self.run_js("""[...document.querySelectorAll('td, tbody th')].filter((cell) => { const box = cell.getBoundingClientRect();
                return box.width > 0 && (box.right > 391 || box.left < 0); }).length""")
            self.assertEqual(beyond, 0, kind)
            self.assertEqual(self.run_js("document.documentElement.scrollWidth"), 390)
            # Each value says what it is.
            self.assertIn("weight_decay" if kind == "seeds" else "step", self.run_js("[...document.querySelectorAll('#values td')].map((cell) => cell.dataset.title)"))
        self.open("seeds", width=390)
        self.choose("values", "Sort by", "deep_nrc1")
        self.assertEqual(self.run_js("document.querySelector('#values [aria-sort]:not([aria-sort=none])').textContent").strip("↑"), "deep_nrc1")

    def test_the_overview_fits_a_wide_screen_as_a_table(self):
        self.open("seeds", width=1400)
        self.assertEqual(self.run_js("document.querySelectorAll('#overview .stacked').length"), 0)

    def test_attributes_are_columns_that_sort_as_numbers(self):
        self.open("seeds")
        head, *rows = self.copied()
        for name in ("weight_decay", "seed", "optimizer"):
            self.assertIn(name, head)
        first = dict(zip(head, rows[-1]))
        self.assertEqual((first["weight_decay"], first["seed"], first["optimizer"]), ("0.01", "2", "adamw"))
        self.choose("values", "Rows", "500")
        self.sort_by("weight_decay")
        values = [float(cell) for cell in self.column("weight_decay")]
        self.assertEqual(values, sorted(values))
        self.sort_by("run")
        names = list(dict.fromkeys(row[0] for row in self.copied()[1:]))
        self.assertEqual(names[::3], ["vit_wd0_seed0", "vit_wd0.0001_seed0", "vit_wd0.001_seed0", "vit_wd0.01_seed0"])

    def test_one_definition_of_collapsed_with_its_thresholds(self):
        self.open("seeds")
        words = "deep_nrc1 < 0.05 and deep_nrc2 > 0.9 and deep_nrc3 > 0.9"
        for selector in ("#overview .squares", "#overview fieldset p", "#map .scale"):
            self.assertIn(words, self.texts(selector)[0], selector)
        self.set_input(".criterion input", "0.01")
        for selector in ("#overview .squares", "#overview fieldset p", "#map .scale"):
            self.assertIn("deep_nrc1 < 0.01", self.texts(selector)[0], selector)
        self.assertIn("unknown", self.texts("#overview .squares")[0])
        self.assertEqual(self.run_js("document.querySelectorAll('#overview .squares i.unknown').length"), 1)

    def test_laws_over_depth(self):
        self.open("seeds")
        fits = self.datasets("#depth .grid figure canvas", "fit")
        self.assertEqual(len(fits), 9)  # where all 12 layers are above their floors
        flat = min(fits, key=lambda one: abs(one["y"][1] / one["y"][0] - 1))
        self.assertAlmostEqual(math.log10(flat["y"][1] / flat["y"][0]), -0.25 * 0.02 * 11, places=9)
        rows = self.run_js("[...document.querySelectorAll('#depth [aria-label=\"The law over depth\"] tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))")
        self.assertEqual(len(rows), 10)  # of the living
        self.assertEqual(rows[0], ["vit_wd0_seed0", "−0.00500 (× 0.989)", "−0.980 (12 layers)"])

    def test_a_report_of_both_tasks_has_both_criteria(self):
        self.open("both")
        self.assertEqual(self.page.complaints(), [])
        rows = {row[0]: row for row in self.run_js(
            "[...document.querySelectorAll('#overview tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()))")}
        self.assertIn("2 of 3", rows["reg"])
        self.assertIn("0 of 3", rows["cls"])
        self.assertEqual(len(self.texts(".criterion")), 7)
        self.choose("map", "Run", "0")
        self.assertIn("nc1 < 0.05", self.texts("#map .scale")[0])
        self.assertNotIn("deep_nrc1 <", self.texts("#map .scale")[0])

    def test_what_was_asked_for_is_shown(self):
        self.open("few")
        self.assertEqual(self.page.complaints(), [])
        for section in ("training", "depth"):
            titles = self.texts(f"#{section} figure h3")
            self.assertIn("weight_condition", titles)
        self.assertIn("Correlation with the targets", self.texts("#depth figure h3"))
        titles = self.run_js("[...document.querySelectorAll('#values thead button')].map((one) => one.dataset.title)")
        self.assertEqual(titles[-2:], ["target_cca", "weight_condition"])

    def test_every_metric_of_layers_can_be_drawn_over_depth(self):
        self.open("example")
        for name in ("target_cca", "linear_share", "weight_balancedness", "feature_participation_ratio_debiased"):
            for section in ("map", "training", "depth", "compare"):
                self.choose(section, "Metric", name)
        self.choose("depth", "Metric", "target_cca")
        self.assertEqual(self.texts("#depth figure h3")[-1], "target_cca")

    def test_formulas_are_typeset(self):
        self.open("example")
        captions = self.run_js("[...document.querySelectorAll('#training figcaption .small')].map((one) => one.innerHTML)")
        self.assertIn("W W<sup>⊤</sup> against S<sub>YY</sub><sup>1/2</sup> − √γ I, at the best γ; low when collapsed", captions)
        self.open("both")
        said = dict(zip(self.texts("#metrics summary"), self.run_js("[...document.querySelectorAll('#metrics details p')].map((one) => one.innerHTML)")))
        self.assertIn("10<sup>−10</sup>", said["target_rank"])
        self.assertIn("<code>linear_mse</code>", said["linear_share"])
        self.assertIn("‖W‖<sub>F</sub>", said["weight_stable_rank"].replace("‖<sub>F</sub><sup>2</sup>", "‖<sub>F</sub>"))


if __name__ == "__main__":
    unittest.main()
