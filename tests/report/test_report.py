#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The report of bench/run, made from made-up results and read back."""
import json
import math
import pathlib
import re
import tempfile
import unittest
import xml.etree.ElementTree as ET

import kit
import reading
from made_up import Machine

MACHINES = {
    "two threads": (Machine(), True),
    "AVX2 alone, quick": (Machine(isas=("avx2",), rounds=1, slow=False), True),
    "NEON, one thread, no kernels by themselves": (Machine(isas=("neon",), threads=(1,), rounds=1), False),
    "64 threads, two modes": (Machine(threads=(1, 16, 64), rounds=2, modes=("exact", "fast"), noise=0.05), True),
    "one thread of many": (Machine(threads=(8,), rounds=3), True),
    "other libraries": (Machine(rounds=3, modes=("exact", "fast"), peers={"onednn": 1.1, "openblas": 1.01, "own-1.0_b": 0.4}), True),
    "another library, quick": (Machine(rounds=1, slow=False, peers={"onednn": 1.0}), True),
}
FIGURES = ("speedup", "training", "peers", "layers", "roofline", "scaling", "caches")


def absent(root):
    return [reading.text_of(p) for p in root.iter("p") if p.get("class") == "absent"]


def tips(root):
    """Text and element of every mark of a figure that has one."""
    return [(e.find("title").text, e) for e in root.iter() if e.get("class") == "tip"]


def bar_width(group):
    """Of the path that draws a bar."""
    x = [float(v) for v in re.findall(r"[ML] ([-\d.]+) ", group.find(".//path").get("d"))]
    return max(x) - min(x)


class Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_numbers_and_form(self):
        for name, (machine, ops) in MACHINES.items():
            with self.subTest(name):
                text, files = kit.make_page(self.folder, machine, ops)
                root = reading.read(text)
                self.assertGreater(reading.check_numbers(root, files), 300)
                self.assertEqual(reading.external_references(root), [])
                ids = [e.get("id") for e in root.iter() if e.get("id")]
                self.assertEqual(len(ids), len(set(ids)), "an id is there twice")
                for e in root.iter():
                    for value in e.attrib.values():
                        for target in re.findall(r"^#([\w-]+)$|url\(#([\w-]+)\)", value):
                            self.assertIn(target[0] or target[1], ids)
                    for target in e.get("aria-labelledby", "").split():
                        self.assertIn(target, ids)

    def test_the_comparison_notices(self):
        """The tester is tested: a wrong digit, a number that is not shown as it is, a missing row, a reference to the outside."""
        text, files = kit.make_page(self.folder, Machine(rounds=1))
        for pattern, by in ((r'data-value="(\d)', 'data-value="9\\1'), (r'(data-key="real_time"[^>]*>)(\d)', r"\g<1>7\2"),
                            (r'<tr[^>]*data-which="run 1">.*?</tr>', "")):
            spoilt, count = re.subn(pattern, by, text, count=1, flags=re.DOTALL)
            self.assertEqual(count, 1)
            with self.assertRaises(AssertionError):
                reading.check_numbers(reading.read(spoilt), files)
        for planted in ('<img src="x.png">', "<style>@import 'a.css';</style>", '<p style="background: url(a.png)"></p>', "<script></script>",
                        '<svg><use xlink:href="a.svg#b"></use></svg>', "<style>a { background: url(https://example.org/a) }</style>",
                        '<p onclick="a()"></p>'):
            self.assertNotEqual(reading.external_references(reading.read(text.replace("<body>", "<body>" + planted))), [], planted)
        with self.assertRaises(AssertionError):
            reading.read(text.replace("</table>", "", 1))

    def test_variables_are_defined(self):
        text, _ = kit.make_page(self.folder, Machine())
        style = reading.text_of(reading.read(text).find(".//style"))
        light, dark = style.split("prefers-color-scheme: dark")
        for name in set(re.findall(r"var\(--([\w-]+)\)", text)):
            self.assertIn(f"--{name}:", light)
            if name != "font":
                self.assertIn(f"--{name}:", dark)
        self.assertNotRegex(text.split("</style>")[1], r"#[0-9a-fA-F]{6}\b", "a fixed colour does not follow the page")

    def test_bars_are_as_long_as_numbers(self):
        machine = Machine(noise=0.2)
        text, files = kit.make_page(self.folder, machine)
        expected = reading.Expected(files)
        for svg in (s for s in reading.read(text).iter("svg") if s.find("title").get("id").startswith("speedup-")):
            scale, count = set(), 0
            for tip, group in tips(svg):
                found = re.fullmatch(r"VGG16, (AVX2|AVX-512): .* times naive", tip)
                if not found:
                    continue
                count += 1
                run = f"vgg16/exact/{found[1].lower().replace('-', '')}/b1/t"
                values = [expected.median(("nets", run + t), "speedup_over_naive") for t in "12"]
                shown = float(re.search(r"([\d.]+) times", tip)[1])
                value = min(values, key=lambda v: abs(v - shown))
                self.assertLess(abs(shown - value), 0.51)
                scale.add(bar_width(group) / value)
            self.assertEqual(count, 4)
            self.assertLess(max(scale) / min(scale), 1.001)

    def test_failed(self):
        def fail(files):
            for entry in list(files["nets"]["benchmarks"]):
                if entry["run_name"] in ("vgg16/exact/avx512/b1/t1/manual_time", "net/exact/naive/b1/t1/manual_time",
                                         "vgg16/exact/avx512/b1/t2/features.0/iterations:1/manual_time"):
                    if entry["run_type"] == "aggregate":
                        files["nets"]["benchmarks"].remove(entry)
                    elif entry["repetition_index"] == 2:
                        entry.update(error_occurred=True, error_message="bits differ from the <reference>")
                        del entry["real_time"], entry["GFLOP/s"]
        text, files = kit.make_page(self.folder, Machine(), change=fail)
        root = reading.read(text)
        reading.check_numbers(root, files)
        rows = [r for r in root.iter("tr") if r.get("data-name") == "vgg16/exact/avx512/b1/t1"]
        self.assertEqual(len(rows), 6, "one in the table of VGG16, five among all runs")
        for row in rows:
            self.assertFalse([c for c in row.iter("td") if c.get("data-value")])
        self.assertIn("failed: bits differ from the <reference>", reading.text_of(rows[0]))
        self.assertIn("3 failed.", reading.text_of(root))
        self.assertTrue(any("failed its check" in reading.text_of(t) for t in root.iter("text")))
        self.assertFalse(any("VGG16, AVX-512:" in tip and "times naive" in tip and "t1" in tip for tip, _ in tips(root)))
        result = kit.run("table.py", self.folder / "roof.json", self.folder / "nets.json")
        self.assertEqual(result.returncode, 1)
        self.assertIn("FAILED: bits differ", result.stdout)
        self.assertIn("3 benchmarks failed their check", result.stderr)

    def test_all_failed(self):
        def fail(files):
            for data in files.values():
                data["benchmarks"] = [dict({k: e[k] for k in ("name", "run_name", "run_type", "repetitions", "repetition_index")},
                                           error_occurred=True, error_message="no memory")
                                      for e in data["benchmarks"] if e["run_type"] == "iteration"]
        root = reading.read(kit.make_page(self.folder, Machine(), change=fail)[0])
        self.assertFalse([c for c in root.iter("td") if c.get("data-value")])
        self.assertEqual(len(absent(root)), len(FIGURES))

    def test_other_libraries(self):
        """Ratios with their intervals beside times; what noise hides; a peer that failed; Lanewise's own passes are not mixed with them."""
        def spoil(files):
            for entry in files["nets"]["benchmarks"]:
                if entry["run_type"] == "iteration" and entry["run_name"].startswith("net/fast/crashing/"):
                    entry.update(error_occurred=True, error_message="SIGSEGV in run()")
                    del entry["real_time"]
                if entry["run_name"].startswith("mlp/fast/quick/b1/t1"):  # fewer than six rounds give no interval
                    for key in ("ratio_exact_low", "ratio_exact_high"):
                        entry.pop(key, None)
        machine = Machine(rounds=2, modes=("exact", "fast"), peers={"quick": 0.99, "slow": 3.0, "crashing": 2.0, "whole": 1.0})
        text, files = kit.make_page(self.folder, machine, change=spoil)
        root = reading.read(text)
        reading.check_numbers(root, files)
        shown = {r.get("data-name"): [reading.text_of(c) for c in r] for r in root.iter("tr") if not r.get("data-which")
                 and r.get("data-name") and any(c.get("data-key") == "pairs" or c.get("class") == "failed" for c in r)}
        self.assertIn("hidden by noise", shown["lenet5/fast/quick/b1/t1"])
        self.assertEqual(shown["lenet5/fast/quick/b1/t1"].count("hidden by noise"), 1, "only of mode exact")
        self.assertEqual(shown["vgg16/fast/slow/b1/t2"].count("slower"), 2)
        self.assertIn("operator by operator", shown["lenet5/fast/quick/b1/t1"])
        self.assertEqual((shown["lenet5/fast/whole/b1/t1"].count("hidden by noise"), shown["lenet5/fast/whole/b1/t1"][-1]), (1, ""))
        self.assertIn("too few rounds", shown["mlp/fast/quick/b1/t1"])
        self.assertIn("failed: SIGSEGV in run()", shown["net/fast/crashing/b1/t1"])
        self.assertIn("quick 1.2.3, slow 1.2.3, crashing 1.2.3, whole 1.2.3", reading.text_of(root))
        figure = next(s for s in root.iter("svg") if s.find("title").get("id").startswith("peers-broad"))
        said = [tip for tip, _ in tips(figure)]
        self.assertTrue(any(t.startswith("VGG16, 1 thread: slow takes 3.00 [2.85, 3.12] times as long as mode exact") for t in said), said)
        self.assertTrue(any("hidden by noise" in t for t in said))
        self.assertTrue(any("too few rounds" in t for t in said))
        self.assertTrue(any("failed its check" in reading.text_of(t) for t in figure.iter("text")))
        tile = reading.text_of(next(e for e in root.iter("dl") if e.get("class") == "tiles"))
        self.assertNotIn("quick", tile, "a peer that is faster is not Lanewise's best")
        result = kit.run("table.py", *(self.folder / f"{kind}.json" for kind in ("roof", "nets", "ops")))
        self.assertEqual(result.returncode, 1)
        for line in (r"slow +1 +1 +3\.00 \[2\.85, 3\.12\] +5\.70 \[5\.41, 5\.93\] +9 +operator by operator",
                     r"quick +1 +1 +0\.99 \[0\.94, 1\.03\] hidden by noise", r"quick +1 +1 +0\.99 \(too few rounds\)", r"fc6 +avx512 +cold +1 +",
                     r"relu +c64 +slow +hot +1 "):
            self.assertRegex(result.stdout, line)
        self.assertIn("SIGSEGV in run()", result.stdout)

    def test_merge_widens(self):
        """Five rounds together: the median of the medians, the hull of the intervals; none where a round has none."""
        paths = []
        for i, middle in enumerate((2.0, 2.4, 1.9, 2.1, 2.2)):
            machine = Machine(isas=("avx2",), threads=(1,), rounds=1, slow=False, seed=i, peers={"onednn": middle})
            data = machine.nets()
            if i == 3:
                for entry in data["benchmarks"]:
                    if entry["name"].startswith("mlp/fast/onednn"):
                        del entry["ratio_exact_low"], entry["ratio_exact_high"]
            paths.append(self.folder / f"round{i}.json")
            paths[-1].write_text(json.dumps(data), encoding="utf-8")
        result = kit.run("merge.py", self.folder / "merged.json", *paths)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        merged = json.loads((self.folder / "merged.json").read_text(encoding="utf-8"))["benchmarks"]

        def median(net):
            return next(e for e in merged if e["run_name"].startswith(f"{net}/fast/onednn") and e.get("aggregate_name") == "median")
        self.assertEqual([round(median("net")[f"ratio_exact{end}"], 9) for end in ("", "_low", "_high")], [2.1, 1.9 * 0.95, 2.4 * 1.04])
        self.assertNotIn("ratio_exact_low", median("mlp"))
        self.assertFalse([e for e in merged if e.get("aggregate_name") in ("mean", "stddev", "cv") and "ratio_exact_low" in e])

    def test_merge_refers_to_plain_loops(self):
        """The pace of plain loops that ran in one round only serves all; passes and steps of training have each their own."""
        paths = []
        for i in range(3):
            data = Machine(isas=("avx2",), threads=(1,), rounds=1, seed=i, noise=0.2).nets()
            for entry in data["benchmarks"]:
                entry.pop("speedup_over_naive", None)
            if i > 0:
                data["benchmarks"] = [e for e in data["benchmarks"] if "/naive/" not in e["run_name"]]
            paths.append(self.folder / f"round{i}.json")
            paths[-1].write_text(json.dumps(data), encoding="utf-8")
        kit.run("merge.py", self.folder / "merged.json", *paths)
        runs = {}
        for entry in json.loads((self.folder / "merged.json").read_text(encoding="utf-8"))["benchmarks"]:
            if entry["run_type"] == "iteration":
                runs.setdefault(reading.clean(entry["run_name"]), []).append(entry)
        for plain, simd in (("lenet5/exact/naive/b1/t1", "lenet5/exact/avx2/b1/t1"), ("lenet5/train/exact/naive/b64/t1", "lenet5/train/exact/avx2/b64/t1")):
            for entry in runs[simd]:
                self.assertAlmostEqual(entry["speedup_over_naive"], entry["images/s"] / runs[plain][0]["images/s"])
        self.assertNotIn("speedup_over_naive", runs["vgg16/train/exact/avx2/b4/t1"][0])

    def test_training(self):
        """Steps of training have tables, a figure and a tile of their own, and are not taken for passes."""
        text, files = kit.make_page(self.folder, Machine(rounds=2))
        root = reading.read(text)
        tables = {e.get("aria-label"): e for e in root.iter("div") if e.find("table") is not None}
        self.assertEqual([name for name in tables if "training" in name], ["VGG16, steps of training", "LeNet-5, steps of training"])
        for name, table in tables.items():
            for row in table.iter("tr"):
                if row.get("data-name") and name.endswith(("whole passes", "steps of training")):
                    self.assertEqual("/train/" in row.get("data-name"), "training" in name)
        tile = reading.text_of(next(e for e in root.iter("dl") if e.get("class") == "tiles"))
        self.assertIn("LeNet-5 learns from 64 digits", tile)
        said = [tip for s in root.iter("svg") if s.find("title").get("id").startswith("training-broad") for tip, _ in tips(s)]
        self.assertEqual(len([t for t in said if t.startswith("LeNet-5, AVX")]), 4)
        self.assertFalse([t for t in said if "VGG16" in t], "no plain loops to compare with")
        result = kit.run("table.py", *(self.folder / f"{kind}.json" for kind in ("roof", "nets", "ops")))
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"lenet5: steps of training\n\n +isa .* MB +x least\n")
        self.assertRegex(result.stdout, r"avx512 +exact +4 +2 .* 5\.9 +1\.12\n +avx512 +fast +4 +2 ")

        def untrained(files):
            files["nets"]["benchmarks"] = [e for e in files["nets"]["benchmarks"] if "/train/" not in e["run_name"]]
        root = reading.read(kit.make_page(self.folder, Machine(rounds=1), change=untrained)[0])
        self.assertIn("Not measured: no network was trained.", absent(root))

    def test_disturbed(self):
        def disturb(files):
            for entry in files["nets"]["benchmarks"]:
                if entry["run_name"] == "vgg16/exact/naive/b1/t1/manual_time":
                    entry["cpu_time"] = entry["real_time"] * 0.89
        for change, said in ((None, False), (disturb, True)):
            text = reading.text_of(reading.read(kit.make_page(self.folder, Machine(rounds=2), change=change)[0]))
            self.assertEqual("took the CPU more than 10 % of the time from vgg16/exact/naive/b1/t1 (whole passes)." in text, said)
            self.assertEqual("disturbed, see above" in text, said)
            self.assertEqual("The machine was not quiet" in text, said)

    def test_special_characters(self):
        evil = "a<script>alert(1)</script>&amp;\"'$x$\\frac\u2028\x07µ]]>"

        def rename(files):
            for entry in files["nets"]["benchmarks"]:
                for key in ("name", "run_name"):
                    entry[key] = entry[key].replace("features.0", evil).replace("mlp", "m<b>lp</b>")
            files["nets"]["context"].update(machine=f"<i>{evil}</i>, 2 cores, \x00", compiler="<!-- -->", warning="</style><b>", commit="--><x>")
        text, _ = kit.make_page(self.folder, Machine(rounds=2), change=rename)
        root = reading.read(text)
        self.assertEqual({e.tag for e in root.iter()} & {"script", "b", "x"}, set())
        self.assertEqual(len([e for e in root.iter("i") if "class" not in e.attrib and "style" not in e.attrib]), 0)
        shown = evil.replace("\x07", "\ufffd").replace("\u2028", "\ufffd")
        self.assertIn(shown, [reading.text_of(e) for e in root.iter("td")])
        self.assertIn(f"What SIMD buys on <i>{shown}</i>", reading.text_of(root.find(".//h1")))
        self.assertTrue(any(shown in reading.text_of(t) for t in root.iter("text")), "the figure names the layer")
        self.assertIn("</style><b> (whole passes)", reading.text_of(root))

    def test_absent_is_not_zero(self):
        machine = Machine(isas=("avx2",), threads=(1,), rounds=1, slow=False)
        root = reading.read(kit.make_page(self.folder, machine, ops=False)[0])
        self.assertEqual(len(absent(root)), 4, absent(root))
        self.assertTrue(any("no naive run to compare with" in reading.text_of(t) for t in root.iter("text")))
        row = next(r for r in root.iter("tr") if r.get("data-name") == "vgg16/exact/avx2/b1/t1")
        self.assertEqual([reading.text_of(c) for c in row][-2:], ["", ""])

        def empty(files):
            for data in files.values():
                data["benchmarks"] = []
        root = reading.read(kit.make_page(self.folder, machine, change=empty)[0])
        self.assertEqual(len([a for a in absent(root) if a.startswith("Not measured: ")]), len(FIGURES))
        self.assertFalse([c for c in root.iter("td") if c.get("data-value")])

    def test_not_finite(self):
        def spoil(files):
            next(e for e in files["nets"]["benchmarks"] if e["run_name"].startswith("lenet5/exact/avx2/b1/t1"))["GFLOP/s"] = math.inf
        text, _ = kit.make_page(self.folder, Machine(rounds=1), change=spoil)
        row = next(r for r in reading.read(text).iter("tr") if r.get("data-name") == "lenet5/exact/avx2/b1/t1" and not r.get("data-which"))
        self.assertNotIn("GFLOP/s", [c.get("data-key") for c in row])

    def test_bad_files(self):
        roof, nets, ops = Machine(rounds=1).write(self.folder)
        out = self.folder / "out.html"
        out.write_text("before", encoding="utf-8")
        good = json.loads(pathlib.Path(nets).read_text(encoding="utf-8"))
        first = good["benchmarks"][0]

        def spoilt(**changes):
            return json.dumps(dict(good, benchmarks=[dict(first, **changes)]))
        contents = {
            "": "not JSON", "{\"context\": {}, \"bench": "not JSON", "[" * 100000: "not JSON", "[1, 2]": "not a result of Google Benchmark",
            "{}": "not a result of Google Benchmark", "null": "not a result of Google Benchmark", json.dumps(dict(good, benchmarks=[1])): "has no name",
            spoilt(run_name="BM_Sort/8"): "\"BM_Sort/8\" is no benchmark of bench_nets", spoilt(name=3): "has no name",
            spoilt(real_time="fast"): "has no real_time", spoilt(time_unit="h"): "has no real_time",
            spoilt(run_type="aggregate"): "is an aggregate of no name"}
        bad = self.folder / "bad.json"
        before = sorted(p.name for p in self.folder.iterdir())
        for content, message in contents.items():
            with self.subTest(content[:60]):
                bad.write_text(content, encoding="utf-8")
                for program in ("page.py", "table.py"):
                    result = kit.run(program, *(["--out", out] if program == "page.py" else []), roof, bad)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(f"{program}: {bad}: ", result.stderr)
                    self.assertIn(message, result.stderr)
                    self.assertNotIn("Traceback", result.stderr)
        bad.write_bytes(b"\xff\xfe{")
        self.assertIn("not JSON", kit.run("page.py", "--out", out, roof, bad).stderr)
        bad.unlink()
        self.assertIn(f"{bad}: No such file", kit.run("page.py", "--out", out, roof, bad).stderr)
        self.assertIn("is no benchmark of bench_roof", kit.run("page.py", "--out", out, nets, roof).stderr)
        self.assertIn("is no benchmark of bench_ops", kit.run("page.py", "--out", out, roof, nets, nets).stderr)
        self.assertIn("No such file", kit.run("page.py", "--out", self.folder / "nowhere/a.html", roof, nets).stderr)
        self.assertEqual(kit.run("page.py", roof, nets).returncode, 2)
        self.assertEqual(out.read_text(encoding="utf-8"), "before")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), before, "a file was left behind")

    def test_figures_alone(self):
        paths = Machine(peers={"onednn": 2.0}).write(self.folder)
        out = self.folder / "figure.svg"
        for name in FIGURES:
            with self.subTest(name):
                result = kit.run("page.py", "--figure", name, "--out", out, *paths)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                text = out.read_text(encoding="utf-8")
                root = ET.fromstring(text)
                self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
                self.assertEqual(reading.external_references(root), [])
                light, dark = root.find("{*}style").text.split("@media (prefers-color-scheme: dark)")
                for variable in set(re.findall(r"var\(--([\w-]+)\)", text)) - {"font"}:
                    self.assertIn(f"--{variable}:", light)
                    self.assertIn(f"--{variable}:", dark)
                again = out.read_bytes()
                kit.run("page.py", "--figure", name, "--out", out, *paths)
                self.assertEqual(out.read_bytes(), again, "the same results give the same bytes")
        out.unlink()
        result = kit.run("page.py", "--figure", "caches", "--out", out, *paths[:2])
        self.assertEqual(result.returncode, 1)
        self.assertIn("--figure caches: no kernel was measured both hot and cold", result.stderr)
        self.assertFalse(out.exists())


if __name__ == "__main__":
    kit.need_matplotlib()
    unittest.main()
