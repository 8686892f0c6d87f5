# SPDX-License-Identifier: Apache-2.0
import gzip
import os
import struct

import kit


def halves(folder, ending, of):
    for half in ("train", "t10k"):
        for what in ("images-idx3", "labels-idx1"):
            yield half, what, of(kit.read(os.path.join(folder, f"{half}-{what}-ubyte{ending}")))


class Digits(kit.Case):
    def test_files(self):
        small, packed = self.path("small"), self.path("packed")
        text = self.good("digits", "--out", small, "--train", "30", "--test", "20")
        self.assertIn("train-labels-idx1-ubyte: 30 images\n", text)
        self.good("digits", "--out", packed, "--train", "30", "--test", "20", "--gzip")
        self.assertEqual(len(os.listdir(packed)), 4)
        for (half, what, data), (_, _, same) in zip(halves(small, "", bytes), halves(packed, ".gz", gzip.decompress)):
            count = 30 if half == "train" else 20
            self.assertEqual(data, same)
            if what == "images-idx3":
                self.assertEqual(data[:16], struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28))
                self.assertEqual(len(data), 16 + 784 * count)
            else:
                self.assertEqual(data[:8], struct.pack(">4BI", 0, 0, 8, 1, count))
                self.assertEqual(len(data), 8 + count)
                self.assertTrue(set(data[8:]) <= set(range(10)))

    def test_they_are_the_built_in_ones(self):
        folder = self.path("set")
        self.good("digits", "--out", folder, "--train", "50", "--test", "50")
        for split in ("train", "test"):
            written, built_in = (self.json("evaluate", "--json", "--seed", "5", "--limit", "50", "--split", split, "--data", data)
                                 for data in (folder, "digits"))
            self.assertEqual(written["confusion"], built_in["confusion"])

    def test_seed_and_numbers(self):
        folders = [self.path(name) for name in "abc"]
        for folder, more in zip(folders, (["--seed", "1"], ["--seed", "2"], ["--train", "0"])):
            self.good("digits", "--out", folder, "--train", "3", "--test", "2", *more)
        first = [kit.read(f"{folder}/t10k-images-idx3-ubyte") for folder in folders]
        self.assertNotEqual(first[0], first[1])
        self.assertEqual(first[0], first[2])
        self.assertEqual(sorted(os.listdir(folders[2])), ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
        # The training images of a larger set do not reach into its test images.
        self.good("digits", "--out", folders[0], "--train", "60001", "--test", "1")
        self.assertEqual(kit.read(f"{folders[0]}/train-images-idx3-ubyte")[-784:], first[2][16:16 + 784])
        self.assertEqual(kit.read(f"{folders[0]}/t10k-images-idx3-ubyte")[16:], first[2][16 + 784:])

    def test_sheet(self):
        sheet, folder = self.path("sheet.png"), self.path("set")
        text = self.good("digits", "--sheet", sheet, "--seed", "9", "--out", folder, "--train", "100", "--test", "0")
        labels = kit.read(f"{folder}/train-labels-idx1-ubyte")[8:]
        self.assertEqual([int(n) for n in text.split("\n", 2)[2].split()], list(labels))
        w, h, c, pixels = kit.read_png(sheet)
        self.assertEqual((w, h, c), (580, 580, 1))
        images = kit.read(f"{folder}/train-images-idx3-ubyte")[16:]
        for i in (0, 7, 42, 99):
            for y in range(28):
                row = pixels[((i // 10) * 58 + 1 + 2 * y) * w + i % 10 * 58 + 1:][:56]
                self.assertEqual(row[::2], images[i * 784 + y * 28:][:28])
                self.assertEqual(row[1::2], row[::2])

    def test_wrong(self):
        self.bad(2, "digits", has="nothing to write: name a folder with --out or a picture with --sheet")
        self.bad(2, "digits", "--out", self.folder, "--train", "-1", has='--train is "-1"')
        self.bad(2, "digits", "--out", self.folder, "--test", "2739138", has='--test is "2739138", expected a whole number from 0 to 2739137')
        self.bad(1, "digits", "--out", self.path("none/below"), has="none/below: cannot be made: No such file")
        self.bad(1, "digits", "--sheet", self.path("sheet.gif"), has="sheet.gif")
        with open(self.path("plain"), "w"):
            pass
        self.bad(1, "digits", "--out", self.path("plain"), "--train", "1", has="plain")
