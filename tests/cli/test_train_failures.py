# SPDX-License-Identifier: Apache-2.0
"""`lanewise train` on what it cannot use or write: clear messages, and nothing is lost."""
import os
import resource
import signal

import kit
import training


class Failures(training.Case):
    def kept(self, folder):
        return {name: kit.read(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}

    def test_loss_that_is_no_number(self):
        os.mkdir(self.path("out"))
        options = ["--validation", "0", "--limit", "64", "--batch", "64", "--schedule", "constant", "--momentum", "0", "--lr", "1e30"]
        self.train(*options, "--epochs", "1", "--save", self.path("m"))
        self.stopped(*options, "--epochs", "5", "--save", self.path("out/m"),
                     has=r"epoch 2, step 2: the loss is -?(nan|inf); .*out/m.checkpoint is that of epoch 1; a smaller --lr may help")
        self.same("m", "out/m")
        self.assertEqual(self.state(self.path("out/m.checkpoint"))["epoch"], 1)
        self.stopped("--lr", "1e30", "--limit", "128", "--batch", "116", "--save", self.path("n"),
                     has="epoch 1, step 1: the validation loss behind it is -?(nan|inf); a smaller --lr may help")
        self.assertFalse(os.path.exists(self.path("n")))

    def test_full_disk(self):
        os.mkdir(self.path("out"))
        options = ["--schedule", "constant", "--save", self.path("out/m"), "--curve", self.path("out/m.csv")]
        self.train(*options, "--epochs", "1")
        before = self.kept(self.path("out"))

        def small():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        for more in (["--resume"], []):
            done = self.run_with(small, *options, *more, "--epochs", "2")
            self.assertEqual(done.code, 1)
            self.assertIn("m: cannot be written: File too large", done.err)
            self.assertEqual(self.kept(self.path("out")), before)
        # The model fits, the checkpoint does not: the run still goes on from the old one.
        def larger():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))
        done = self.run_with(larger, *options, "--resume", "--epochs", "2")
        self.assertEqual(done.code, 1)
        self.assertIn("m.checkpoint: cannot be written: File too large", done.err)
        self.assertEqual(self.kept(self.path("out"))["m.checkpoint"], before["m.checkpoint"])
        self.train(*options, "--resume", "--epochs", "2")
        self.train("--schedule", "constant", "--epochs", "2", "--save", self.path("n"))
        self.same("out/m", "n")
        self.same("out/m.checkpoint", "n.checkpoint")
        os.symlink("/dev/full", self.path("full.csv"))
        self.stopped("--epochs", "1", "--curve", self.path("full.csv"), has="full.csv: cannot be written: No space left on device")

    def test_outputs_that_cannot_be(self):
        for path, reason in (("/nowhere/m", "No such file or directory"), (self.data, "Is a directory"), ("/dev/null/m", "Not a directory"),
                             ("", "No such file or directory")):
            self.refused("--save", path, has=f"lanewise train: --save: {path}: cannot be created: {reason}")
        self.refused("--curve", "/nowhere/c.csv", has="lanewise train: --curve: /nowhere/c.csv: cannot be created: No such file or directory")
        os.mkdir(self.path("m.checkpoint"))
        self.refused("--save", self.path("m"), has="m.checkpoint: cannot be created: Is a directory")
        self.assertEqual(sorted(os.listdir(self.folder)), ["m.checkpoint", "set"])

    def test_data(self):
        self.refused("--data", "/nowhere", has="/nowhere: cannot be opened: No such file")
        self.refused("--data", __file__, has="is no folder")
        self.refused(net="vgg16", has=f"{self.data}: 10 classes, expected 1000 as network vgg16 has outputs")
        self.refused("--limit", "70", "--batch", "64", has=f"{self.data}: 63 images to learn from, expected at least --batch, 64")
        self.refused("--limit", "9", "--batch", "1", has="--validation 0.1 of 9 images is none")
        self.refused("--augment", "crop=28", has="crop is 28, expected 0..27 for images of 28x28")
        labels = bytearray(kit.read(f"{self.data}/train-labels-idx1-ubyte"))
        labels[8 + 7] = 10
        with open(f"{self.data}/train-labels-idx1-ubyte", "wb") as f:
            f.write(labels)
        self.refused(has=["train-labels-idx1-ubyte", "label 7 is 10, expected 0 to 9"])

    def test_class_weights(self):
        for text, message in (("1,2", "--class-weights: 2 class weights, expected 10"), ("1,1,1,1,1,1,1,1,1,0", '"0" is no class weight'),
                              ("1,x,1", '"x" is no class weight'), (self.path("none"), "none: expected auto, numbers or a file")):
            self.refused("--class-weights", text, has=message)
        with open(self.path("weights"), "w") as f:
            f.write("1 2\n-3")
        self.refused("--class-weights", self.path("weights"), has='weights: "-3" is no class weight')

    def test_checkpoints_of_other_runs(self):
        options = ["--epochs", "2", "--save", self.path("m")]
        done = self.run_with(training.pending(signal.SIGINT), *options)
        self.assertEqual(done.code, 130, done.err)
        before = kit.read(self.path("m.checkpoint"))
        other = {("--lr", "0.1"): "--lr 0.05", ("--momentum", "0.5"): "--momentum 0.9", ("--weight-decay", "0"): "--weight-decay 0.001",
                 ("--nesterov",): "--nesterov false, now it is true", ("--batch", "16"): "--batch 32, now it is 16",
                 ("--seed", "2"): "--seed 1, now it is 2", ("--mode", "fast"): '--mode "exact", now it is "fast"',
                 ("--epochs", "3"): "--epochs 2, now it is 3",
                 ("--schedule", "constant"): '--schedule "linear", now it is "constant"', ("--label-smoothing", "0.1"): "--label-smoothing 0",
                 ("--class-weights", "auto"): "--class-weights []", ("--limit", "300"): "images to learn from 288, now it is 270",
                 ("--validation", "0"): "images to learn from 288, now it is 320", ("--augment", "flip"): '--augment "none", now it is "shift=0',
                 ("--data", self.made(self.path("same"), 320, 50)): None}
        for more, message in other.items():
            if message:
                self.refused(*options, *more, "--resume", has=["m.checkpoint: is of a run with ", message])
        self.refused(*options, "--resume", net="mlp", has='network "lenet5", now it is "mlp"')
        changed = self.path("same")  # the same images elsewhere are the same data; one pixel is not
        images = bytearray(kit.read(f"{changed}/train-images-idx3-ubyte"))
        images[-1] ^= 1
        with open(f"{changed}/train-images-idx3-ubyte", "wb") as f:
            f.write(images)
        self.refused("--data", changed, *options, "--resume", has="data with checksum")
        self.assertEqual(kit.read(self.path("m.checkpoint")), before)
        self.assertFalse(os.path.exists(self.path("m")))
        self.train(*options, "--resume", data=self.made(changed, 320, 50))

    def test_damaged_checkpoints(self):
        options = ["--epochs", "1", "--save", self.path("m")]
        self.refused(*options, "--resume", has="m.checkpoint: cannot be opened: No such file")
        self.assertEqual(self.run_with(training.pending(signal.SIGINT), *options).code, 130)
        path = self.path("m.checkpoint")
        whole = kit.read(path)

        def damaged(data, *has):
            with open(path, "wb") as f:
                f.write(data)
            self.refused(*options, "--resume", has=["m.checkpoint", *has])
            self.refused(*options, has=["m.checkpoint", "unless with --restart"])
            self.assertEqual(kit.read(path), data)
        at = whole.index(b'\\"steps\\":1')
        for cut in (0, 5, 1000, len(whole) - 4, len(whole) // 2):
            damaged(whole[:cut])
        for i in range(len(whole) // 2, len(whole), len(whole) // 9):
            damaged(whole[:i] + bytes([whole[i] ^ 16]) + whole[i + 1:], "is damaged: its checksum is")
        damaged(whole[:at + 10] + b"2" + whole[at + 11:], "is damaged: its checksum is")
        self.good("init", "lenet5", path)
        damaged(kit.read(path), "is no checkpoint of `lanewise train`")
        with open(path, "wb") as f:
            f.write(whole)
        self.refused(*options, has="has a run that has not come to its end")
        self.train(*options, "--restart")

    def test_usage(self):
        self.bad(2, "train", has="NET is missing")
        self.bad(2, "train", "alexnet", has=['"alexnet"', "lenet5, lenet5_1998, vgg16, net or mlp"])
        self.bad(2, "train", "lenet5", "mlp", has='"mlp" is one argument too many')
        for arguments, message in ((["--epochs", "0"], '--epochs is "0"'), (["--lr", "-1"], '--lr is "-1"'), (["--lr", "nan"], '--lr is "nan"'),
                                   (["--lr", "1x"], '--lr is "1x"'), (["--momentum", "1"], '--momentum is "1", expected a number from 0 to below 1'),
                                   (["--batch", "65537"], '--batch is "65537"'), (["--schedule", "cosine"], "expected linear or constant"),
                                   (["--mode", "quick"], '--mode is "quick"'),
                                   (["--validation", "1"], '--validation is "1"'), (["--augment", "blur=1"], '--augment has "blur=1"'),
                                   (["--augment", "shift"], "shift needs a number"), (["--augment", "flip=1"], "flip takes no number"),
                                   (["--augment", "rotate=91"], '--augment rotate is "91"'), (["--curve", "c.png"], "ends in .csv, .svg or .html"),
                                   (["--resume"], "--resume needs --save"), (["--restart"], "--restart needs --save"),
                                   (["--save", "m", "--resume", "--restart"], "exclude each other"), (["--nesterov", "--momentum", "0"], "--nesterov needs"),
                                   (["--patience", "2", "--validation", "0"], "--patience needs"),
                                   (["--save", "m.csv", "--curve", "m.csv"], '--curve and --save are both "m.csv"')):
            self.bad(2, "train", "lenet5", *arguments, has=message)
