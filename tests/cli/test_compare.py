# SPDX-License-Identifier: Apache-2.0
"""`lanewise compare` on made-up results: ratio and interval against Welch's formula worked out here, cases that cannot be told,
files that are none."""
import json
import math
import os
import statistics
import subprocess
import sys

import kit

# Quantiles of Student's t from printed tables: (confidence, degrees of freedom): t.
TABLE = {(0.95, 1): 12.7062, (0.95, 2): 4.30265, (0.95, 4): 2.77645, (0.99, 4): 4.60409, (0.9, 8): 1.85955, (0.95, 10): 2.22814,
         (0.99, 30): 2.75000, (0.8, 3): 1.63774, (0.999, 5): 6.86883}


def t_quantile(p, nu):
    """Bisection on the integral of the density, by Simpson's rule over x = tan(u)."""
    factor = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(nu * math.pi)

    def cdf(x, steps=2000):
        top = math.atan(x)
        h = top / steps
        total = 0.0
        for i in range(steps + 1):
            u = i * h
            value = (1 + math.tan(u) ** 2 / nu) ** (-(nu + 1) / 2) / math.cos(u) ** 2
            total += value * (1 if i in (0, steps) else 4 if i % 2 else 2)
        return 0.5 + factor * total * h / 3

    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if cdf(middle) < p else (low, middle)
    return low


def welch(a, b, confidence):
    """ratio, low, high, nu"""
    a, b = [math.log(x) for x in a], [math.log(x) for x in b]
    va, vb = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    d, se = statistics.fmean(b) - statistics.fmean(a), math.sqrt(va + vb)
    nu = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    t = t_quantile((1 + confidence) / 2, nu)
    return math.exp(d), math.exp(d - t * se), math.exp(d + t * se), nu


def runs(name, times, unit="us", **more):
    return [dict({"name": name, "run_name": name, "run_type": "iteration", "repetitions": len(times), "repetition_index": i,
                  "iterations": 10, "real_time": t, "cpu_time": t, "time_unit": unit}, **more) for i, t in enumerate(times)]


class Compare(kit.Case):
    def write(self, name, entries, context=None):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(entries if isinstance(entries, str) else json.dumps({"context": context or {}, "benchmarks": entries}))
        return path

    def compare(self, a, b, *arguments, context=({}, {})):
        return self.json("compare", self.write("a.json", a, context[0]), self.write("b.json", b, context[1]), "--json", *arguments)

    def one(self, a, b, *arguments):
        result = self.compare(runs("x", a), runs("x", b), *arguments)
        self.assertEqual(len(result["benchmarks"]), 1)
        return result["benchmarks"][0]

    def test_table_of_t(self):
        """Equal spreads and counts give 2n-2 degrees of freedom; one run that does not vary gives those of the other."""
        for (confidence, nu), expected in TABLE.items():
            b = [1.0, 1.0] if nu == 1 else [5.0] * (nu + 1)
            a = [math.exp(0.01 * i) for i in range(nu + 1)]
            found = self.one(a, b, "--confidence", str(confidence))
            self.assertAlmostEqual(found["degrees_of_freedom"], nu, places=6)
            self.assertAlmostEqual(found["t"], expected, delta=2e-5 * expected)

    def test_interval(self):
        for a, b, confidence in (([100, 101, 99, 100.5, 98.7], [90, 91, 89.5, 90.2, 93], 0.95), ([3.1, 3.2], [3.0, 3.9, 3.3], 0.9),
                                 ([7, 7.1, 7.05, 7.2, 6.9, 7], [7.01, 7.2, 6.8], 0.99), ([1e-3, 2e-3, 4e-3], [1e5, 3e5], 0.5)):
            found = self.one(a, b, "--confidence", str(confidence))
            for key, expected in zip(("ratio", "low", "high", "degrees_of_freedom"), welch(a, b, confidence)):
                self.assertAlmostEqual(found[key], expected, delta=1e-6 * expected, msg=key)
            self.assertEqual(len(found["a"]["seconds"]), len(a))
            self.assertAlmostEqual(found["a"]["seconds"][0], a[0] * 1e-6, delta=1e-12)

    def test_verdicts(self):
        self.assertEqual(self.one([100, 101, 99], [80, 81, 80.5])["verdict"], "faster")
        self.assertEqual(self.one([80, 81, 80.5], [100, 101, 99])["verdict"], "slower")
        self.assertEqual(self.one([100, 100.2, 99.9], [100.1, 99.8, 100])["verdict"], "same")
        self.assertEqual(self.one([100, 100.2, 99.9], [100.1, 99.8, 100], "--same", "0.1")["verdict"], "cannot tell")
        wide = self.one([100, 120, 80], [105, 95, 110])
        self.assertEqual((wide["verdict"], wide["why"]), ("cannot tell", "the interval includes 1"))
        still = self.one([5, 5, 5], [5, 5])
        self.assertEqual((still["verdict"], still["ratio"], still["low"], still["high"]), ("same", 1, 1, 1))
        self.assertEqual(self.one([5, 5, 5], [6, 6])["verdict"], "slower")

    def test_too_few(self):
        one = self.one([5], [4])
        self.assertEqual((one["verdict"], one["why"]), ("cannot tell", "one measurement"))
        self.assertAlmostEqual(one["ratio"], 0.8)
        self.assertNotIn("low", one)
        side = self.one([5, 5.1], [4])
        self.assertTrue(side["why"].startswith("one measurement in ") and side["why"].endswith("b.json"), side)
        # Aggregates only: their median is one measurement.
        aggregate = [dict(runs("x", [7])[0], name="x_median", run_type="aggregate", aggregate_name="median"),
                     dict(runs("x", [9])[0], name="x_mean", run_type="aggregate", aggregate_name="mean")]
        found = self.compare(aggregate, runs("x", [7, 7.1]))["benchmarks"][0]
        self.assertEqual((found["verdict"], found["a"]["seconds"]), ("cannot tell", [7e-6]))
        # Beside single measurements they are not counted again.
        self.assertEqual(len(self.compare(runs("x", [7, 8]) + aggregate, runs("x", [7, 7.1]))["benchmarks"][0]["a"]["seconds"]), 2)

    def test_names_and_units(self):
        result = self.compare(runs("n/iterations:1/manual_time", [2, 2.001, 2], "ms") + runs("gone/a", [1, 1]),
                              runs("n/real_time", [2000, 2001, 2000.5], "us") + runs("new/b", [1, 1]) + runs("machine/noise", [0, 0]))
        self.assertEqual([b["name"] for b in result["benchmarks"]], ["n"])
        self.assertAlmostEqual(result["benchmarks"][0]["ratio"], 1, delta=0.01)
        self.assertEqual((result["only_in_a"], result["only_in_b"]), (["gone/a"], ["new/b"]))
        text = self.good("compare", self.path("a.json"), self.path("b.json"))
        self.assertIn("only in " + self.path("a.json") + ":\n  gone/a\n", text)
        self.assertIn("0 faster, 0 slower, 1 the same, 0 cannot tell\n", text)

    def test_merged_rounds(self):
        """What bench/run makes of its rounds: repetitions, with the aggregates that Google Benchmark would write."""
        merge = [sys.executable, os.path.join(kit.SOURCE, "bench", "report", "merge.py")]
        times, rounds = [10.0, 11.0, 12.5], []
        for i, time in enumerate(times):
            slow = runs("slow", [500], **{"GFLOP/s": 2.0}) if i == 0 else []
            rounds.append(self.write(f"{i}.json", runs("x", [time], **{"GFLOP/s": 100 / time}) + slow, {"machine": "M"}))
        subprocess.run([*merge, self.path("merged.json"), *rounds], check=True)
        with open(self.path("merged.json"), encoding="utf-8") as f:
            merged = json.load(f)
        self.assertEqual(merged["context"], {"machine": "M", "rounds": 3})
        self.assertEqual([(e["real_time"], e["repetition_index"]) for e in merged["benchmarks"] if e["name"] == "x"],
                         list(zip(times, range(3))))
        aggregates = {e["name"]: e for e in merged["benchmarks"] if e["run_type"] == "aggregate"}
        self.assertEqual(sorted(aggregates), ["x_cv", "x_mean", "x_median", "x_stddev"])
        for name, value in (("mean", statistics.mean(times)), ("median", 11.0), ("stddev", statistics.stdev(times)),
                            ("cv", statistics.stdev(times) / statistics.mean(times))):
            self.assertAlmostEqual(aggregates["x_" + name]["real_time"], value)
        self.assertAlmostEqual(aggregates["x_median"]["GFLOP/s"], 100 / 11)
        found = self.json("compare", self.path("merged.json"), self.path("merged.json"), "--json")["benchmarks"]
        self.assertEqual([(b["name"], len(b["a"]["seconds"])) for b in found], [("x", 3), ("slow", 1)])
        broken = self.write("broken.json", "{")
        done = subprocess.run([*merge, self.path("other.json"), broken], capture_output=True, text=True)
        self.assertEqual((done.returncode, os.path.exists(self.path("other.json"))), (1, False))
        self.assertIn("broken.json", done.stderr)

    def test_merged_speedups(self):
        """They refer to the median of the plain loops, which here run in the first round only, as VGG16's do, or in each."""
        merge = [sys.executable, os.path.join(kit.SOURCE, "bench", "report", "merge.py")]
        rounds = []
        for i, time in enumerate([10.0, 16.0, 12.0]):
            plain = runs("n/exact/naive/b1/t1", [1000], **{"images/s": 1.0, "speedup_over_naive": 1.0}) if i == 0 else []
            wide = runs("n/exact/avx2/b1/t1", [time], **{"images/s": 1000 / time, **({"speedup_over_naive": 100.0} if i == 0 else {})})
            layer = runs("n/exact/avx2/b1/t1/conv1", [1])
            each = runs("m/exact/naive/b1/t1", [100 + i], **{"images/s": 1000 / (100 + i)})
            each += runs("m/exact/avx2/b64/t2", [2], **{"images/s": 500.0})
            rounds.append(self.write(f"{i}.json", plain + wide + layer + each))
        subprocess.run([*merge, self.path("merged.json"), *rounds], check=True)
        with open(self.path("merged.json"), encoding="utf-8") as f:
            merged = json.load(f)["benchmarks"]
        found = {e["name"]: e for e in merged if e["run_type"] == "aggregate"}
        self.assertAlmostEqual(found["n/exact/avx2/b1/t1_median"]["real_time"], 12)
        self.assertAlmostEqual(found["n/exact/avx2/b1/t1_median"]["speedup_over_naive"], 1000 / 12)
        self.assertAlmostEqual(found["m/exact/avx2/b64/t2_median"]["speedup_over_naive"], 500 / (1000 / 101))
        speedups = [e["speedup_over_naive"] for e in merged if e["name"] == "n/exact/avx2/b1/t1"]
        self.assertEqual([round(v, 6) for v in speedups], [100.0, 62.5, 83.333333])
        self.assertNotIn("speedup_over_naive", found["n/exact/avx2/b1/t1/conv1_median"])
        self.assertFalse([e for e in merged if "speedup_over_autovec" in e], "nothing that it could refer to was run")

    def test_filter(self):
        both = runs("vgg16/t1", [1, 1.1]) + runs("vgg16/t2", [1, 1.1]) + runs("net/t2", [1, 1.1])
        result = self.compare(both, both, "--filter", "^vgg16/.*2$|zzz")
        self.assertEqual([b["name"] for b in result["benchmarks"]], ["vgg16/t2"])
        a = self.path("a.json")
        self.bad(1, "compare", a, a, "--filter", "zzz", has="no benchmark of both files matches --filter")
        self.bad(2, "compare", a, a, "--filter", "(", has='--filter is "("')

    def test_times_that_are_none(self):
        good = runs("x", [1, 1.1])
        for entry, text in ((runs("x", [1, 0]), "0 us is no time"), (runs("x", [-3, 1]), "-3 us is no time"),
                            (runs("x", [1, 1], unit="weeks"), 'its time_unit is "weeks"'),
                            ([{"name": "x", "time_unit": "us"}], "it has no real_time"),
                            ([{"name": "x", "time_unit": "us", "real_time": "1"}], "it has no real_time"),
                            ([{"name": "x", "real_time": 1}], "it has no time_unit"),
                            (runs("x", [1]) + runs("x", [0], error_occurred=True, error_message="bits differ"), "failed: bits differ")):
            for a, b, where in ((entry, good, "a.json"), (good, entry, "b.json")):
                found = self.compare(a, b)["benchmarks"][0]
                self.assertEqual(found["verdict"], "cannot tell")
                self.assertTrue(found["why"].startswith("in ") and where in found["why"] and text in found["why"], found["why"])

    def test_fail_if_slower(self):
        a, b = self.write("a.json", runs("x", [100, 101, 99, 100])), self.write("b.json", runs("x", [110, 111, 109, 110]))
        self.good("compare", a, b)
        low = 100 * (self.json("compare", a, b, "--json")["benchmarks"][0]["low"] - 1)
        self.assertTrue(7 < low < 10)
        for percent, code in ((low - 0.01, 1), (low + 0.01, 0), (0, 1), (20, 0)):
            self.assertEqual(self.lanewise("compare", a, b, "--fail-if-slower", str(percent)).code, code, percent)
            done = self.lanewise("compare", a, b, "--fail-if-slower", str(percent), "--json")
            self.assertEqual((done.code, json.loads(done.out)["too_slow"]), (code, code))
        self.assertIn("1 slower beyond doubt by more than 2 %", self.lanewise("compare", a, b, "--fail-if-slower", "2").out)
        self.good("compare", b, a, "--fail-if-slower", "0")
        # Slower on average, but not beyond doubt.
        wide = self.write("wide.json", runs("x", [90, 140, 120]))
        self.good("compare", a, wide, "--fail-if-slower", "0")

    def test_warnings(self):
        context = ({"machine": "CPU, 2 cores, 2596.1 MHz, ISA avx2", "compiler": "gcc 12", "commit": "abc", "date": "x", "num_cpus": 2},
                   {"machine": "CPU, 2 cores, 3100 MHz, ISA avx2", "compiler": "gcc 13", "date": "y", "num_cpus": 4,
                    "warning": "others kept 1.0 of 2 cores busy"})
        noise = runs("machine/noise", [0], stolen_percent=7.5, clock_drift_percent=-9, throttled=1)
        warnings = self.compare(runs("x", [1, 2]), runs("x", [1, 2]) + noise, context=context)["warnings"]
        b = self.path("b.json")
        self.assertEqual(warnings, ["compiler differs: gcc 12 | gcc 13", "commit differs: abc | unknown", "num_cpus differs: 2 | 4",
                                    b + " was measured on a noisy machine: others kept 1.0 of 2 cores busy",
                                    b + ": up to 7.5 % of CPU time was stolen by the hypervisor",
                                    b + ": the clock changed by up to 9.0 % during a run", b + ": the CPU throttled for heat"])
        self.assertIn("warning: compiler differs: gcc 12 | gcc 13\n", self.good("compare", self.path("a.json"), b))
        self.assertEqual(self.compare(runs("x", [1, 2]), runs("x", [1, 2]))["warnings"], [])

    def test_files_that_are_none(self):
        good = self.write("good.json", runs("x", [1, 2]))
        for text, has in (("", ":1:0: "), ('{"benchmarks": [', "broken.json:1:"), ('{"benchmarks": [{"real_time": NaN}]}', "broken.json:1:"),
                          ("{}", 'has no array "benchmarks"'), ("[1, 2]", 'has no array "benchmarks"'),
                          ('{"benchmarks": 3}', 'has no array "benchmarks"'), ('{"benchmarks": []}', "holds no measurement"),
                          ('{"benchmarks": [7]}', "has no name"), ('{"benchmarks": [{"name": 5}]}', "has no name")):
            broken = self.write("broken.json", text)
            self.bad(1, "compare", good, broken, has=has)
            self.bad(1, "compare", broken, good, has=has)
        self.bad(1, "compare", good, self.path("none.json"), has="none.json")
        self.bad(1, "compare", self.folder, good, has=os.path.basename(self.folder))

    def test_wrong_usage(self):
        a = self.write("a.json", runs("x", [1, 2]))
        self.bad(2, "compare", has="two files are needed")
        self.bad(2, "compare", a, has="two files are needed")
        self.bad(2, "compare", a, a, a, has="one argument too many")
        for value in ("1", "95", "0.4", "x", "nan", ""):
            self.bad(2, "compare", a, a, "--confidence", value, has=f'--confidence is "{value}", expected a number')
        self.bad(2, "compare", a, a, "--fail-if-slower", "-1", has='--fail-if-slower is "-1"')
        self.bad(2, "compare", a, a, "--paint", has="unrecognized option")
        with open("/dev/full", "w") as full:
            self.bad(1, "compare", a, a, stdout=full, has="stdout cannot be written")

    def test_help(self):
        self.assertIn("Usage: lanewise compare [OPTION...] A.json B.json", self.good("compare", "--help"))
