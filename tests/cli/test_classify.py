# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import unittest.mock

import kit
import lenet


class Classify(kit.Case):
    def setUp(self):
        super().setUp()
        self.weights = lenet.save(self.path("lenet.safetensors"))
        self.digits = [os.path.join(kit.SAMPLES, f"digit_{i}.png") for i in range(3)]

    def classified(self, *arguments, **more):
        return self.json("classify", "--json", *arguments, **more)

    def test_against_a_pass_by_hand(self):
        answer = self.classified("--weights", self.weights, "--top", "10", *self.digits)
        self.assertEqual((answer["net"], answer["mode"], answer["weights"], answer["random_weights"]), ("lenet5", "exact", self.weights, False))
        self.assertEqual([i["file"] for i in answer["images"]], self.digits)
        for image in answer["images"]:
            w, h, c, pixels = kit.read_png(image["file"])
            self.assertEqual((w, h, c), (28, 28, 1))
            logits = lenet.logits(pixels)
            probabilities = lenet.softmax(logits)
            order = sorted(range(10), key=lambda k: -logits[k])
            self.assertEqual([t["class"] for t in image["top"]], order)
            self.assertEqual([t["label"] for t in image["top"]], [str(k) for k in order])
            for t in image["top"]:
                self.assertAlmostEqual(t["logit"], logits[t["class"]], delta=1e-4)
                self.assertAlmostEqual(t["probability"], probabilities[t["class"]], delta=1e-5)

    def test_modes(self):
        def both(net, image):
            exact, fast = (self.classified("--net", net, "--seed", "3", "--mode", mode, image) for mode in ("exact", "fast"))
            self.assertEqual((exact["mode"], fast["mode"]), ("exact", "fast"))
            return exact["images"][0]["top"], fast["images"][0]["top"]

        exact, fast = both("lenet5", self.digits[0])  # no layer of this network has another algorithm in mode fast
        self.assertEqual(exact, fast)
        exact, fast = both("net", os.path.join(kit.SAMPLES, "scene_small.png"))  # its second convolution has
        self.assertNotEqual(exact, fast)
        self.assertEqual([t["class"] for t in exact], [t["class"] for t in fast])
        for e, f in zip(exact, fast):
            self.assertAlmostEqual(e["logit"], f["logit"], delta=1e-4)

    def test_every_isa_and_thread_count_answers_alike(self):
        runnable = [i["name"] for i in self.json("info", "--json")["isas"] if i["runnable"]]
        for net, image in (("lenet5", self.digits[0]), ("lenet5_1998", self.digits[0]), ("mlp", self.digits[0]),
                           ("net", os.path.join(kit.SAMPLES, "scene_small.png"))):
            answers = [self.classified("--net", net, "--seed", "3", "--isa", isa, "--threads", threads, image)
                       for isa in runnable for threads in ("1", "3")]
            for answer in answers:
                self.assertEqual(answer["images"], answers[0]["images"])
            self.assertEqual(len(answers[0]["images"][0]["top"]), 5)
        self.assertNotEqual(answers[0]["images"], self.classified("--net", net, "--seed", "4", image)["images"])

    def test_text(self):
        text = self.good("classify", "--weights", self.weights, "--top", "2", self.digits[0])
        best = self.classified("--weights", self.weights, "--top", "2", self.digits[0])["images"][0]["top"]
        lines = text.split("\n")
        self.assertTrue(lines[0].startswith(f"lenet5, weights: {self.weights}, mode exact, ISA "))
        self.assertEqual(lines[1], self.digits[0])
        for line, t in zip(lines[2:4], best):
            hashes = "#" * int(t["probability"] * 30 + .5)
            self.assertEqual(line, f"  {100 * t['probability']:5.1f} %  {hashes:<30}  {t['label']}")
        self.assertEqual(lines[4:], [""])
        blocks = self.good("classify", "--weights", self.weights, "--top", "1", self.digits[0], env={"LC_ALL": "C.UTF-8"})
        eighths = int(best[0]["probability"] * 240 + .5)
        self.assertIn("█" * (eighths // 8) + ["", *"▏▎▍▌▋▊▉"][eighths % 8], blocks)
        self.assertIn("seed 7 (random: what it answers means nothing)", self.good("classify", "--seed", "7", self.digits[0]))

    def test_time(self):
        text = self.good("classify", "--seed", "1", "--time", self.digits[0])
        self.assertRegex(text, r"read and prepared in [\d.]+ ms, pass [\d.]+ ms\nweights opened in [\d.]+ ms, plan made in [\d.]+ ms, first pass [\d.]+ ms\n$")
        answer = self.classified("--seed", "1", "--time", self.digits[0])
        self.assertEqual(set(answer["milliseconds"]), {"open", "plan", "first_pass"})
        self.assertEqual(answer["images"][0]["milliseconds"]["pass"], answer["milliseconds"]["first_pass"])

    def test_one_bad_image_does_not_stop_the_others(self):
        done = self.lanewise("classify", "--seed", "1", "--json", self.digits[0], self.path("missing.png"), self.digits[1])
        self.assertEqual(done.code, 1)
        images = json.loads(done.out)["images"]
        self.assertEqual([("top" in i, "error" in i) for i in images], [(True, False), (False, True), (True, False)])
        self.assertIn("missing.png: cannot be opened: No such file", images[1]["error"])
        self.assertIn("missing.png: cannot be opened: No such file", done.err)
        text = self.lanewise("classify", "--seed", "1", self.path("missing.png"), self.digits[1])
        self.assertEqual((text.code, text.out.count(" %  ")), (1, 5))
        name = os.fsdecode(self.folder.encode() + b"/\xff.png")  # no UTF-8
        shutil.copy(self.digits[0], name)
        self.assertEqual(self.classified("--seed", "1", name)["images"][0]["file"], self.path("?.png"))

    def test_labels(self):
        def classify(text, *more):
            with open(self.path("labels"), "wb") as f:
                f.write(text)
            return ("classify", "--json", "--weights", self.weights, "--labels", self.path("labels"), *more, self.digits[0])
        names = ["zero", "un", "dos tres", "ß", "four", "five", "six", "seven", "eight", "nine"]
        for text in ("\n".join(names), "\n".join(names) + "\n", "\r\n".join(names) + "\r\n", json.dumps(names), " \n" + json.dumps(names, indent=1)):
            for t in self.json(*classify(text.encode()))["images"][0]["top"]:
                self.assertEqual(t["label"], names[t["class"]])
        for text, has in ((b"a\nb\n", "2 labels, expected 10"), (b'["a"]', "1 labels, expected 10"), (b"", "0 labels, expected 10"),
                          (b"a\n\nb\n", "label 2 is empty"), (b"a\n\xff\n", "line 2 is no UTF-8"), (b"a\x1b[1m\n", "label 1 has control"),
                          (b"[1, 2]", "label 1 is no string"), (b'["a", ', "line 1"), (b'["a\\u0000b"]', "label 1 has control")):
            self.bad(1, *classify(text), has=[self.path("labels"), has])
        with open(self.path("labels"), "w") as f:
            f.write("one\n")
        self.bad(1, "classify", "--net", "vgg16", "--labels", self.path("labels"), self.digits[0], has="1 labels, expected 1000")
        self.bad(1, "classify", "--seed", "1", "--labels", self.path("none"), self.digits[0], has=["none", "No such file"])
        self.bad(1, "classify", "--seed", "1", "--labels", "/dev/zero", self.digits[0], has="more than 16777216 bytes")
        scene = self.classified("--net", "net", "--seed", "1", "--top", "1", os.path.join(kit.SAMPLES, "scene.jpg"))["images"][0]["top"]
        self.assertEqual(scene[0]["label"], f"class {scene[0]['class']}")

    def test_where_weights_come_from(self):
        self.bad(1, "classify", "--net", "vgg16", self.digits[0], has=["no weights for vgg16", "data/get vgg16", "lanewise init vgg16", "--seed 1"])
        # An installed copy finds share/lanewise beside bin; LANEWISE_DATA comes first.
        for folder in ("bin", "share/lanewise/weights", "data/weights"):
            os.makedirs(self.path(folder))
        shutil.copy(kit.BINARY, self.path("bin/lanewise"))
        for folder in ("share/lanewise", "data"):
            shutil.copy(self.weights, self.path(folder + "/weights/lenet5.safetensors"))
        with unittest.mock.patch.object(kit, "BINARY", self.path("bin/lanewise")):
            self.assertEqual(self.classified(self.digits[0])["weights"], self.path("bin/../share/lanewise/weights/lenet5.safetensors"))
            mine = self.classified(self.digits[0], env={"LANEWISE_DATA": self.path("data")})
            self.assertEqual(mine["weights"], self.path("data/weights/lenet5.safetensors"))
            self.assertEqual(self.classified("--seed", "1", self.digits[0], env={"LANEWISE_DATA": self.path("data")})["weights"], "seed 1")

    def test_wrong_weights(self):
        digit = self.digits[0]
        self.bad(1, "classify", "--weights", self.path("none"), digit, has=["none", "No such file"])
        self.bad(1, "classify", "--weights", digit, digit, has=digit)
        self.bad(1, "classify", "--weights", lenet.save(self.path("less"), drop="fc2.bias"), digit, has="fc2.bias")
        self.bad(1, "classify", "--net", "mlp", "--weights", self.weights, digit, has="fc1.weight")

    def test_no_numbers(self):
        """Weights that are NaN: null in JSON, and no crash."""
        weights = lenet.save(self.path("nan"), {("fc3.bias", 4): float("nan")})
        answer = self.classified("--weights", weights, "--top", "10", self.digits[0])
        self.assertEqual([t["probability"] for t in answer["images"][0]["top"]], [None] * 10)
        self.assertIn("nan %", self.good("classify", "--weights", weights, self.digits[0]))

    def test_wrong_usage(self):
        digit = self.digits[0]
        self.bad(2, "classify", has="IMAGE is missing")
        self.bad(2, "classify", "--net", "resnet", digit, has='--net is "resnet", expected lenet5, lenet5_1998, vgg16, net or mlp')
        self.bad(2, "classify", "--mode", "fuzzy", digit, has='--mode is "fuzzy", expected exact or fast')
        self.bad(2, "classify", "--seed", "1", "--weights", self.weights, digit, has="--weights and --seed exclude each other")
        self.bad(2, "classify", "--seed", "-1", digit, has='--seed is "-1"')
        self.bad(2, "classify", "--seed", "1", "--top", "0", digit, has='--top is "0"')
        self.bad(2, "classify", "--seed", "1", "--top", "11", digit, has="--top is 11, expected at most 10")
        with open("/dev/full", "w") as full:
            self.bad(1, "classify", "--seed", "1", digit, stdout=full, has="stdout cannot be written")
