# SPDX-License-Identifier: Apache-2.0
"""Exported cases as NumPy reads them."""
import os
import unittest

import export

try:
    import numpy
except ImportError:
    numpy = None


class ExportNumpy(export.Case):
    @unittest.skipUnless(numpy, "numpy is not installed")
    def test_exported_convolution(self):
        """y64, y and bound against a convolution in float64 that shares nothing with ours."""
        folder, index = self.exported("--shape", "mb2ic6ih7iw9oc4g2kh3kw2sh2sw1ph1pw1dh1dw0", "--fill", "reals")
        case = index["cases"][0]
        p = case["parameters"]
        t = {a["name"]: numpy.load(os.path.join(folder, case["folder"], a["file"])) for a in case["tensors"]}
        for a in case["tensors"]:
            self.assertEqual((t[a["name"]].dtype.str, list(t[a["name"]].shape)), (a["dtype"], a["shape"]))
            self.assertTrue(t[a["name"]].flags["C_CONTIGUOUS"])
        x = numpy.pad(t["x"].astype(numpy.float64),
                      ((0, 0), (0, 0), (p["pad_top"], p["pad_bottom"]), (p["pad_left"], p["pad_right"])))
        w, (n, oc, oh, ow) = t["w"].astype(numpy.float64), t["y"].shape
        expected = numpy.zeros((n, oc, oh, ow)) + t["bias"].astype(numpy.float64)[None, :, None, None]
        for o in range(oc):
            first = o // (oc // p["groups"]) * w.shape[1]
            for i in range(p["kh"]):
                for k in range(p["kw"]):
                    top, left = i * p["dilation_h"], k * p["dilation_w"]
                    taps = x[:, first:first + w.shape[1], top:top + (oh - 1) * p["stride_h"] + 1:p["stride_h"],
                             left:left + (ow - 1) * p["stride_w"] + 1:p["stride_w"]]
                    expected[:, o] += numpy.einsum("nchw,c->nhw", taps, w[o, :, i, k])
        self.assertTrue((numpy.abs(t["y"] - expected) <= t["bound"]).all())
        self.assertTrue((numpy.abs(t["y64"] - expected) <= 1e-6 * t["bound"]).all())
        self.assertTrue((t["bound"] > 0).all() and (t["bound"] < 1e-5).all())
