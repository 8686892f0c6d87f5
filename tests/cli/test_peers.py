# SPDX-License-Identifier: Apache-2.0
"""The adapters of other libraries (bench/peers/), those that this build has, through `lanewise conform --backend`."""
import glob
import json
import os
import subprocess
import unittest

import kit

OPERATORS = {
    "onednn": {"conv2d", "linear", "max_pool2d", "avg_pool2d", "relu", "tanh", "add", "softmax", "log_softmax", "net"},
    "onednn-winograd": {"conv2d", "net"},
    "openblas": {"conv2d", "linear"},
    "xnnpack": {"conv2d", "linear", "max_pool2d", "avg_pool2d", "relu", "softmax", "net"},
}
MEASURED = {("onednn", "softmax"), ("onednn", "log_softmax"), ("onednn-winograd", "conv2d"), ("onednn-winograd", "net"),
            ("xnnpack", "softmax")}


class Peers(kit.Case):
    def setUp(self):
        super().setUp()
        build = os.path.dirname(os.path.dirname(kit.BINARY))
        self.files = {os.path.basename(f)[len("lanewise-backend-"):-len(".so")]: f
                      for f in glob.glob(os.path.join(build, "lib", "lanewise-backend-*.so"))}
        if not self.files:
            raise unittest.SkipTest("no library was found when this was built: bench/run --peers installs some")

    def conform(self, name, *arguments):
        """Its JSON."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("LANEWISE_", "DNNL_", "ONEDNN_", "OPENBLAS_", "OMP_"))}
        done = subprocess.run([kit.BINARY, "conform", "--backend", self.files[name], *arguments, "--json"], capture_output=True,
                              text=True, timeout=600, stdin=subprocess.DEVNULL, env=clean)
        self.assertEqual(done.stderr, "", (name, arguments))
        result = json.loads(done.stdout)
        if name == "onednn-winograd" and {r["verdict"] for r in result["rows"]} == {"skipped"}:
            self.skipTest("this oneDNN has no Winograd on this CPU")  # only some versions have it, on AVX-512
        self.assertEqual(done.returncode, 0, (name, arguments, done.stdout))
        return result

    def test_conform(self):
        for name in self.files:
            with self.subTest(name):
                result = self.conform(name, "--quick")
                self.assertEqual(result["backend"]["name"], name)
                self.assertRegex(result["backend"]["version"], r"^\d|^unknown$")
                rows = {r["op"]: r for r in result["rows"]}
                self.assertEqual(set(rows), OPERATORS[name])
                for op, row in rows.items():
                    self.assertEqual(row["verdict"], "passed")
                    self.assertEqual(row["promise"], "measured" if (name, op) in MEASURED else "bound", (name, op))
                    self.assertGreater(row["cases"], 20 if op != "net" else 0 if name == "onednn-winograd" else 5, (name, op))

    def test_two_threads(self):
        for name in self.files:
            with self.subTest(name):
                result = self.conform(name, "--shape", "mb2ic32ih9iw20oc32oh9ow20kh3ph1", "--threads", "2")
                self.assertEqual([(r["op"], r["verdict"], r["cases"]) for r in result["rows"]], [("conv2d", "passed", 1)])

    def test_isa(self):
        for name in self.files:
            with self.subTest(name):
                done = self.lanewise("conform", "--backend", self.files[name], "--op", "conv2d", "--quick", "--isa", "neon")
                self.assertEqual((done.code, done.out), (1, ""))
                library = name.split("-")[0]
                self.assertIn(f'{self.files[name]}: open() failed: {library}: isa is "neon", ', done.err)
