# SPDX-License-Identifier: Apache-2.0
"""`lanewise train`: what it learns from, what it prints and writes."""
import csv
import os
import re
import struct
import xml.etree.ElementTree as ET

import kit
import training
from test_evaluate import idx
from test_init import read_safetensors

ROW = re.compile(r" *(\d+)  +([\d.]+)  +([\d.]+) %  +(?:([\d.]+)  +([\d.]+) %(?: \*|  )  +)?([\d,]+|-)$")


class Train(training.Case):
    def rows(self, text):
        return [m.groups() for m in map(ROW.match, text.split("\n")) if m]

    def test_files(self):
        text = self.train("--epochs", "3", "--schedule", "constant", "--save", self.path("m"), "--curve", self.path("m.csv"), "--curve",
                          self.path("m.SVG"), "--curve", self.path("m.html"))
        self.assertTrue(text.startswith(f"lenet5, 61,706 parameters, learns {self.data}: 288 images, 32 to validate on, 50 to judge by; mode exact, ISA "))
        header, data = read_safetensors(self.path("m"))
        self.assertEqual(header.pop("__metadata__"), {"format": "pt"})
        self.assertEqual({n: t["shape"] for n, t in header.items()},
                         {"conv1.weight": [6, 1, 5, 5], "conv1.bias": [6], "conv2.weight": [16, 6, 5, 5], "conv2.bias": [16],
                          "fc1.weight": [120, 400], "fc1.bias": [120], "fc2.weight": [84, 120], "fc2.bias": [84],
                          "fc3.weight": [10, 84], "fc3.bias": [10]})
        # The curve has all digits of what the lines have some of.
        with open(self.path("m.csv"), newline="") as f:
            rows = list(csv.DictReader(f))
        shown = self.rows(text)
        self.assertEqual([r["epoch"] for r in rows], ["1", "2", "3"])
        self.assertEqual([r["steps"] for r in rows], ["9", "18", "27"])
        for row, line in zip(rows, shown, strict=True):
            values = [float(row[k]) for k in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")]
            self.assertEqual([repr(v) for v in values], [repr(float(f"{v:.17g}")) for v in values])
            self.assertEqual(list(line[1:5]), [f"{values[0]:.5f}", f"{100 * values[1]:.2f}", f"{values[2]:.5f}", f"{100 * values[3]:.2f}"])
            self.assertEqual(float(row["learning_rate"]), struct.unpack("f", struct.pack("f", .05))[0])
            self.assertAlmostEqual(values[1] * 288, round(values[1] * 288), places=9)
            self.assertAlmostEqual(values[3] * 32, round(values[3] * 32), places=9)
        losses = [float(r["validation_loss"]) for r in rows]
        best = losses.index(min(losses)) + 1
        self.assertIn(f"best epoch: {best} of 3, validation loss {min(losses):.5f}", text)
        # With a constant rate, a shorter run is the beginning of a longer one.
        self.train("--epochs", str(best), "--schedule", "constant", "--save", self.path("n"))
        self.same("m", "n")
        # Other commands read the weights, and find the same.
        found = self.json("evaluate", "--json", "--weights", self.path("m"), "--data", self.data)
        self.assertIn(f"{found['right']} of 50 images right, accuracy {100 * found['accuracy']:.2f} %", text)
        classes = [line.split() for line in text.split("\n")[-11:-1]]
        self.assertEqual([list(map(int, c[:3])) for c in classes], [[c["class"], c["images"], c["right"]] for c in found["classes"]])
        self.assertEqual(len(self.json("classify", "--json", "--weights", self.path("m"), f"{kit.SAMPLES}/digit_3.png")["images"]), 1)
        # The drawings.
        root = ET.parse(self.path("m.SVG")).getroot()
        name = "{http://www.w3.org/2000/svg}"
        lines = [p for p in root.iter(name + "path") if p.get("class", "").startswith("line") and " L" in p.get("d")]
        self.assertEqual(sorted(p.get("class") for p in lines), ["line train"] * 2 + ["line validation"] * 2)
        for line in lines:
            points = [tuple(map(float, p.split())) for p in line.get("d")[1:].split(" L")]
            self.assertEqual(len(points), 3)
            for x, y in points:
                self.assertTrue(0 < x < 920 and 90 < y < 345, points)
        train = next(p for p in lines if p.get("class") == "line train")
        heights = [float(p.split()[1]) for p in train.get("d")[1:].split(" L")]
        order = [float(r["train_loss"]) for r in rows]
        self.assertEqual(sorted(range(3), key=heights.__getitem__), sorted(range(3), key=order.__getitem__, reverse=True))
        words = "".join(root.itertext())
        for word in ("loss", "accuracy", "epoch", "train", "validation", f"best epoch: {best}"):
            self.assertIn(word, words)
        page = kit.read(self.path("m.html")).decode()
        self.assertIn(kit.read(self.path("m.SVG")).decode(), page)
        self.assertEqual(page.count("<tr"), 4)

    def test_names_are_escaped(self):
        data = self.made(self.path('a<b>&"c'), 100, 10)
        self.train("--epochs", "1", "--curve", self.path("m.svg"), "--curve", self.path("m.html"), data=data)
        self.assertIn('a<b>&"c', "".join(ET.parse(self.path("m.svg")).getroot().itertext()))
        self.assertNotIn("<b>", kit.read(self.path("m.html")).decode())

    def test_without_validation(self):
        os.remove(f"{self.data}/t10k-images-idx3-ubyte")
        os.remove(f"{self.data}/t10k-labels-idx1-ubyte")
        text = self.train("--epochs", "2", "--validation", "0", "--save", self.path("m"), "--curve", self.path("m.csv"), "--curve",
                          self.path("m.svg"))
        self.assertIn("320 images, none to validate on; mode exact, ISA", text)
        self.assertIn("weights of epoch 2", text)
        self.assertEqual([r[3] for r in self.rows(text)], [None, None])
        self.assertTrue(all(line.endswith(",,") for line in kit.read(self.path("m.csv")).decode().split()[1:]))
        texts = [text.text for text in ET.parse(self.path("m.svg")).getroot().iter("{http://www.w3.org/2000/svg}text")]
        self.assertEqual((texts.count("train"), texts.count("validation")), (2, 0))

    def test_one_half_serves_for_both(self):
        os.remove(f"{self.data}/train-images-idx3-ubyte")
        os.remove(f"{self.data}/train-labels-idx1-ubyte")
        text = self.train("--epochs", "1", "--batch", "16")
        self.assertIn("40 images, 10 to validate on; mode exact, ISA", text)
        self.assertRegex(text, r"set, validation: \d+ of 10 images right")
        self.refused("--validation", "test", has="has only one half")
        self.refused("--data", self.folder, has=["t10k-images-idx3-ubyte[.gz]", "test_batch.bin"])

    def test_validates_on_the_test_half(self):
        text = self.train("--epochs", "1", "--validation", "test")
        self.assertIn("320 images, 50 to validate on; mode exact, ISA", text)
        self.assertRegex(text, r"set, test: \d+ of 50 images right")

    def test_nothing_is_learnt_from_what_is_set_apart(self):
        """The images that are set apart, by the seed, decide nothing: other pixels there give the same weights."""
        self.train("--epochs", "1", "--validation", "0.5", "--schedule", "constant", "--batch", "160", "--save", self.path("m"))
        images, labels = (kit.read(f"{self.data}/train-{w}-ubyte") for w in ("images-idx3", "labels-idx1"))
        learnt = 0
        for i in range(0, 320, 40):
            with open(f"{self.data}/train-images-idx3-ubyte", "wb") as f:
                f.write(images[:16 + 784 * i] + bytes(784) + images[16 + 784 * (i + 1):])
            self.train("--epochs", "1", "--validation", "0.5", "--schedule", "constant", "--batch", "160", "--save", self.path("n"))
            learnt += kit.read(self.path("m")) != kit.read(self.path("n"))
        self.assertTrue(0 < learnt < 8, learnt)

    def test_training_and_test_digits_differ(self):
        self.made(self.data, 60000, 10000)
        train, test = (kit.read(f"{self.data}/{half}-images-idx3-ubyte")[16:] for half in ("train", "t10k"))
        images = lambda data: {data[i:i + 784] for i in range(0, len(data), 784)}
        self.assertEqual((len(images(train)), len(images(test))), (60000, 10000))
        self.assertFalse(images(train) & images(test))

    def test_class_weights(self):
        labels = kit.read(f"{self.data}/train-labels-idx1-ubyte")[8:]
        options = ["--epochs", "1", "--validation", "0"]
        text = self.train(*options, "--class-weights", "auto", "--save", self.path("a"))
        wanted = [320 / (10 * labels.count(k)) for k in range(10)]
        shown = re.search(r"^class weights: (.*)$", text, re.M).group(1).split()
        self.assertEqual(shown, [f"{w:.4g}" for w in wanted])
        with open(self.path("weights"), "w") as f:
            f.write("\n".join(repr(w) for w in wanted) + "\n")
        self.train(*options, "--class-weights", self.path("weights"), "--save", self.path("b"))
        self.train(*options, "--class-weights", ",".join(map(repr, wanted)), "--save", self.path("c"))
        self.same("a", "b")
        self.same("a", "c")
        # Of a rare class more is found.
        keep = [i for i in range(320) if labels[i] != 1 or i % 3 == 0]
        pixels = kit.read(f"{self.data}/train-images-idx3-ubyte")[16:]
        keep += [i for i in keep if labels[i] != 1] * 4
        idx(f"{self.data}/train-images-idx3-ubyte", 3, (len(keep), 28, 28), b"".join(pixels[784 * i:784 * (i + 1)] for i in keep))
        idx(f"{self.data}/train-labels-idx1-ubyte", 1, (len(keep),), [labels[i] for i in keep])
        self.made(self.path("judge"), 0, 1000)
        right = []
        for more in ([], ["--class-weights", "auto"]):
            self.train("--epochs", "2", "--lr", "0.02", *more, "--validation", "0", "--save", self.path("m"))
            found = self.json("evaluate", "--json", "--weights", self.path("m"), "--data", self.path("judge"))
            right.append(found["classes"][1]["right"])
        self.assertGreater(right[1], right[0])

    def test_patience(self):
        text = self.train("--lr", "0", "--epochs", "50", "--patience", "3", "--save", self.path("m"))
        self.assertEqual(len(self.rows(text)), 4)  # the first is the best, as nothing changes
        self.assertIn("best epoch: 1 of 4", text)
        self.assertTrue(self.state(self.path("m.checkpoint"))["finished"])
        self.good("init", "lenet5", self.path("first"))
        self.assertEqual(read_safetensors(self.path("m"))[1], read_safetensors(self.path("first"))[1])

    def test_images_of_other_shapes(self):
        self.train("--epochs", "1", "--limit", "30", "--batch", "20", "--save", self.path("exact"), net="net")
        text = self.train("--epochs", "1", "--limit", "30", "--batch", "20", "--save", self.path("fast"), "--mode", "fast", net="net")
        self.assertIn("; mode fast, ISA ", text)
        self.assertNotEqual(kit.read(self.path("exact")), kit.read(self.path("fast")))
        with open(f"{self.folder}/data_batch_1.bin", "wb") as f:
            for i in range(24):
                f.write(bytes([i % 10]) + bytes([i * 10]) * 3072)
        for i in range(2, 6):
            os.symlink("data_batch_1.bin", f"{self.folder}/data_batch_{i}.bin")
        text = self.train("--epochs", "1", "--batch", "20", "--save", self.path("m"), data=self.folder)
        self.assertIn("96 images, 24 to validate on", text)
        self.train("--epochs", "1", "--batch", "20", "--limit", "40", net="lenet5_1998", data=self.folder)

    def test_progress(self):
        arguments = ["train", "lenet5", "--data", self.data, "--limit", "64", "--batch", "4", "--epochs", "1", "--threads", "1", "--isa",
                     "naive"]  # which takes its time
        text = self.terminal("stderr", *arguments, TERM="xterm")
        self.assertRegex(text, r"\repoch 1/1 .* %  loss \d\.\d{4}  accuracy [\d.]+ %  [\d,]+ images/s  \d+:\d\d left\x1b\[K")
        self.assertTrue(text.endswith("\r\x1b[K"))
        self.assertEqual(self.terminal("stderr", *arguments, TERM="dumb"), "")
