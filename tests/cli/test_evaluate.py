# SPDX-License-Identifier: Apache-2.0
import os
import struct

import kit
import lenet


def idx(path, rank, sizes, data):
    with open(path, "wb") as f:
        f.write(struct.pack(f">BBBB{rank}I", 0, 0, 8, rank, *sizes) + bytes(data))


class Evaluate(kit.Case):
    def setUp(self):
        super().setUp()
        self.weights = lenet.save(self.path("lenet.safetensors"))
        digits = [os.path.join(kit.SAMPLES, f"digit_{i}.png") for i in (3, 1, 4, 1, 5, 9, 2, 6)]
        self.images = [kit.read_png(path)[3] for path in digits]
        self.answers = [max(range(10), key=lenet.logits(image).__getitem__) for image in self.images]
        # Some right, some wrong: three labels are what the weights say, the others something else.
        self.labels = [answer if i % 3 == 0 else (answer + i) % 10 for i, answer in enumerate(self.answers)]
        self.data = self.path("set")
        os.mkdir(self.data)
        self.write("t10k", self.images, self.labels)

    def write(self, half, images, labels):
        idx(f"{self.data}/{half}-images-idx3-ubyte", 3, (len(images), 28, 28), b"".join(images))
        idx(f"{self.data}/{half}-labels-idx1-ubyte", 1, (len(labels),), labels)

    def evaluated(self, *arguments, **more):
        return self.json("evaluate", "--json", "--weights", self.weights, "--data", self.data, *arguments, **more)

    def confusion(self, labels, answers):
        matrix = [[0] * 10 for _ in range(10)]
        for label, answer in zip(labels, answers):
            matrix[label][answer] += 1
        return matrix

    def test_against_passes_by_hand(self):
        for more, count in (([], 8), (["--batch", "3"], 8), (["--batch", "1", "--threads", "3"], 8), (["--limit", "5"], 5),
                            (["--limit", "100", "--isa", "ref"], 8)):
            answer = self.evaluated(*more)
            self.assertEqual((answer["net"], answer["data"], answer["split"], answer["images"]), ("lenet5", self.data, "test", count))
            self.assertEqual(answer["confusion"], self.confusion(self.labels[:count], self.answers))
            right = sum(a == b for a, b in zip(self.labels[:count], self.answers))
            self.assertGreater(right, 0)
            self.assertLess(right, count)
            self.assertEqual((answer["right"], answer["accuracy"]), (right, right / count))
            for c in answer["classes"]:
                of = [a for a, b in zip(self.answers, self.labels[:count]) if b == c["class"]]
                self.assertEqual((c["images"], c["right"]), (len(of), of.count(c["class"])))
                if of:
                    self.assertAlmostEqual(c["accuracy"], c["right"] / len(of), places=8)
                else:
                    self.assertIsNone(c["accuracy"])
            self.assertGreater(answer["images_per_second"], 0)

    def test_halves(self):
        self.bad(1, "evaluate", "--weights", self.weights, "--data", self.data, "--split", "train",
                 has=[self.data, "train-images-idx3-ubyte[.gz]", "data_batch_1.bin"])
        self.write("train", self.images[:2], self.labels[:2])
        self.assertEqual(self.evaluated("--split", "train")["images"], 2)

    def test_text(self):
        text = self.good("evaluate", "--weights", self.weights, "--data", self.data).split("\n")
        right = sum(a == b for a, b in zip(self.labels, self.answers))
        self.assertTrue(text[0].startswith(f"lenet5, weights: {self.weights}, mode exact, ISA "))
        self.assertEqual(text[1], f"{self.data}, test: {right} of 8 images right, accuracy {100 * right / 8:.2f} %")
        rows = [line.split() for line in text if line[:5].strip().isdigit()]
        self.assertEqual([[int(n) for n in row[-10:]] for row in rows[:10]], self.confusion(self.labels, self.answers))
        self.assertEqual([int(row[1]) for row in rows[:10]], [self.labels.count(k) for k in range(10)])
        self.assertIn("images/s (batch 8", text[-2])

    def test_built_in(self):
        answer = self.json("evaluate", "--json", "--seed", "1", "--limit", "250")
        self.assertEqual((answer["data"], answer["images"], answer["random_weights"]), ("digits", 250, True))
        self.assertLess(answer["accuracy"], .5)
        self.assertEqual(sum(map(sum, answer["confusion"])), 250)

    def test_cifar10(self):
        with open(f"{self.folder}/test_batch.bin", "wb") as f:
            f.write(bytes([3]) + bytes(3072) + bytes([8]) + bytes([200] * 3072))
        answer = self.json("evaluate", "--json", "--net", "net", "--seed", "1", "--data", self.folder)
        self.assertEqual([c["images"] for c in answer["classes"]], [0, 0, 0, 1, 0, 0, 0, 0, 1, 0])
        self.bad(1, "evaluate", "--seed", "1", "--data", self.folder, has="images of 3x32x32, expected 1x28x28 for network lenet5")

    def test_wrong(self):
        self.bad(1, "evaluate", "--net", "vgg16", "--seed", "1", has="digits: images of 1x28x28, expected 3x224x224")
        self.bad(1, "evaluate", "--net", "mlp", has="no weights for mlp")
        self.bad(1, "evaluate", "--seed", "1", "--data", "/nowhere", has="/nowhere: cannot be opened: No such file")
        self.bad(1, "evaluate", "--weights", self.path("none"), has="none")
        self.bad(2, "evaluate", "--split", "dev", has='--split is "dev", expected test or train')
        self.bad(2, "evaluate", "--limit", "0", has='--limit is "0"')
        self.bad(2, "evaluate", "--batch", "65537", has='--batch is "65537"')
        idx(f"{self.data}/t10k-labels-idx1-ubyte", 1, (7,), self.labels[:7])
        self.bad(1, "evaluate", "--seed", "1", "--data", self.data, has="7 labels for 8 images")
