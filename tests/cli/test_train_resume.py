# SPDX-License-Identifier: Apache-2.0
"""`lanewise train` gives the same bits on every ISA and number of threads, and after every interruption."""
import math
import os
import signal
import subprocess
import time

import kit
import training


class Resume(training.Case):
    OPTIONS = ("--epochs", "2", "--seed", "5", "--augment", "shift=1,rotate=5,crop=1,flip,noise=.05", "--label-smoothing", ".05",
               "--class-weights", "auto", "--nesterov")

    def test_on_every_isa_and_thread_count(self):
        hashes = {}
        for isa in self.isas():
            for threads in "12" if isa in ("ref", "naive") else "1234":
                self.train(*self.OPTIONS, "--limit", "72", "--batch", "32", "--isa", isa, "--threads", threads, "--save", self.path("m"),
                           "--curve", self.path("m.csv"))
                hashes[isa, threads] = tuple(training.sha256(self.path(name)) for name in ("m", "m.checkpoint", "m.csv"))
        self.assertEqual(len(set(hashes.values())), 1, hashes)

    def test_known_result(self):
        # On any machine: what these steps give is defined, as the digests of data/golden are.
        data = self.made(self.path("more"), 1500, 300)
        text = self.train("--epochs", "4", "--batch", "32", "--weight-decay", "0.0005", "--save", self.path("m"), "--curve", self.path("m.csv"), data=data)
        self.assertEqual(training.sha256(self.path("m")), "ea0839b2e6d48cd77f6f1e5de69e0d4626fa66e95ef59a9968d24122d6a8d692")
        self.assertEqual(kit.read(self.path("m.csv")).decode().split("\n")[4],
                         "4,172,0.00029069767333567142,0.14704254607359568,0.94814814814814818,0.22072191397349039,0.93999999999999995")
        self.assertIn("test: 275 of 300 images right, accuracy 91.67 %", text)

    def test_what_does_not_change_them(self):
        base = ["--epochs", "1", "--seed", "5"]
        self.train(*base, "--save", self.path("a"))
        same = {"equal weights": ["--class-weights", "1," * 9 + "1"], "no smoothing": ["--label-smoothing", "0"],
                "same": ["--momentum", "0.9"]}
        for name, more in same.items():
            self.train(*base, *more, "--save", self.path(name))
            self.same("a", name)
        other = {"seed": ["--seed", "6"], "lr": ["--lr", "0.04"], "momentum": ["--momentum", "0.8"], "nesterov": ["--nesterov"],
                 "decay": ["--weight-decay", "0"], "batch": ["--batch", "63"], "schedule": ["--schedule", "constant"],
                 "smoothing": ["--label-smoothing", "0.1"], "weights": ["--class-weights", "2," + "1," * 8 + "1"],
                 "limit": ["--limit", "319"], "validation": ["--validation", "0.2"], "shift": ["--augment", "shift=1"],
                 "rotate": ["--augment", "rotate=1"], "crop": ["--augment", "crop=1"], "flip": ["--augment", "flip"],
                 "noise": ["--augment", "noise=0.1"]}
        seen = {training.sha256(self.path("a"))}
        for name, more in other.items():
            self.train(*base, *more, "--save", self.path("b"))
            seen.add(training.sha256(self.path("b")))
        self.assertEqual(len(seen), len(other) + 1)

    def test_interrupted_after_every_step(self):
        ends = ["m", "m.checkpoint", "m.csv", "m.svg", "m.html"]
        options = [*self.OPTIONS, "--batch", "64", "--save", "m", "--curve", "m.csv", "--curve", "m.svg", "--curve", "m.html"]
        os.mkdir(self.path("whole"))
        os.mkdir(self.path("pieces"))
        steps = math.ceil(288 / 64) * 2
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.path("whole"))
        self.train(*options)
        os.chdir(self.path("pieces"))
        isas = self.isas()
        for step in range(steps):
            number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[step % 3]
            more = ["--resume"] * (step > 0) + ["--threads", str(1 + step % 3), "--isa", isas[step % len(isas)]]
            done = self.run_with(training.pending(number), *options, *more)
            self.assertEqual(done.code, 128 + number, done.err)
            self.assertIn("m.checkpoint is saved, and the same command with --resume goes on", done.err)
            state = self.state("m.checkpoint")
            self.assertEqual((state["steps"], state["epoch"]), (step + 1, step // 5))
            self.assertEqual(state["done"], min(288, 64 * (step % 5 + 1)))
            self.assertFalse(state["finished"])
        self.refused(*options, has="m.checkpoint has a run that has not come to its end")
        text = self.train(*options, "--resume")
        self.assertIn("goes on in epoch 2, after 288 images of it\n", text)
        for name in ends:
            self.assertEqual(kit.read(name), kit.read(self.path(f"whole/{name}")), name)
        self.assertTrue(self.state("m.checkpoint")["finished"])
        # Once more: there is nothing left to do, and what is lost comes back.
        os.remove("m")
        os.remove("m.svg")
        self.assertIn("has come to its end before\n", self.train(*options, "--resume"))
        for name in ends:
            self.assertEqual(kit.read(name), kit.read(self.path(f"whole/{name}")), name)
        self.assertEqual(sorted(os.listdir()), sorted(ends))

    def test_signal_at_any_time(self):
        options = ["--schedule", "constant", "--save", self.path("m"), "--curve", self.path("m.csv")]
        process = subprocess.Popen([kit.BINARY, "train", "lenet5", "--data", self.data, "--epochs", "100000", *options],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while not os.path.exists(self.path("m.checkpoint")):
            time.sleep(.002)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assertIn("interrupted in epoch", err)
        epochs = str(self.state(self.path("m.checkpoint"))["epoch"] + 1)
        self.train("--epochs", epochs, *options, "--resume", "--patience", "100000")
        self.train("--epochs", epochs, "--schedule", "constant", "--save", self.path("n"))
        self.same("m", "n")
        self.same("m.checkpoint", "n.checkpoint")

    def test_ignored_signals_stay_ignored(self):
        def nohup():
            training.pending(signal.SIGHUP)()
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.kill(os.getpid(), signal.SIGHUP)
        done = self.run_with(nohup, "--epochs", "1")
        self.assertEqual(done.code, 0, done.err)
