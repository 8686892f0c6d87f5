# SPDX-License-Identifier: Apache-2.0
"""`lanewise accuracy` against NumPy: the float pass of mode exact is made again here, one rounding per multiply-add, beside the same
in double, so every error, bound and root mean square is computed twice. Planted faults (planted.c) must be found."""
import json
import math
import os
import subprocess
import unittest

import kit

try:
    import numpy
except ImportError:
    numpy = None

U = 2.0**-24
LENET5 = [("conv1", "conv2d", 2), ("relu1", "relu", 0), ("pool1", "max_pool2d", 0), ("conv2", "conv2d", 0), ("relu2", "relu", 0),
          ("pool2", "max_pool2d", 0), ("fc1", "linear", 0), ("relu3", "relu", 0), ("fc2", "linear", 0), ("relu4", "relu", 0),
          ("fc3", "linear", 0)]
NET = [("conv1", "conv2d", 0), ("relu1", "relu", 0), ("pool1", "max_pool2d", 0), ("conv2", "conv2d", 0), ("relu2", "relu", 0),
       ("pool2", "max_pool2d", 0), ("fc", "linear", 0)]


def safetensors(path):
    """https://huggingface.co/docs/safetensors: length of a JSON header, the header, the bytes."""
    with open(path, "rb") as f:
        data = f.read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, t in header.items():
        if name != "__metadata__":
            first, last = t["data_offsets"]
            tensors[name] = numpy.frombuffer(data[8 + length + first:8 + length + last], "<f4").reshape(t["shape"])
    return tensors


def taps(x, w, pad):
    """The terms of a convolution or a linear layer in their order, (x's values for all pixels, w's for all channels)."""
    if w.ndim == 2:
        for i, value in enumerate(x.reshape(-1)):
            yield numpy.full((1, 1), value), w[:, i]
        return
    x = numpy.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    kernel = w.shape[2]
    oh, ow = x.shape[1] - kernel + 1, x.shape[2] - kernel + 1
    for c in range(x.shape[0]):
        for i in range(kernel):
            for j in range(kernel):
                yield x[c, i:i + oh, j:j + ow], w[:, c, i, j]


def chain(x, w, b, pad):
    """(float y, double y, bound): a product of two floats is exact in double, and what double rounds besides the float is far too
    little to matter. The running error bound of docs/numerics.md."""
    y32 = y64 = bound = None
    for values, weights in taps(x, w, pad):
        if y32 is None:
            shape = (len(b), *values.shape)
            y64 = numpy.broadcast_to(b.astype("f8")[:, None, None], shape).copy()
            y32, bound = y64.copy(), numpy.zeros(shape)
        product = weights.astype("f8")[:, None, None] * values.astype("f8")[None]
        y32 = (y32 + product).astype("f4").astype("f8")
        y64 = y64 + product
        bound = numpy.where(product != 0, bound + U * (abs(y64) + bound) + 2.0**-150, bound)
    return y32.astype("f4"), y64, bound


def other(kind, x):
    if kind == "relu":
        return numpy.maximum(x, 0)
    c, h, w = x.shape
    return x[:, :h // 2 * 2, :w // 2 * 2].reshape(c, h // 2, 2, w // 2, 2).max(axis=(2, 4))


def passes(layers, tensors, x):
    """Of each layer (name, kind, errors on its own input, double y, bound, errors since the input, double y since the input)."""
    wide = x.astype("f8")
    for name, kind, pad in layers:
        if kind in ("conv2d", "linear"):
            w, b = tensors[name + ".weight"], tensors[name + ".bias"]
            y, y64, bound = chain(x, w, b, pad)
            wide = chain(wide, w, b, pad)[1]
        else:
            y = other(kind, x)
            y64, bound, wide = y.astype("f8"), numpy.zeros(y.shape), other(kind, wide)
        yield name, kind, y - y64, y64, bound, y - wide, wide
        x = y


@unittest.skipIf(numpy is None, "NumPy is missing")
class Numbers(kit.Case):
    def close(self, got, want, what):
        self.assertTrue(math.isclose(got, want, rel_tol=1e-5, abs_tol=1e-30), (what, got, want))

    def check_errors(self, got, errors, y, what):
        rms = math.sqrt((y**2).mean())
        self.assertEqual(got["outputs"], y.size, what)
        self.close(got["rms"], rms, what)
        self.close(got["rms_error"], math.sqrt((errors**2).mean()), what)
        self.close(got["largest_error"], abs(errors).max(), what)
        self.close(got["ulp"], float(numpy.spacing(numpy.float32(rms))), what)

    def check(self, net, layers, x, pgm, *more):
        weights = self.path("weights.safetensors")
        self.good("init", net, weights, "--seed", "5")
        result = self.json("accuracy", "--net", net, "--weights", weights, "--image", pgm, "--json", *more)
        self.assertEqual([(l["layer"], l["kind"]) for l in result["layers"]], [l[:2] for l in layers])
        self.assertEqual((result["net"], result["image"], result["random_weights"]), (net, pgm, False))
        for got, want in zip(result["layers"], passes(layers, safetensors(weights), x)):
            name, _, errors, y64, bound, since, wide = want
            for mode in got["modes"].values():
                self.check_errors(mode["own"], errors, y64, name)
                self.check_errors(mode["since_input"], since, wide, name)
                ratio = abs(errors)[bound > 0] / bound[bound > 0]
                self.close(mode["own"]["error_over_bound"], ratio.max() if ratio.size else 0, name)
        return result

    def digit(self):
        pixels = bytes((i * 37 + i // 28 * 11) % 256 for i in range(28 * 28))
        x = numpy.frombuffer(pixels, "u1").astype("f4").reshape(1, 28, 28) / numpy.float32(255)
        return x, self.write_pnm("digit.pgm", 28, 28, pixels)

    def test_lenet5(self):
        x, pgm = self.digit()
        result = self.check("lenet5", LENET5, x, pgm)
        self.assertEqual(result["within_bounds"], {"exact": True, "fast": True})
        for mode in ("exact", "fast"):
            one = self.check("lenet5", LENET5, x, pgm, "--mode", mode)
            self.assertEqual(one["within_bounds"], {mode: True})

    def test_net(self):
        pixels = bytes((i * 29 + i // 32 * 7) % 256 for i in range(32 * 32 * 3))
        ppm = self.write_pnm("image.ppm", 32, 32, pixels, 3)
        u = numpy.frombuffer(pixels, "u1").astype("f4").reshape(32, 32, 3).transpose(2, 0, 1)
        self.check("net", NET, u / numpy.float32(255), ppm, "--mode", "exact")


class Accuracy(kit.Case):
    def test_text(self):
        text = self.good("accuracy", "--threads", "1")
        self.assertRegex(text, r"^lenet5, weights: .*, image: .*digit_7\.png, ISA \w+, 1 threads, [\d.]+ s\n")
        self.assertRegex(text, r"\nconv1 +exact +\w+ +0\.\d+ +[\d.]+ +[\d.]+ +[\d.]+e-08 +[\d.]+e-0\d +[\d.]+e-08 ")
        self.assertRegex(text, r"\n +fast +\w+ +0\.\d+ ")
        self.assertIn("\n6 layers (relu, max_pool2d, dropout) have no error of their own.\n", text)
        self.assertRegex(text, r"\nexact  within its bounds, largest error / bound 0\.\d+ \(\w+\); after the whole pass rms error ")
        self.assertRegex(text, r"\nfast   within its bounds, ")
        self.assertNotIn("seeded outputs", text)
        one = self.good("accuracy", "--mode", "fast", "--net", "lenet5_1998", "--seed", "3")
        self.assertNotIn("exact", one)
        self.assertRegex(one, r"\ntanh1 +fast +0\.\d+ ")
        self.assertRegex(one, r"\ns2 +fast +\w* +0\.\d+ ")

    def test_same_on_every_isa_and_thread_count(self):
        def layers(*more):
            result = self.json("accuracy", "--seed", "2", "--json", *more)
            for layer in result["layers"]:
                for mode in layer["modes"].values():
                    mode.pop("algorithm")
            return result["layers"]

        first = layers("--threads", "1")
        self.assertEqual(layers("--threads", "3"), first)
        self.assertEqual(layers("--isa", "naive"), first)
        self.assertEqual(layers("--full"), first)  # no layer of LeNet-5 is large

    def test_planted_fault(self):
        binary = os.path.join(os.path.dirname(kit.BINARY), "lanewise_planted")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LANEWISE_")}

        def run(fault, *more):
            return subprocess.run([binary, "accuracy", "--seed", "1", "--isa", "naive", *more], capture_output=True, text=True,
                                  timeout=120, env={**clean, "PLANTED": fault})

        self.assertEqual(run("").returncode, 0)
        done = run("skipped bias", "--json")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        result = json.loads(done.stdout)
        self.assertEqual(result["within_bounds"], {"exact": False, "fast": False})
        wrong = [l["layer"] for l in result["layers"] if float(l["modes"]["exact"]["own"]["error_over_bound"]) > 1]
        self.assertEqual(wrong, ["conv1", "conv2"])
        done = run("skipped bias", "--mode", "exact")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"\nexact  OUTSIDE OF ITS BOUNDS, largest error / bound \S+ \(conv1\)")

    def test_bad_input(self):
        self.bad(1, "accuracy", "--image", self.path("none.png"), has=["none.png"])
        self.bad(1, "accuracy", "--net", "vgg16", has=["no weights for vgg16", "--seed 1"])
        self.bad(2, "accuracy", "digit.png", has=['"digit.png" is one argument too many', "--image"])
        self.bad(2, "accuracy", "--mode", "quick", has=['--mode is "quick"'])
        self.bad(2, "accuracy", "--net", "lenet", has=['--net is "lenet"'])
        weights = self.path("nan.safetensors")
        self.good("init", "lenet5", weights)
        with open(weights, "r+b") as f:
            f.seek(-4, os.SEEK_END)
            f.write(b"\x00\x00\xc0\x7f")
        self.bad(1, "accuracy", "--weights", weights, has=["is nan, expected finite weights"])
