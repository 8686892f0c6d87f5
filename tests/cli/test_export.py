# SPDX-License-Identifier: Apache-2.0
"""`lanewise conform --export`: exported cases hold what their index says."""
import os

import export
import kit


class Export(export.Case):
    def test_export(self):
        folder, index = self.exported("--op", "max_pool2d,pad2d,u8_to_f32,linear", "--fill", "integers")
        self.assertEqual({c["op"] for c in index["cases"]}, {"max_pool2d", "pad2d", "u8_to_f32", "linear"})
        self.assertIn("NaN equals any NaN", index["judge"])
        for case in index["cases"]:
            tensors = self.tensors(folder, case)
            self.assertEqual(case["promise"], "exact")
            for t in case["tensors"]:
                self.assertEqual((t["dtype"], t["shape"]), (tensors[t["name"]][0], list(tensors[t["name"]][1])))
                self.assertEqual(t["role"] in ("oracle", "bound"), t["dtype"] == "<f8")
            y, y64, bound = (tensors[n][2] for n in ("y", "y64", "bound"))
            self.assertEqual(tensors["y64"][1], tensors["y"][1])
            self.assertTrue(all(abs(a - b) <= c for a, b, c in zip(y, y64, bound)))
        one = next(c for c in index["cases"] if c["op"] == "max_pool2d" and c["parameters"]["index"])
        self.assertEqual(self.tensors(folder, one)["index"][0], "<i4")
        pads = {c["parameters"]["mode"] for c in index["cases"] if c["op"] == "pad2d"}
        self.assertEqual(pads, {"constant", "edge", "reflect"})
        bytes_ = next(c for c in index["cases"] if c["op"] == "u8_to_f32")
        h, w, c = self.tensors(folder, bytes_)["u"][1]
        self.assertEqual([c, h, w], [bytes_["parameters"][k] for k in "chw"])

    def test_export_tells_how_much(self):
        text = self.good("conform", "--export", self.path("a"), "--op", "relu", "--case", "33")
        self.assertRegex(text, r"/a: 3 cases with their fills, 11 files, [\d.]+ KiB\n")
        files = [os.path.join(at, f) for at, _, names in os.walk(self.path("a")) for f in names]
        self.assertEqual(len(files), 11)
        self.assertFalse([f for f in files if f.endswith(".tmp")])
        self.assertFalse(os.path.exists(self.path("a/relu/33/specials/y64.npy")))

    def test_export_where_it_cannot(self):
        kit_file = self.write_pnm("file", 1, 1, [0])
        out = self.lanewise("conform", "--export", os.path.join(kit_file, "x"), "--op", "relu", "--case", "33")
        self.assertEqual(out.code, 1)
        self.assertIn("cannot be created: Not a directory", out.err)
        self.bad(2, "conform", "--export", "x", "--tap", has="--export and --tap exclude each other")
