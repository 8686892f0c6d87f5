# SPDX-License-Identifier: Apache-2.0
import math
import os
import random
import struct

import kit

PRESETS = {"identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]], "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
           "blur": [[v / 16 for v in row] for row in ([1, 2, 1], [2, 4, 2], [1, 2, 1])], "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
           "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
           "sobel_y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]}


def to_byte(v):
    return min(255, max(0, round(v)))  # Python rounds halves to even too


def correlate(w, h, plane, kernel, valid=False):
    """The definition, on one plane of any numbers; sums of small numbers are exact in double and in f32."""
    kh, kw = len(kernel), len(kernel[0])
    top, left = (0, 0) if valid else (kh // 2, kw // 2)
    oh, ow = (h - kh + 1, w - kw + 1) if valid else (h, w)

    def at(y, x):
        return plane[y * w + x] if 0 <= y < h and 0 <= x < w else 0
    return ow, oh, [sum(at(y + i - top, x + j - left) * kernel[i][j] for i in range(kh) for j in range(kw)) for y in range(oh) for x in range(ow)]


class Filter(kit.Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(7)
        self.w, self.h = 13, 9
        self.pixels = [self.random.randrange(256) for _ in range(self.w * self.h)]
        self.image = self.write_pnm("in.pgm", self.w, self.h, self.pixels)
        self.out = self.path("out.pgm")

    def filtered(self, *arguments, image=None, out=None):
        self.assertEqual(self.good("filter", *arguments, image or self.image, out or self.out), "")
        return kit.read_pnm(out or self.out)

    def test_presets(self):
        for name, kernel in PRESETS.items():
            for valid in (False, True):
                w, h, expected = correlate(self.w, self.h, self.pixels, kernel, valid)
                self.assertEqual(self.filtered(*["--valid"] * valid, name), (w, h, 1, bytes(map(to_byte, expected))), name)

    def test_sobel(self):
        x, y = (correlate(self.w, self.h, self.pixels, PRESETS[name])[2] for name in ("sobel_x", "sobel_y"))
        self.assertEqual(self.filtered("sobel")[3], bytes(to_byte(math.hypot(a, b)) for a, b in zip(x, y)))

    def test_own_kernels(self):
        for text, kernel in (("0 -1 0; -1 5 -1; 0 -1 0", PRESETS["sharpen"]), ("0,-1,0;-1,5,-1;0,-1,0;", PRESETS["sharpen"]),
                             ("2", [[2]]), ("1 0 0 0 0", [[1, 0, 0, 0, 0]]), ("1;0;0", [[1], [0], [0]]), ("0.5 -.25 25e-2", [[.5, -.25, .25]])):
            expected = bytes(map(to_byte, correlate(self.w, self.h, self.pixels, kernel)[2]))
            self.assertEqual(self.filtered("--kernel", text)[3], expected, text)
        for isa in ("ref", "naive"):
            self.assertEqual(self.filtered("--kernel", text, "--isa", isa)[3], expected)

    def test_colour_is_filtered_per_channel(self):
        planes = [[self.random.randrange(256) for _ in range(20)] for _ in range(3)]
        image = self.write_pnm("in.ppm", 5, 4, [planes[k][i] for i in range(20) for k in range(3)], c=3)
        sharp = [list(map(to_byte, correlate(5, 4, p, PRESETS["sharpen"])[2])) for p in planes]
        w, h, c, pixels = self.filtered("sharpen", image=image, out=self.path("out.ppm"))
        self.assertEqual((w, h, c, list(pixels)), (5, 4, 3, [sharp[k][i] for i in range(20) for k in range(3)]))
        gray = [to_byte(.299 * r + .587 * g + .114 * b) for r, g, b in zip(*planes)]
        self.assertEqual(list(self.filtered("grayscale", image=image)[3]), gray)
        self.assertEqual(self.filtered("grayscale")[3], bytes(self.pixels))

    def test_a_chain_is_rounded_once(self):
        blurred = correlate(self.w, self.h, self.pixels, PRESETS["blur"])[2]
        expected = bytes(map(to_byte, correlate(self.w, self.h, blurred, PRESETS["outline"])[2]))
        self.assertEqual(self.filtered("blur,outline")[3], expected)
        self.assertEqual(self.filtered("blur,kernel", "--kernel", "-1 -1 -1; -1 8 -1; -1 -1 -1")[3], expected)

    def test_moves(self):
        rows = [self.pixels[y * self.w:(y + 1) * self.w] for y in range(self.h)]

        def expect(name, rows):
            self.assertEqual(self.filtered(name), (len(rows[0]), len(rows), 1, bytes(sum(rows, []))), name)
        expect("crop:5x4+2+3", [r[2:7] for r in rows[3:7]])
        expect("crop:13x9+0+0", rows)
        expect("flip:h", [r[::-1] for r in rows])
        expect("flip:v", rows[::-1])
        expect("flip:hv", [r[::-1] for r in rows[::-1]])
        expect("pad:2", [[0] * 17] * 2 + [[0, 0] + r + [0, 0] for r in rows] + [[0] * 17] * 2)
        wide = [r[:1] * 2 + r + r[-1:] * 2 for r in rows]
        expect("pad:2:edge", wide[:1] * 2 + wide + wide[-1:] * 2)
        wide = [r[2:0:-1] + r + r[-2:-4:-1] for r in rows]
        expect("pad:2:reflect", wide[2:0:-1] + wide + wide[-2:-4:-1])
        expect("resize:13x9", rows)
        # One pixel from two by two: their mean. Twice as wide: half-pixel centres, quarters in between.
        image = self.write_pnm("two.pgm", 2, 2, [0, 100, 40, 60])
        self.assertEqual(self.filtered("resize:1x1", image=image), (1, 1, 1, bytes([50])))
        self.assertEqual(self.filtered("resize:4x2", image=image)[3], bytes([0, 25, 75, 100, 40, 45, 55, 60]))

    def test_formats(self):
        scene = os.path.join(kit.SAMPLES, "scene_small.")
        ppm = kit.read_pnm(scene + "ppm")
        self.good("filter", "identity", scene + "ppm", self.path("a.PNG"))
        self.assertEqual(kit.read_png(self.path("a.PNG")), ppm)
        self.assertEqual(self.filtered("identity", image=scene + "png", out=self.path("a.ppm")), ppm)
        self.assertEqual(self.filtered("identity", image=scene + "pgm"), kit.read_pnm(scene + "pgm"))
        self.assertEqual(self.filtered("identity", image=os.path.join(kit.SAMPLES, "scene.jpg"), out=self.path("b.ppm"))[:3], (640, 480, 3))
        # 16 bits and a palette, both brought to 8 bits.
        deep = kit.write_png(self.path("deep.png"), 2, 1, 16, 0, [struct.pack(">HH", 257 * 200, 65535)])
        self.assertEqual(self.filtered("identity", image=deep), (2, 1, 1, bytes([200, 255])))
        palette = kit.write_png(self.path("palette.png"), 2, 1, 8, 3, [bytes([1, 0])], kit.chunk(b"PLTE", bytes([1, 2, 3, 4, 5, 6])))
        self.assertEqual(self.filtered("identity", image=palette, out=self.path("c.ppm")), (2, 1, 3, bytes([4, 5, 6, 1, 2, 3])))
        wide = self.write_pnm("wide.pgm", 100000, 1, bytes(i % 251 for i in range(100000)))
        self.assertEqual(self.filtered("identity", image=wide), kit.read_pnm(wide))

    def test_wrong_files(self):
        def bad(image, *has, out=self.out, name="blur"):
            self.bad(1, "filter", name, image, out, has=[*has, image if out == self.out else out])
        with open(self.out, "wb") as f:
            f.write(b"old")
        bad(self.path("missing.png"), "No such file")
        bad(self.folder, "cannot be")
        empty = self.write_pnm("empty.pgm", 0, 5, b"")
        bad(empty, "0 x 5 pixels")
        huge = self.write_pnm("huge.pgm", 100000, 100000, b"")
        bad(huge, "100000 x 100000 pixels")
        bad(kit.write_png(self.path("huge.png"), 100000, 100000, 8, 0, []), "100000 x 100000")
        text = self.path("text.png")
        with open(text, "w") as f:
            f.write("hello")
        bad(text, "expected PNG, JPEG or PNM")
        bad(self.image, "crop:14x9+0+0", "reaches past the image of 13x9", name="crop:14x9+0+0")
        bad(self.image, "expected fewer than the image of 13x9", name="pad:9:reflect")
        bad(self.image, "pixels, expected at most", name="resize:200000x200000")
        self.bad(1, "filter", "--valid", "--kernel", ";".join(["1"] * 11), self.image, self.out, has=["11 x 1", "9 x 13"])
        self.assertEqual(kit.read(self.out), b"old")
        bad(self.image, "expected .png, .pgm, .ppm or .pnm", out=self.path("out.gif"))
        bad(self.image, "expected 3", out=self.path("out.ppm"))
        bad(self.image, "No such file", out=self.path("no/folder/out.pgm"))
        self.assertEqual(sorted(n for n in os.listdir(self.folder) if "out" in n or "tmp" in n), ["out.pgm"])
        os.symlink("/dev/full", self.path("full.png"))
        bad(self.image, "No space left on device", out=self.path("full.png"))

    def test_wrong_usage(self):
        self.bad(2, "filter", has="expected NAME, IN and OUT")
        self.bad(2, "filter", "blur", self.image, has="expected NAME, IN and OUT")
        self.bad(2, "filter", "blur", self.image, self.out, "more", has='"more" is one argument too many')
        self.bad(2, "filter", "glow", self.image, self.out, has=['"glow" is no filter', "sharpen, blur, emboss", "flip or pad"])
        self.bad(2, "filter", "blur,,blur", self.image, self.out, has='"" is no filter')
        self.bad(2, "filter", "kernel", self.image, self.out, has="wants a kernel")
        for step, form in (("blur:3", "blur"), ("resize", "resize:WxH"), ("resize:0x5", "resize:WxH"), ("resize:5", "resize:WxH"),
                           ("resize:99999999999999999999x1", "resize:WxH"), ("crop:2x2", "crop:WxH+LEFT+TOP"), ("crop:2x2+-1+0", "crop:"),
                           ("flip:x", "flip:h | flip:v"), ("flip", "flip:h"), ("pad:-1", "pad:N"), ("pad:1:mirror", "pad:N[:black|edge|reflect]")):
            self.bad(2, "filter", step, self.image, self.out, has=[f'"{step}" is not of the form {form}'])
        for text, has in (("1 2; 3 4", "2 rows of 2 numbers, expected odd sizes"), ("", "0 rows"), ("1 2 3; 4", "row 2 has 1 numbers, expected 3"),
                          ("1 x 3", '"x 3" is no finite number, row 1'), ("1 nan 3", "no finite number"), ("1 1e99 3", "no finite number"),
                          ("1 2x 3", "no finite number"), (";1", "row 2 has 1 numbers, expected 0")):
            self.bad(2, "filter", "--kernel", text, self.image, self.out, has=["--kernel: ", has])
        self.bad(2, "filter", ",".join(["blur"] * 65), self.image, self.out, has="more than 64 filters")
        self.assertFalse(os.path.exists(self.out))

    def test_list(self):
        listed = self.good("filter", "--list")
        for name in [*PRESETS, "sobel", "kernel", "grayscale", "resize:WxH", "crop:WxH+LEFT+TOP", "flip:h", "pad:N"]:
            self.assertRegex(listed, rf"(?m)^{name.replace('+', '[+]')}\b")
