# SPDX-License-Identifier: Apache-2.0
"""`lanewise conform --backend`: the example backend passes; each fault of backend_planted.c is told in the right words, at the right
place, and comes again by the line that is printed for it."""
import json
import os
import shlex
import shutil
import subprocess

import kit


class Backend(kit.Case):
    def plugin(self, name):
        return os.path.join(os.path.dirname(kit.BINARY), name)

    def run_planted(self, arguments, fault="", promise=None, mode=None):
        """The command with those words for backends in its environment: exit code, stdout, stderr."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("LANEWISE_", "PROMISE", "PLANTED", "MODE"))}
        more = {**({"PROMISE": promise} if promise else {}), **({"MODE": mode} if mode else {})}
        done = subprocess.run([kit.BINARY, *arguments], capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
                              cwd=os.path.dirname(kit.BINARY), env={**clean, **more, "PLANTED": fault})
        return done.returncode, done.stdout, done.stderr

    def planted(self, fault, *arguments, code=1, promise=None):
        """Its JSON."""
        got, out, err = self.run_planted(["conform", "--backend", "./backend_planted.so", *arguments, "--json"], fault, promise)
        self.assertEqual(got, code, (fault, out, err))
        return json.loads(out)

    def failure(self, fault, *arguments, promise=None):
        """The first failure. The reproducer of each that is told finds the same one again."""
        result = self.planted(fault, *arguments, promise=promise)
        self.assertEqual(result["rows_by_verdict"]["failed"], 1, (fault, result))
        row = next(r for r in result["rows"] if r["verdict"] == "failed")
        self.assertTrue(row["failure_count"] >= len(row["failures"]) >= 1)
        for failure in row["failures"]:
            words = shlex.split(failure["again"])
            self.assertEqual(words[:4], ["lanewise", "conform", "--backend", "./backend_planted.so"])
            code, out, err = self.run_planted([*words[1:], "--json"], fault, promise)
            self.assertEqual(code, 1, (fault, out, err))
            again = json.loads(out)["rows"]
            self.assertEqual([(r["op"], r["verdict"]) for r in again], [(row["op"], "failed")])
            self.assertIn(failure, again[0]["failures"], fault)
        return row["failures"][0]

    def told(self, fault, what, *arguments, kind, promise=None):
        """The first failure is of that kind and says that."""
        first = self.failure(fault, *arguments, promise=promise)
        self.assertEqual((first["kind"], first["what"]), (kind, what), fault)
        return first

    RELU = ("--op", "relu", "--case", "33", "--fill", "reals")
    CONV = ("--op", "conv2d", "--case", "oc8", "--fill", "reals")

    # ----------------------------------------------------------------------------------------------------------- no fault

    def test_example(self):
        code, out, err = self.run_planted(["conform", "--backend", "./backend_example.so", "--quick", "--json"])
        self.assertEqual((code, err), (0, ""), out)
        result = json.loads(out)
        self.assertEqual((result["backend"]["name"], result["backend"]["version"], result["backend"]["isa"]), ("example", "1.0", None))
        self.assertEqual([(r["op"], r["promise"], r["verdict"]) for r in result["rows"]],
                         [(op, "exact", "passed") for op in ("conv2d", "linear", "relu", "max_pool2d")])
        self.assertTrue(all(r["cases"] >= 20 and r["runs"] >= 4 * r["cases"] for r in result["rows"]), result["rows"])
        unsupported = {r["op"]: r["unsupported"] for r in result["rows"]}
        self.assertTrue(unsupported.pop("max_pool2d") >= 10)
        self.assertEqual(set(unsupported.values()), {0})
        self.assertEqual(result["unsupported"], sum(r["unsupported"] for r in result["rows"]))
        self.assertEqual(result["cases"], sum(r["cases"] + r["unsupported"] for r in result["rows"]))

    def test_text(self):
        text = self.good("conform", "--backend", self.plugin("backend_example.so"), "--op", "relu,max_pool2d", "--quick", "--threads", "2")
        self.assertRegex(text, r"\nBackend example 1\.0 \(.*/backend_example\.so\), 2 threads\n")
        self.assertRegex(text, r"\nmax_pool2d\n  example +exact +\d+ cases +[\d,]+ runs +[\d.]+ s  ok  \(\d+ not supported\)\n")
        self.assertRegex(text, r"\nok: 2 operators passed, 0 failed, 0 skipped; .* cases not supported\n$")

    def test_tap(self):
        text = self.good("conform", "--backend", self.plugin("backend_example.so"), "--op", "relu", "--quick", "--tap")
        self.assertRegex(text, r"^TAP version 14\n1\.\.1\n# lanewise .*\n# Backend example 1\.0 .*\nok 1 - relu example\n")
        code, text, _ = self.run_planted(["conform", "--backend", "./backend_planted.so", *self.RELU, "--tap"], "dropped tail")
        self.assertEqual(code, 1)
        self.assertRegex(text, r'\nnot ok 1 - relu example\n(  .*\n)*      again: "lanewise conform --backend \./backend_planted\.so --op relu ')

    def test_any_order(self):
        result = self.planted("", "--op", "conv2d", "--fill", "reals", "--quick", code=0, promise="any_order")
        conv = result["rows"][0]
        self.assertEqual((conv["promise"], conv["verdict"]), ("bound", "passed"))
        self.assertTrue(0 < conv["error_over_bound"] <= 1 and conv["cases"] > 100, conv)
        # Finite inputs only: NaN and infinities are asked of exact operators.
        special = json.loads(self.run_planted(["conform", "--backend", "./backend_planted.so", "--op", "conv2d", "--case", "oc8", "--fill",
                                               "specials", "--json"], promise="any_order")[1])
        self.assertEqual(special["rows"][0]["verdict"], "skipped")

    def test_isa_and_threads(self):
        result = self.planted("", *self.RELU, "--isa", "avx2", "--threads", "3", code=0)
        self.assertEqual((result["backend"]["isa"], result["threads"]), ("avx2", 3))
        first = self.failure("dropped tail", *self.RELU, "--isa", "avx2", "--threads", "3")
        self.assertIn(" --isa avx2 ", first["again"])
        self.assertIn(" --threads 3", first["again"])
        self.assertEqual(first["parts"], 3)

    def test_in_process(self):
        alone = self.planted("", *self.RELU, "--in-process", code=0)
        forked = self.planted("", *self.RELU, code=0)
        self.assertEqual(alone["runs"], forked["runs"])

    def test_prints(self):
        """What a backend prints does not get among the results."""
        code, out, err = self.run_planted(["conform", "--backend", "./backend_planted.so", *self.RELU, "--json"], "prints")
        self.assertEqual((code, json.loads(out)["rows_by_verdict"]["passed"]), (0, 1))
        self.assertIn("hello", err)

    # ------------------------------------------------------------------------------------- every operator, whole networks

    def self_backend(self, *arguments, code, **more):
        """The rows of Lanewise's own library as a backend, by operator."""
        got, out, err = self.run_planted(["conform", "--backend", "./backend_self.so", *arguments, "--json"], **more)
        self.assertEqual(got, code, (arguments, out, err))
        return {r["op"]: r for r in json.loads(out)["rows"]}

    def test_every_operator(self):
        rows = self.self_backend("--quick", "--threads", "2", code=0)
        self.assertEqual(len(rows), 10)
        for row in rows.values():
            self.assertEqual((row["promise"], row["verdict"], row["unsupported"]), ("exact", "passed", 0))
        any_order = self.self_backend("--op", "avg_pool2d,tanh,add,softmax,log_softmax,net", "--quick", code=0, promise="any_order")
        for op, row in any_order.items():
            self.assertEqual((row["promise"], row["verdict"]), ("bound", "passed"))
            self.assertTrue(row["error_over_bound"] == 0 if op == "add" else 0 < row["error_over_bound"] <= 1, row)

    def test_networks(self):
        net = ("--op", "net", "--quick")
        # Winograd's sums are other sums: not the bits, and not the bound of sums in any order where those are exact.
        fast = self.self_backend(*net, code=1, mode="fast")["net"]
        self.assertIn("net", {f["case"] for f in fast["failures"]})
        self.assertEqual(self.self_backend(*net, code=0, mode="fast", promise="measured")["net"]["verdict"], "passed")
        for promise in (None, "any_order"):
            row = self.self_backend(*net, code=1, fault="last relu forgotten", promise=promise)["net"]
            for failure in row["failures"]:
                self.assertEqual((failure["kind"], failure["first"]["tensor"], len(failure["first"]["index"])), ("values", "y", 2))
                again = shlex.split(failure["again"])
                self.assertEqual(again[:6], ["lanewise", "conform", "--backend", "./backend_self.so", "--op", "net"])
                code, out, _ = self.run_planted([*again[1:], "--json"], fault="last relu forgotten", promise=promise)
                self.assertEqual(code, 1)
                self.assertIn(failure, json.loads(out)["rows"][0]["failures"])
        for case in ("lenet5-sparse", "mlp-sparse", "vgg16-sparse"):
            self.self_backend("--op", "net", "--case", case, "--fill", "integers", code=1, fault="last relu forgotten", promise="any_order")

    # ------------------------------------------------------------------------------------------------------- wrong values

    def test_values(self):
        f = self.failure("dropped tail", *self.RELU)
        self.assertEqual((f["differ"], f["first"]["index"], f["first"]["got_bits"]), (1, [32], "0x7fc0dead"))
        self.assertIn("not written", f["what"])
        f = self.failure("not written", *self.RELU)
        self.assertEqual((f["differ"], f["first"]["index"]), (33, [0]))
        self.assertIn("not written", f["what"])
        f = self.failure("one ulp", *self.CONV)
        self.assertEqual((f["differ"], f["first"]["index"], f["first"]["ulp"]), (1, [0, 0, 0, 0], 1))
        f = self.failure("nan dropped", "--op", "relu", "--case", "1000")
        self.assertEqual((f["fill"], f["first"]["expected"], f["first"]["got"]), ("specials", "nan", 0))
        f = self.failure("relu forgotten", "--op", "conv2d", "--case", "oc2", "--fill", "reals")
        self.assertTrue(f["first"]["expected"] == 0 > f["first"]["got"], f)
        self.assertEqual(self.failure("bias dropped", "--op", "conv2d", "--case", "oc3", "--fill", "reals")["differ"], 84)
        f = self.failure("state is left", *self.CONV)
        self.assertEqual((f["differ"], f["first"]["index"]), (1, [0, 0, 0, 4]))
        f = self.failure("store is wrong", *self.RELU)
        self.assertEqual((f["variant"], f["first"]["index"], f["first"]["got"]), (1, [4], -5))

    def test_wrong_padding(self):
        f = self.failure("wrong padding", *self.CONV)
        self.assertEqual(f["first"]["tensor"], "y")
        whole = self.planted("wrong padding", "--op", "conv2d,linear", "--fill", "reals", "--quick")
        self.assertEqual([r["verdict"] for r in whole["rows"]], ["failed", "passed"])
        self.assertGreater(whole["rows"][0]["cases"], 100)  # the run went on
        shape = self.failure("wrong padding", "--shape", "mb1ic3ih8oc4kh3ph1")
        self.assertIn(" --op conv2d --shape mb1ic3ih8oc4kh3ph1 ", shape["again"])

    def test_any_order_is_judged(self):
        """Another last bit is within the bound, a thousandth or another padding is not; small integers have only one right sum."""
        self.planted("one ulp", *self.CONV, code=0, promise="any_order")
        self.assertEqual(self.failure("one ulp", "--op", "conv2d", "--case", "oc8", "--fill", "integers", promise="any_order")["first"]["ulp"], 1)
        f = self.failure("off by a thousandth", *self.CONV, promise="any_order")
        self.assertTrue(f["first"]["bound"] > 0)
        self.assertRegex(f["what"], r", bound [\d.e-]+, error / bound [\d.]+$")
        self.failure("wrong padding", *self.CONV, promise="any_order")

    def test_measured(self):
        """No value is wrong, but none may be missing."""
        good = self.planted("", *self.CONV, code=0, promise="measured")["rows"][0]
        bad = self.planted("off by a thousandth", *self.CONV, code=0, promise="measured")["rows"][0]
        self.assertEqual((good["promise"], bad["promise"]), ("measured", "measured"))
        self.assertTrue(good["error_over_bound"] < 1 < bad["error_over_bound"], (good, bad))
        f = self.failure("dropped tail", *self.RELU, promise="measured")
        self.assertIn("first y[32]", f["what"])
        self.assertIn("not written", f["what"])

    # ------------------------------------------------------------------------------------------------------------- memory

    def test_memory(self):
        self.told("writes past the end", "SIGSEGV: touched the byte 9 past the end of y, in run()", *self.RELU, kind="fault")
        self.told("reads past the end", "SIGSEGV: touched the byte 1 past the end of x, in run()", *self.RELU, kind="fault")
        self.told("writes before the start", "y: written before the start", *self.RELU, kind="memory")
        self.told("input modified", "x: input modified", *self.RELU, kind="memory")
        self.told("weights modified", "w: input modified", *self.CONV, kind="memory")
        self.told("weights kept", "SIGSEGV: touched w after create() had returned, in run()", *self.CONV, kind="fault")
        self.told("flushes to zero", "the floating-point control register is changed", *self.RELU, kind="memory")

    # ------------------------------------------------------------------------------------------------- errors and endings

    def test_errors(self):
        self.told("run fails", "run() failed: out of luck  and of memory", *self.RELU, kind="error")
        self.told("compute fails", "compute() failed: not today", *self.RELU, kind="error")
        f = self.told("lies about support", "create() failed: dilated kernels are not implemented", "--op", "conv2d", "--fill", "integers", "--quick", kind="error")
        self.assertIn("dilation", f["case"])
        nothing = self.planted("supports nothing", "--op", "conv2d,relu", "--quick", "--fill", "integers", code=0)["rows"]
        self.assertEqual([r["verdict"] for r in nothing], ["skipped", "passed"])
        self.assertEqual(nothing[0]["skipped"], "supports none of these cases")

    def test_endings(self):
        for fault, words in (("crashes", "SIGSEGV"), ("aborts", "SIGABRT"), ("exits", "ended the process with exit code 0"),
                             ("illegal instruction", "SIGILL: an instruction that this CPU lacks")):
            self.told(fault, words + ", in run()", *self.RELU, kind="fault")
        self.told("supported crashes", "SIGSEGV, in supported()", *self.CONV, kind="fault")
        self.told("unmaps its output", "SIGSEGV, after the backend had returned", *self.RELU, kind="fault")
        self.told("destroy crashes", "SIGBUS, in destroy()", *self.RELU, kind="fault")
        f = self.told("close crashes after runs", "SIGFPE, in close()", *self.CONV, kind="fault")
        self.assertEqual(f["case"], "the end")

    def test_hangs(self):
        one = ("--timeout", "1")
        for fault in ("hangs", "hangs without signals"):
            f = self.told(fault, "not done after 1 s, in run()", *self.RELU, *one, kind="fault")
            self.assertIn(" --timeout 1 ", f["again"])
        self.told("create hangs", "not done after 1 s, in create()", *self.CONV, *one, kind="fault")

    def test_goes_on(self):
        """A crash on every case is a failure of every case, and the operators behind it are judged."""
        rows = self.planted("crashes", "--op", "relu,max_pool2d", "--fill", "reals", "--quick")["rows"]
        self.assertEqual([(r["op"], r["verdict"]) for r in rows], [("relu", "failed"), ("max_pool2d", "passed")])
        self.assertGreater(rows[0]["cases"], 20)
        self.assertGreaterEqual(rows[0]["failure_count"], rows[0]["cases"] - 1)  # not on none at all

    # --------------------------------------------------------------------------------------------------- damaged, usage

    def test_damaged(self):
        """test_backend.c has all of what can be wrong; here, that it is said."""
        with open(self.path("x.so"), "w") as f:
            f.write("no library")
        self.bad(1, "conform", "--backend", self.path("x.so"), has=["x.so: cannot be loaded: ", "file too short"])
        self.bad(1, "conform", "--backend", self.path("none.so"), has="none.so: No such file or directory")
        self.bad(1, "conform", "--backend", self.folder, has="is not a file")
        for fault, words in (("other version", "does not speak version 1 of the interface"), ("no run", "operator max_pool2d: run is NULL"),
                             ("crashing constructor", "SIGSEGV, in dlopen()"), ("open fails", "open() failed: no licence found")):
            code, out, err = self.run_planted(["conform", "--backend", "./backend_planted.so", "--json"], fault)
            self.assertEqual((code, out, err), (1, "", "lanewise conform: ./backend_planted.so: %s\n" % words), fault)

    def test_wrong_usage(self):
        example = self.plugin("backend_example.so")
        self.bad(2, "conform", "--backend", example, "--op", "relu,tanh", has=['--op is "tanh"', "conv2d linear relu max_pool2d"])
        self.bad(2, "conform", "--backend", example, "--op", "relu", "--case", "nope", has=['--case is "nope"', " 4704 "])
        self.bad(2, "conform", "--backend", example, "--op", "relu", "--shape", "ic1ih1oc1kh1", has="--shape is of conv2d")
        self.bad(2, "conform", "--backend", example, "--isa", "sse", has='--isa is "sse"')
        self.bad(2, "conform", "--backend", example, "--row", "naive_relu", has="exclude each other")
        self.bad(2, "conform", "--backend", example, "--export", "x", has="exclude each other")
        self.bad(2, "conform", "--backend", "x" * 401, has="--backend is longer than 400 characters")

    def test_path_with_a_quote(self):
        """A reproducer is one command line, whatever the file is called."""
        path = self.path("my 'best' backend.so")
        shutil.copy(self.plugin("backend_planted.so"), path)
        code, out, _ = self.run_planted(["conform", "--backend", path, *self.RELU, "--json"], "dropped tail")
        self.assertEqual(code, 1)
        again = json.loads(out)["rows"][0]["failures"][0]["again"]
        self.assertEqual(shlex.split(again)[3], path)
