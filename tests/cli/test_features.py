# SPDX-License-Identifier: Apache-2.0
import os

import kit
import lenet

LINE, BACK, RED, ABOVE, BELOW = (64, 84, 120), (24, 34, 52), (255, 0, 0), (232, 232, 232), (236, 132, 60)
LAYERS = [["input", [1, 28, 28]], ["conv1", [6, 28, 28]], ["relu1", [6, 28, 28]], ["pool1", [6, 14, 14]], ["conv2", [16, 10, 10]],
          ["relu2", [16, 10, 10]], ["pool2", [16, 5, 5]], ["fc1", [120, 1, 1]], ["relu3", [120, 1, 1]], ["fc2", [84, 1, 1]],
          ["relu4", [84, 1, 1]], ["fc3", [10, 1, 1]]]


class Sheet:
    def __init__(self, path):
        self.w, self.h, c, self.pixels = kit.read_pnm(path)
        assert c == 3

    def run(self, x, y, count):
        return self.pixels[3 * (y * self.w + x):3 * (y * self.w + x + count)]

    def at(self, x, y):
        return tuple(self.run(x, y, 1))

    def tile(self, left, top, w, h, zoom):
        """The grays of a map whose frame begins there; every pixel of it must be zoom x zoom."""
        frame = bytes(LINE) * (w * zoom + 2)
        assert self.run(left, top, w * zoom + 2) == self.run(left, top + h * zoom + 1, w * zoom + 2) == frame
        grays = []
        for y in range(h):
            rows = {self.run(left, top + 1 + y * zoom + j, w * zoom + 2) for j in range(zoom)}
            assert len(rows) == 1, f"row {y} is not {zoom} times the same"
            row = rows.pop()
            assert row[:3] == row[-3:] == bytes(LINE)
            for x in range(w):
                pixel = row[3 + 3 * x * zoom:6 + 3 * x * zoom]
                assert row[3 + 3 * x * zoom:3 + 3 * (x + 1) * zoom] == pixel * zoom, f"pixel {x}, {y}"
                assert pixel in (pixel[:1] * 3, bytes(RED))
                grays.append("red" if pixel == bytes(RED) else pixel[0])
        return grays


def scaled(values, lo=None, hi=None):
    lo, hi = min(values) if lo is None else lo, max(values) if hi is None else hi
    return [int((v - lo) / (hi - lo) * 255 + .5) if hi > lo else 0 for v in values]


class Features(kit.Case):
    def setUp(self):
        super().setUp()
        self.weights = lenet.save(self.path("lenet.safetensors"))
        self.digit = os.path.join(kit.SAMPLES, "digit_7.png")
        self.pixels = list(kit.read_png(self.digit)[3])
        self.out = self.path("out.ppm")

    def drawn(self, *arguments):
        self.assertEqual(self.good("features", *arguments, self.digit, self.out), "")
        return Sheet(self.out)

    def near(self, drawn, expected):
        """A gray may differ by one where f32 falls on the other side of a half."""
        self.assertEqual(len(drawn), len(expected))
        self.assertLessEqual(max(abs(a - b) for a, b in zip(drawn, expected)), 1)

    def test_convolution(self):
        """Six maps of 28x28 in two rows, twelve times as large."""
        moved = [self.pixels[i - 1] if i % 28 else 0 for i in range(784)]
        for scale in ("own", "shared"):
            sheet = self.drawn("--weights", self.weights, "--layer", "conv1", "--scale", scale)
            self.assertEqual((sheet.w, sheet.h), (3 * 337 + 1, 2 * 337 + 1))
            tiles = [sheet.tile(i % 3 * 337, i // 3 * 337, 28, 28, 12) for i in range(6)]
            lo, hi = (None, None) if scale == "own" else (-255, 255)
            self.near(tiles[0], scaled(self.pixels, lo, hi))
            self.near(tiles[1], scaled([-p for p in self.pixels], lo, hi))
            self.near(tiles[2], scaled(moved, lo, hi))
            self.near(tiles[3], scaled([127.5] * 784, lo, hi))
            self.near(tiles[4], scaled([0] * 784, lo, hi))

    def test_layers_below_one_another(self):
        sheet = self.drawn("--weights", self.weights, "--layer", "pool1,input")
        self.assertEqual((sheet.w, sheet.h), (6 * 169 + 1, 226 + 12 + 170))
        self.near(sheet.tile(0, 0, 28, 28, 8), scaled(self.pixels))
        self.near(sheet.tile(0, 238, 14, 14, 12), scaled(lenet.pool(28, 28, self.pixels)))
        self.near(sheet.tile(169, 238, 14, 14, 12), [0] * 196)  # ReLU of the negative
        self.assertEqual({sheet.at(300, 100), sheet.at(500, 232)}, {BACK})
        everything = self.drawn("--weights", self.weights)
        self.assertEqual(everything.tile(0, 0, 28, 28, 8), sheet.tile(0, 0, 28, 28, 8))
        self.assertEqual(everything.w, 1015)
        self.assertEqual(self.good("features", "--weights", self.weights, "--layer", "fc3", self.digit, self.path("out.png")), "")
        self.assertEqual(kit.read_png(self.path("out.png"))[3], self.drawn("--weights", self.weights, "--layer", "fc3").pixels)

    def test_bars(self):
        """fc3: ten bars of 32 pixels around the line of zero."""
        logits = lenet.logits(self.pixels)
        sheet = self.drawn("--weights", self.weights, "--layer", "fc3")
        self.assertEqual((sheet.w, sheet.h), (322, 130))
        lo, hi = min(0, *logits), max(0, *logits)
        zero = round(hi / (hi - lo) * 127)
        for i, value in enumerate(logits):
            column = [sheet.at(1 + 32 * i + 15, 1 + y) for y in range(128)]
            end = round((hi - value) / (hi - lo) * 127)
            self.assertAlmostEqual(column.count(ABOVE), max(0, zero - end), delta=1)
            self.assertAlmostEqual(column.count(BELOW), max(0, end - zero), delta=1)
            self.assertEqual(column[zero], LINE)
        self.assertEqual(sheet.at(32, 64), BACK)  # the gap

    def test_no_numbers_are_red(self):
        weights = lenet.save(self.path("nan"), {("conv1.weight", 12): 1, ("conv1.weight", 37): float("nan"), ("fc3.bias", 3): float("inf")})
        sheet = self.drawn("--weights", weights, "--layer", "conv1")
        self.near(sheet.tile(0, 0, 28, 28, 12), scaled(self.pixels))
        self.assertEqual(set(sheet.tile(337, 0, 28, 28, 12)), {"red"})
        self.assertEqual({self.drawn("--weights", weights, "--layer", "fc3").at(1 + 96 + 8, 1 + y) for y in range(128)}, {RED})

    def test_every_isa_draws_alike(self):
        bytes_of = set()
        for isa in (i["name"] for i in self.json("info", "--json")["isas"] if i["runnable"]):
            self.drawn("--seed", "1", "--isa", isa)
            bytes_of.add(kit.read(self.out))
        self.assertEqual(len(bytes_of), 1)

    def test_list(self):
        self.assertEqual(self.json("features", "--layer", "list", "--json"), [{"layer": name, "shape": shape} for name, shape in LAYERS])
        self.assertIn("classifier.1 + classifier.2      4096x1x1\n", self.good("features", "--net", "vgg16", "--layer", "list"))
        # Layers that run as one step have one picture.
        self.assertEqual(self.drawn("--seed", "1", "--layer", "relu1,relu1").pixels, self.drawn("--seed", "1", "--layer", "relu1").pixels)

    def test_wrong(self):
        def bad(code, *arguments, has):
            self.bad(code, "features", *arguments, has=has)
            self.assertFalse(os.path.exists(self.out))
        bad(2, has="expected IMAGE and OUT")
        bad(2, self.digit, has="expected IMAGE and OUT")
        bad(2, self.digit, self.out, "more", has='"more" is one argument too many')
        bad(2, "--seed", "1", "--layer", "conv3", self.digit, self.out, has=['--layer names "conv3"', "all, list, input, conv1, relu1", "or fc3"])
        bad(2, "--seed", "1", "--layer", "conv1,", self.digit, self.out, has='--layer names ""')
        bad(2, "--scale", "big", self.digit, self.out, has='--scale is "big", expected own or shared')
        bad(1, "--net", "vgg16", self.digit, self.out, has="no weights for vgg16")
        bad(1, "--seed", "1", self.path("none.png"), self.out, has=["none.png", "No such file"])
        thin = self.write_pnm("thin.pgm", 100, 1, bytes(100))
        bad(1, "--net", "vgg16", "--seed", "1", thin, self.out, has=[thin, "at most 64 times"])
        bad(1, "--seed", "1", self.digit, self.path("out.gif"), has=["out.gif", "expected .png"])
        bad(1, "--seed", "1", self.digit, self.path("out.pgm"), has=["out.pgm", "expected 1"])
        os.symlink("/dev/full", self.path("full.png"))
        bad(1, "--seed", "1", self.digit, self.path("full.png"), has=["full.png", "No space left"])
