#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: test_peers.py FOLDER

bench_ops and bench_nets of FOLDER with --backend: the example backend, Lanewise itself as one, and backends that crash, hang, end the
process, fail or are wrong. Names, counters and messages of lines and exit codes; no time is judged."""
import json
import os
import subprocess
import sys
import unittest

FOLDER = ""
EXAMPLE, PLANTED, SELF = (f"./backend_{name}.so" for name in ("example", "planted", "self"))
CONV = "conv2d/.*[/.]lenet5-c3(-cold|-plain)?/t"
RELU = "^relu/[a-z]*/(example|self)/1000(-plain)?/t1"


def bench(program, *arguments, fault="", promise=None, mode=None, isa=None):
    """Exit code, JSON (None if there is none), stderr."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LANEWISE_", "PROMISE", "PLANTED", "MODE", "OMP_"))}
    more = {**({"PROMISE": promise} if promise else {}), **({"MODE": mode} if mode else {}), **({"LANEWISE_ISA": isa} if isa else {})}
    done = subprocess.run([f"./{program}", "--benchmark_format=json", "--benchmark_min_time=0.001", *arguments], capture_output=True, text=True,
                          cwd=FOLDER, env={**clean, **more, "PLANTED": fault}, timeout=300, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr


class Peers(unittest.TestCase):
    def lines(self, program, *arguments, **more):
        """Its lines by name, without what Google Benchmark adds."""
        code, data, err = bench(program, *arguments, **more)
        self.assertEqual(code, 0, err)
        return {e["name"].split("/iterations:")[0].split("/manual_time")[0]: e for e in data["benchmarks"]}

    def is_compared(self, line, modes):
        self.assertNotIn("error_occurred", line, line)
        self.assertGreater(line["real_time"], 0)
        self.assertGreaterEqual(line["pairs"], 1)
        self.assertEqual({k for k in line if k.startswith("ratio_")},
                         {f"ratio_{m}{end}" for m in modes for end in (("", "_low", "_high") if line["pairs"] >= 6 else ("",))})
        for m in modes:
            self.assertGreater(line[f"{m}_us"], 0)
            if line["pairs"] < 6:
                self.assertIn(f"{m}: too few rounds", line["label"])
                continue
            low, middle, high = (line[f"ratio_{m}{end}"] for end in ("_low", "", "_high"))
            self.assertTrue(0 < low <= middle <= high, line)
            self.assertEqual(f"{m}: hidden by noise" in line.get("label", ""), low <= 1 <= high, line)

    def fails(self, line, what):
        self.assertTrue(line.get("error_occurred"), line)
        self.assertEqual(line["error_message"], what)

    def test_operators(self):
        lines = self.lines("bench_ops", f"--backend={EXAMPLE}", "--threads=1,2", "--cache=hot,cold", f"--benchmark_filter={CONV}")
        peers = {n: e for n, e in lines.items() if "/example/" in n}
        self.assertEqual(sorted(peers), sorted(f"conv2d/exact/example/lenet5-c3{way}/t{t}" for way in ("", "-cold", "-plain") for t in (1, 2)))
        for name, line in peers.items():
            self.is_compared(line, ["exact"])
            self.assertTrue(0 < line["error_over_bound"] < 1, line)
            self.assertGreater(line["GFLOP/s"], 0)
            self.assertEqual("run() on plain tensors" in line["label"], "-plain" not in name)
        own = [e for n, e in lines.items() if "/exact/" in n and "/example/" not in n and "/naive/" not in n]
        self.assertTrue(own)
        for line in own:
            self.assertTrue(0 < line["error_over_bound"] < 1, line)
            self.assertNotIn("ratio_exact", line)

    def test_in_parts(self):
        """relu of the planted backend has load, compute and store: hot lines time compute() alone, plain ones run()."""
        arguments = ("--all=yes", "--threads=1", f"--backend={PLANTED}", f"--benchmark_filter={RELU}")
        for fault, hot, plain in (("compute fails", "compute() failed: not today", None),
                                  ("store is wrong", "bits differ from the reference", None),
                                  ("run fails", None, "run() failed: out of luck  and of memory")):
            lines = self.lines("bench_ops", *arguments, fault=fault)
            for name, what in (("relu/exact/example/1000/t1", hot), ("relu/exact/example/1000-plain/t1", plain)):
                if what:
                    self.fails(lines[name], what)
                else:
                    self.is_compared(lines[name], ["exact"])
                    self.assertNotIn("plain tensors", lines[name]["label"])

    def test_faults_cost_their_line(self):
        """And the run goes on: lines of other operators stand behind them."""
        for fault, what in (("crashes", "SIGSEGV in run()"), ("exits", "ended the process with exit code 0 in run()"),
                            ("hangs without signals", "not done after 1 s in run()"), ("destroy crashes", "SIGBUS in destroy()"),
                            ("input modified", "x: input modified"), ("not written", "bits differ from the reference")):
            with self.subTest(fault):
                lines = self.lines("bench_ops", "--all=yes", "--threads=1", "--backend-limit=1", f"--backend={PLANTED}",
                                   "--benchmark_filter=/example/(1000-plain|8x8-k2)/t1|linear/.*/example/lenet5-out/t1", fault=fault)
                self.fails(lines["relu/exact/example/1000-plain/t1"], what)
                self.is_compared(lines["linear/exact/example/lenet5-out/t1"], ["exact"])

    def test_wrong_operators(self):
        far = "an output is further from its true value than any order of sums can be"
        arguments = ("--threads=1", "--plain=no", f"--backend={PLANTED}", "--benchmark_filter=^conv2d/[a-z]*/example/lenet5-c3/t1")
        for fault, promise, what in (("one ulp", None, "bits differ from the reference"), ("one ulp", "any_order", None),
                                     ("bias dropped", "any_order", far), ("off by a thousandth", "any_order", far),
                                     ("bias dropped", "measured", None)):
            with self.subTest(fault=fault, promise=promise):
                line = self.lines("bench_ops", *arguments, fault=fault, promise=promise)[
                    f"conv2d/{'fast' if promise else 'exact'}/example/lenet5-c3/t1"]
                if what:
                    self.fails(line, what)
                else:
                    self.is_compared(line, ["exact"])
                    self.assertEqual(line["error_over_bound"] > 1, promise == "measured", line)

    def test_large_layers(self):
        """Of which some channels are judged in double, the third is not: a fault there is seen all the same."""
        for fault, promise in (("", "any_order"), ("third channel off", "any_order")):
            line = self.lines("bench_ops", "--threads=1", "--shape=mb1ic64ih28oc96oh28kh3ph1", f"--backend={PLANTED}", "--plain=no",
                              "--benchmark_filter=/example/", fault=fault, promise=promise)["conv2d/fast/example/mb1ic64ih28oc96oh28kh3ph1/t1"]
            if fault:
                self.fails(line, "an output is further from its true value than any order of sums can be")
            else:
                self.is_compared(line, ["exact", "fast"])
                self.assertTrue(0 < line["error_over_bound"] < 1)

    def test_networks(self):
        """By its operators, or as a whole."""
        for backend, name, note in ((EXAMPLE, "example", "operator by operator, with Lanewise's tanh, avg_pool2d"), (SELF, "self", "")):
            lines = self.lines("bench_nets", f"--backend={backend}", "--net=lenet5_1998,net", "--threads=1,2", "--batch=1,3",
                               f"--benchmark_filter=/{name}/")
            self.assertEqual(sorted(lines), sorted(f"{net}/exact/{name}/b{b}/t{t}" for net in ("lenet5_1998", "net") for b in (1, 3) for t in (1, 2)))
            for line_name, line in lines.items():
                self.is_compared(line, ["exact"] if line_name.startswith("lenet") else ["exact", "fast"])
                self.assertEqual(line["error_over_bound"], 0)
                self.assertGreater(line["images/s"], 0)
            self.assertTrue(lines[f"lenet5_1998/exact/{name}/b1/t1"].get("label", "").startswith(note))

    def test_own_passes_tell_their_error(self):
        lines = self.lines("bench_nets", "--net=net", "--threads=1", "--batch=1", "--benchmark_filter=^net/(exact|fast)/(avx|neon)")
        self.assertTrue(lines)
        for line in lines.values():
            self.assertTrue(0 < line["error_over_bound"] < 1, line)

    def test_own_steps_of_training(self):
        """Checked by stored answers (64) and by the plain loops (3)."""
        lines = self.lines("bench_nets", "--net=lenet5,mlp", "--threads=1,2", "--batch=3,64", "--benchmark_filter=^(lenet5|mlp)/train/")
        isas = {name.split("/")[3] for name in lines}
        self.assertIn("naive", isas)
        names = {f"{net}/train/exact/{isa}/b{b}/t{t}" for net in ("lenet5", "mlp") for isa in isas - {"naive"} for b in (3, 64) for t in (1, 2)}
        self.assertEqual(set(lines), names | {f"{net}/train/exact/naive/b3/t1" for net in ("lenet5", "mlp")})
        for name, line in lines.items():
            self.assertNotIn("error_occurred", line, line)
            for counter in ("images/s", "GFLOP/s", "percent_of_roof", "speedup_over_naive", "bytes", "memory_bytes", "memory_ratio"):
                self.assertGreater(line[counter], 0, name)
        self.assertNotIn("lenet5/train/fast", " ".join(lines), "mode fast has no algorithm of its own there")
        # Multiply-adds of LeNet-5: 117,600 and 240,000, 48,000, 10,080, 840; the first layer has no gradient with respect to data.
        self.assertEqual(lines["lenet5/train/exact/naive/b3/t1"]["flops"], 2 * 3 * (2 * 117600 + 3 * (240000 + 48000 + 10080 + 840)))

    def test_own_steps_in_mode_fast(self):
        """Net's second convolution and its gradient to data take 9 products instead of 25: the same flops, a lower roof."""
        lines = self.lines("bench_nets", "--net=net", "--threads=1", "--batch=2", "--benchmark_filter=^net/train/(exact|fast)/(avx|neon)")
        self.assertEqual({name.split("/")[2] for name in lines}, {"exact", "fast"})
        for name, fast in lines.items():
            self.assertNotIn("error_occurred", fast, fast)
            exact = lines[name.replace("/fast/", "/exact/")]
            self.assertEqual(fast["flops"], exact["flops"])
            if fast is not exact:
                work = [line["percent_of_roof"] / line["images/s"] for line in (fast, exact)]
                self.assertLess(work[0], 0.9 * work[1], name)

    def test_own_steps_with_dropout(self):
        """VGG16's stored answer, in the mode that has more to compute by; it takes a while."""
        lines = self.lines("bench_nets", "--net=vgg16", "--isa=avx2,neon", "--threads=2", "--benchmark_filter=^vgg16/train/fast/")
        self.assertEqual(len(lines), 1)
        for line in lines.values():
            self.assertNotIn("error_occurred", line, line)
            self.assertTrue(1 <= line["memory_ratio"] < 1.2, line)

    def test_wrong_networks(self):
        bits, roundings = "bits differ from the reference on the sample image", r"outputs are .* times as far from the reference as roundings"
        for backend, name, fault, promise, what in ((PLANTED, "example", "bias dropped", None, bits), (PLANTED, "example", "one ulp", "any_order", None),
                                                    (PLANTED, "example", "bias dropped", "any_order", roundings),
                                                    (PLANTED, "example", "wrong padding", "any_order", roundings),
                                                    (PLANTED, "example", "bias dropped", "measured", None),
                                                    (PLANTED, "example", "create hangs", None, r"not done after 1 s in create\(\)"),
                                                    (PLANTED, "example", "close crashes after runs", None, r"SIGFPE in close\(\)")):
            with self.subTest(fault=fault, promise=promise):
                line = self.lines("bench_nets", f"--backend={backend}", "--net=lenet5", "--threads=1", "--batch=1", "--backend-limit=1",
                                  f"--benchmark_filter=/{name}/", fault=fault, promise=promise)[f"lenet5/{'fast' if promise else 'exact'}/{name}/b1/t1"]
                if what:
                    self.assertTrue(line.get("error_occurred"), line)
                    self.assertRegex(line["error_message"], what)
                else:
                    self.is_compared(line, ["exact"])
                    self.assertEqual(line["error_over_bound"] > 1, promise == "measured", line)
                    self.assertGreater(line["error_over_bound"], 0)

    def test_support(self):
        """What is not supported has no line; supported() that crashes has one that tells."""
        for program, arguments in (("bench_ops", ("--plain=no", "--benchmark_filter=^conv2d/[a-z]*/(example/lenet5-c3|naive/lenet5-c3)/t1|^conv2d/.*naive.*lenet5-c3/")),
                                   ("bench_nets", ("--net=lenet5", "--batch=1", "--benchmark_filter=/example/|/naive/"))):
            with self.subTest(program):
                lines = self.lines(program, f"--backend={PLANTED}", "--threads=1", *arguments, fault="supports nothing")
                self.assertTrue(lines)
                self.assertFalse([n for n in lines if "/example/" in n])
                lines = self.lines(program, f"--backend={PLANTED}", "--threads=1", *arguments, fault="supported crashes")
                self.fails(next(e for n, e in lines.items() if "/example/" in n), "SIGSEGV in supported()")

    def test_output_stays_clean(self):
        """What a backend prints is not in the results."""
        code, data, err = bench("bench_ops", "--all=yes", "--threads=1", f"--backend={PLANTED}", f"--benchmark_filter={RELU}", fault="prints")
        self.assertEqual((code, len(data["benchmarks"])), (0, 2))
        self.assertIn("hello", err)
        self.assertEqual(data["context"]["peer_example"], "1.0")

    def test_capped(self):
        lines = self.lines("bench_ops", "--threads=1", f"--backend={EXAMPLE}", f"--benchmark_filter={CONV}", isa="naive")
        self.is_compared(lines["conv2d/exact/example/lenet5-c3/t1"], ["exact"])

    def test_bad_options(self):
        for program in ("bench_ops", "bench_nets"):
            for arguments, fault, what in (
                    (["--backend=./nowhere.so"], "", "--backend: ./nowhere.so: No such file or directory"),
                    ([f"--backend={EXAMPLE},{PLANTED}"], "", f"--backend: {EXAMPLE} and {PLANTED} are both named \"example\""),
                    ([f"--backend={EXAMPLE},"], "", "--backend names no file"), (["--backend="], "", "--backend names no file"),
                    ([f"--backend={EXAMPLE},,{SELF}"], "", "--backend names no file"),
                    (["--backend-limit=0"], "", "--backend-limit is \"0\", expected seconds 1..86400"),
                    ([f"--backend={PLANTED}", "--backend-limit=1"], "open hangs", "not done after 1 s"),
                    ([f"--backend={PLANTED}"], "crashing constructor", "SIGSEGV"), ([f"--backend={PLANTED}"], "open fails", "no licence")):
                with self.subTest(program=program, arguments=arguments, fault=fault):
                    code, data, err = bench(program, *arguments, "--benchmark_list_tests=true", "--benchmark_filter=nothing", fault=fault)
                    self.assertEqual((code, data), (1, None))
                    self.assertIn(f"{program}: ", err)
                    self.assertIn(what, err)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    FOLDER = sys.argv.pop(1)
    unittest.main()
