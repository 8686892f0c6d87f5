# SPDX-License-Identifier: Apache-2.0
"""`lanewise conform`: good kernels pass, planted faults (planted.c) are told where and how, and what a reproducer line says comes
again."""
import json
import os
import re
import shlex
import subprocess

import export
import kit


class Conform(export.Case):
    def run_planted(self, fault, *arguments):
        """The command with a planted fault."""
        binary = os.path.join(os.path.dirname(kit.BINARY), "lanewise_planted")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LANEWISE_")}
        return subprocess.run([binary, "conform", *arguments], capture_output=True, text=True, timeout=120,
                              env={**clean, "PLANTED": fault})

    def planted(self, fault, *arguments, code=1):
        """Its JSON."""
        done = self.run_planted(fault, *arguments, "--json")
        self.assertEqual((done.returncode, done.stderr), (code, ""), (fault, done.stdout))
        return json.loads(done.stdout)

    # ------------------------------------------------------------------------------------------------------ good kernels

    def test_text(self):
        text = self.good("conform", "--op", "relu,topk", "--quick")
        self.assertRegex(text, r"\n  ref_relu +exact +\d+ cases +\d+ runs +[\d.]+ s  ok\n")
        self.assertRegex(text, r"\n  ref_topk +exact ")
        self.assertRegex(text, r"autovec_\w+_relu +bound .* ok  error/bound 0; 0 ulp of rms\(y\), rms 0\n")
        self.assertRegex(text, r"\nok: \d+ rows passed, 0 failed, \d+ skipped; \d+ cases, ")
        self.assertNotIn("conv2d", text)

    def test_json(self):
        result = self.json("conform", "--op", "tanh,add", "--quick", "--seed", "7", "--json")
        self.assertEqual((result["seed"], result["quick"], result["rows_by_verdict"]["failed"]), (7, True, 0))
        self.assertEqual(len(result["rows"]), sum(result["rows_by_verdict"].values()))
        ran = [r for r in result["rows"] if r["verdict"] == "passed"]
        self.assertEqual({r["op"] for r in ran}, {"tanh", "add"})
        self.assertEqual(sum(r["runs"] for r in ran), result["runs"])
        for row in ran:
            self.assertTrue(row["cases"] >= 20 and row["runs"] > row["cases"] and row["failures"] == [], row)
            for name in ("error_over_bound", "error_ulp", "error_rms_ulp"):
                self.assertEqual(name in row, row["promise"] != "exact")
        bounds = [r["error_over_bound"] for r in ran if r["op"] == "tanh" and r["promise"] == "bound"]
        self.assertTrue(all(0 < b <= 1 for b in bounds), bounds)
        self.assertIn("machine", result)

    def test_mode_fast(self):
        result = self.json("conform", "--shape", "mb1ic20ih14oc18oh14kh3ph1", "--json")
        fast = [r for r in result["rows"] if r["promise"] == "fast" and r["verdict"] != "skipped"]
        self.assertEqual({r["algorithm"] for r in fast}, {"winograd4", "winograd2"})
        for row in fast:
            self.assertEqual((row["verdict"], row["cases"]), ("passed", 1))
            self.assertTrue(1e-3 < row["error_over_bound"] <= 1, row)
            self.assertTrue(0 < row["error_rms_ulp"] < row["error_ulp"] < 100, row)
        # F(4x4, 3x3) is the less accurate one.
        errors = {r["algorithm"]: r["error_rms_ulp"] for r in fast}
        self.assertGreater(errors["winograd4"], errors["winograd2"])

    def test_filters(self):
        one = self.json("conform", "--row", "naive_relu", "--case", "33", "--fill", "reals", "--json")
        self.assertEqual([(r["row"], r["cases"]) for r in one["rows"]], [("naive_relu", 1)])
        isa = self.json("conform", "--op", "relu,flip", "--isa", "ref,naive", "--json")
        self.assertEqual({r["isa"] for r in isa["rows"]}, {"ref", "naive"})
        threads = self.json("conform", "--row", "naive_relu", "--case", "33", "--fill", "reals", "--threads", "20", "--json")
        self.assertEqual((threads["threads"], threads["runs"]), (20, 4))  # three kinds of memory, and in place
        shape = self.json("conform", "--shape", "mb2ic5ih9oc7kh3ph1sh2", "--isa", "naive", "--json")
        self.assertEqual([(r["row"], r["verdict"], r["cases"]) for r in shape["rows"] if r["verdict"] != "skipped"],
                         [("naive_conv2d", "passed", 1)])
        alone = self.json("conform", "--row", "naive_relu", "--case", "33", "--in-process", "--json")
        forked = self.json("conform", "--row", "naive_relu", "--case", "33", "--json")
        self.assertEqual((alone["runs"], alone["rows"][0]["verdict"]), (forked["runs"], "passed"))
        cut = self.json("conform", "--case", "vgg16-fc6-cut", "--isa", "naive", "--json")
        self.assertEqual([(r["op"], r["cases"]) for r in cut["rows"]], [("linear", 1)])

    def test_skipped_rows(self):
        result = self.json("conform", "--op", "relu", "--quick", "--json", env={"LANEWISE_ISA": "naive"})
        skipped = [r for r in result["rows"] if r["verdict"] == "skipped"]
        self.assertTrue(skipped)
        self.assertEqual(len(skipped), result["rows_by_verdict"]["skipped"])
        self.assertTrue(all(r["skipped"] and "runs" not in r for r in skipped))
        self.assertIn("naive", {r["isa"] for r in result["rows"] if r["verdict"] == "passed"})
        self.assertRegex(self.good("conform", "--op", "relu", "--quick", "--tap", env={"LANEWISE_ISA": "naive"}),
                         r"\nok \d+ - relu lw_relu_\w+ # SKIP .*LANEWISE_ISA")
        self.bad(2, "conform", "--op", "relu", env={"LANEWISE_ISA": "sse"}, has=['LANEWISE_ISA is "sse"', " avx2 "])
        nothing = self.lanewise("conform", "--op", "conv2d", "--row", "lw_conv2d_nothing")
        self.assertEqual(nothing.code, 2)

    def check_tap(self, text):
        """Points as (ok, description, directive, YAML lines); https://testanything.org/tap-version-14-specification.html"""
        lines = text.splitlines()
        self.assertEqual(lines[0], "TAP version 14")
        count = int(re.fullmatch(r"1\.\.(\d+)", lines[1]).group(1))
        points, block = [], None
        for line in lines[2:]:
            if block is not None:
                if line == "  ...":
                    block = None
                else:
                    self.assertTrue(line.startswith("  "), line)
                    block.append(line[2:])
            elif line == "  ---":
                block = points[-1][3]
            elif not line.startswith("# "):
                match = re.fullmatch(r"(not )?ok (\d+) - ([^#]*?)(?: # SKIP (.+))?", line)
                self.assertTrue(match, line)
                self.assertEqual(int(match.group(2)), len(points) + 1)
                points.append((not match.group(1), match.group(3), match.group(4), []))
        self.assertIsNone(block)
        self.assertEqual(len(points), count)
        return points

    def test_tap(self):
        points = self.check_tap(self.good("conform", "--op", "relu,topk", "--quick", "--tap"))
        self.assertTrue(all(ok for ok, _, _, _ in points))
        self.assertIn("topk ref_topk", [p[1] for p in points])
        done = self.run_planted("dropped tail", "--op", "relu", "--quick", "--tap")
        self.assertEqual(done.returncode, 1)
        points = self.check_tap(done.stdout)
        self.assertEqual([p[1] for p in points if not p[0]], ["relu naive_relu"])
        block = next(p[3] for p in points if not p[0])
        self.assertTrue(any(re.fullmatch(r'    again: "lanewise conform --row naive_relu .*"', line) for line in block), block)
        self.assertTrue(any(re.fullmatch(r'    what: ".*not written.*"', line) for line in block), block)

    # ---------------------------------------------------------------------------------------------------- planted faults

    def failure(self, fault, *arguments):
        """The first failure of the one row that fails; its reproducer gives the same failure again."""
        result = self.planted(fault, *arguments)
        failed = [r for r in result["rows"] if r["verdict"] == "failed"]
        self.assertEqual(len(failed), 1, (fault, [r["row"] for r in failed]))
        self.assertTrue(failed[0]["failure_count"] >= len(failed[0]["failures"]) >= 1)
        first = failed[0]["failures"][0]
        words = shlex.split(first["again"])
        self.assertEqual(words[:4], ["lanewise", "conform", "--row", failed[0]["row"]])
        again = self.planted(fault, *words[2:])
        self.assertEqual([r["row"] for r in again["rows"]], [failed[0]["row"]])
        self.assertEqual(again["rows"][0]["failures"][0], first)
        return first

    def test_no_fault_is_no_failure(self):
        result = self.planted("", "--op", "relu,conv2d", "--isa", "naive", "--quick", code=0)
        self.assertEqual(result["rows_by_verdict"], {"passed": 4, "failed": 0, "skipped": 0})  # relu, conv2d and its two of mode fast

    def test_dropped_tail(self):
        f = self.failure("dropped tail", "--op", "relu", "--isa", "naive,ref", "--case", "33", "--fill", "reals")
        self.assertEqual((f["kind"], f["differ"], f["first"]["tensor"], f["first"]["index"]), ("values", 1, "y", [32]))
        self.assertEqual((f["first"]["got"], f["first"]["got_bits"]), ("nan", "0x7fc0dead"))
        self.assertIn("not written", f["what"])

    def test_one_ulp(self):
        f = self.failure("one ulp", "--row", "naive_relu", "--case", "33", "--fill", "reals")
        self.assertEqual((f["differ"], f["first"]["index"], f["first"]["ulp"]), (1, [32], 1))

    def test_nan_dropped(self):
        folder, index = self.exported("--op", "relu", "--case", "1000", "--fill", "specials")
        x = self.tensors(folder, index["cases"][0])["x"][2]
        f = self.failure("nan dropped", "--row", "naive_relu", "--case", "1000")
        self.assertEqual((f["case"], f["fill"]), ("1000", "specials"))
        self.assertEqual(f["first"]["index"], [next(i for i, v in enumerate(x) if v != v)])
        self.assertEqual(f["differ"], sum(v != v for v in x))
        self.assertEqual((f["first"]["expected"], f["first"]["got"]), ("nan", 0.0))

    def test_skipped_bias(self):
        folder, index = self.exported("--op", "conv2d", "--shape", "mb2ic3ih5iw4oc3kh3ph1", "--fill", "integers")
        tensors = self.tensors(folder, index["cases"][0])
        bias, y = tensors["bias"][2], tensors["y"][2]
        channel = next(i for i, v in enumerate(bias) if v)
        f = self.failure("skipped bias", "--row", "naive_conv2d", "--shape", "mb2ic3ih5iw4oc3kh3ph1", "--fill", "integers")
        self.assertEqual(f["first"]["index"], [0, channel, 0, 0])
        self.assertEqual(f["first"]["offset"], channel * 20)
        self.assertEqual(f["first"]["expected"] - f["first"]["got"], bias[channel])
        self.assertEqual(f["first"]["expected"], y[channel * 20])
        self.assertEqual(f["differ"], 2 * 20 * sum(v != 0 for v in bias))

    def test_shifted_padding(self):
        f = self.failure("shifted padding", "--row", "naive_conv2d", "--shape", "mb1ic2ih6iw7oc3kh3ph1", "--fill", "reals")
        self.assertEqual((f["first"]["index"], f["differ"]), ([0, 0, 0, 0], 126))

    def test_beyond_the_bound(self):
        result = self.planted("skipped bias", "--op", "conv2d", "--isa", "autovec_avx2,autovec_neon", "--shape",
                              "mb1ic2ih6iw7oc3kh3ph1", "--fill", "reals")
        row = result["rows"][0]
        if row["verdict"] == "skipped":
            self.skipTest(row["skipped"])
        first = row["failures"][0]["first"]
        self.assertTrue(row["error_over_bound"] > 100)
        self.assertTrue(abs(first["got"] - first["expected"]) > first["bound"] > 0)

    def test_overruns(self):
        for fault, distance, memory in (("writes past the end", "the byte 9 past the end of y", "guard at the end"),
                                        ("reads past the end", "the byte 1 past the end of x", "guard at the end"),
                                        ("writes before the start", "the byte 4 before the start of y", "guard at the start")):
            result = self.planted(fault, "--row", "naive_relu", "--case", "33", "--fill", "reals")
            failures = result["rows"][0]["failures"]
            fault_ = next(f for f in failures if f["kind"] == "fault")
            self.assertIn(distance, fault_["what"], fault)
            self.assertTrue(fault_["what"].startswith("SIG"))
            self.assertEqual(fault_["memory"], memory)
            # Where no page protects, canaries tell.
            self.assertEqual(fault != "reads past the end", any(f["kind"] == "memory" for f in failures))
        self.failure("writes past the end", "--op", "relu", "--isa", "naive,ref", "--quick")

    def test_input_and_register(self):
        f = self.failure("changes its input", "--row", "naive_relu", "--case", "33", "--fill", "reals")
        self.assertEqual((f["kind"], f["what"]), ("memory", "x: input modified"))
        f = self.failure("flushes to zero", "--row", "naive_relu", "--case", "33", "--fill", "reals")
        self.assertEqual((f["kind"], f["what"]), ("memory", "the floating-point control register is changed"))

    def test_faults_do_not_end_the_run(self):
        for fault, text in (("illegal instruction", "SIGILL"), ("ends the program", "exit code 0")):
            result = self.planted(fault, "--op", "relu,topk", "--isa", "naive,ref,portable", "--quick")
            rows = {r["row"]: r for r in result["rows"]}
            self.assertIn(text, rows["naive_relu"]["failures"][0]["what"])
            self.assertEqual(rows["naive_relu"]["failures"][0]["kind"], "fault")
            self.assertEqual((rows["ref_relu"]["verdict"], rows["ref_topk"]["verdict"]), ("passed", "passed"))
            # Every case but the empty one fails, and each was tried.
            self.assertEqual(rows["naive_relu"]["cases"], rows["ref_relu"]["cases"])
            self.assertTrue(rows["naive_relu"]["failure_count"] >= rows["ref_relu"]["cases"] - 1)

    def test_a_reference_that_fails(self):
        done = self.run_planted("reference", "--op", "relu", "--quick", "--tap")
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (1, "Bail out! the conformance suite itself failed"))
        self.assertEqual(done.stderr, "lanewise conform: relu: the reference ended: SIGABRT\n")
        done = self.run_planted("reference", "--op", "relu", "--quick", "--json")
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_a_kernel_that_hangs(self):
        result = self.planted("hangs", "--row", "naive_relu", "--case", "33", "--fill", "reals", "--quick", "--timeout", "1")
        failure = result["rows"][0]["failures"][0]
        self.assertEqual((failure["kind"], failure["what"]), ("fault", "not done after 1 s"))

    # ------------------------------------------------------------------------------------------------------------- usage

    def test_wrong_usage(self):
        self.bad(2, "conform", "--op", "relu,conv3d", has=['--op is "conv3d"', " conv2d ", " topk "])
        self.bad(2, "conform", "--isa", "sse", has=['--isa is "sse"', " avx512 "])
        self.bad(2, "conform", "--row", "lw_relu", "--op", "relu", has=['--row is "lw_relu"', " naive_relu"])
        self.bad(2, "conform", "--op", "tanh", "--case", "nope", has=['--case is "nope"', " 4704 "])
        self.bad(2, "conform", "--case", "nope", has=['--case is "nope"', "no chosen operator"])
        self.bad(2, "conform", "--op", "topk", "--isa", "naive", has="no row of the kernel table is all of that")
        self.bad(2, "conform", "--op", "relu", "--shape", "ic1ih1oc1kh1", has="no row of the kernel table is all of that")
        self.bad(2, "conform", "--shape", "ic1ih1oc1", has="kh is missing")
        self.bad(2, "conform", "--shape", "ic" + 200 * "0" + "1ih1oc1kh1", has="longer than 160 characters")
        self.bad(2, "conform", "--fill", "zeros", has=['--fill is "zeros"', "specials"])
        self.bad(2, "conform", "--seed", "-1", has='--seed is "-1"')
        self.bad(2, "conform", "--threads", "0", has='--threads is "0"')
        self.bad(2, "conform", "--tap", "--json", has="exclude each other")
        self.bad(2, "conform", "relu", has='"relu" is one argument too many')
        with open("/dev/full", "w") as full:
            self.bad(1, "conform", "--row", "ref_relu", "--case", "33", stdout=full, has="stdout cannot be written")

    def test_rows_that_cannot_run_a_shape(self):
        done = self.lanewise("conform", "--shape", "g2ic4ih5oc4kh3", "--isa", "avx2,neon", "--json")
        verdicts = {r["algorithm"]: r["verdict"] for r in json.loads(done.out)["rows"]}
        self.assertEqual(verdicts.get("depthwise"), "skipped")
