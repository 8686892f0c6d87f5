# SPDX-License-Identifier: Apache-2.0
"""What the tests of `lanewise train` share."""
import hashlib
import json
import os
import signal
import subprocess

import kit
from test_init import read_safetensors


def sha256(path):
    return hashlib.sha256(kit.read(path)).hexdigest()


def pending(number):
    """For preexec_fn: the program starts with a signal that waits for it, which it takes after its first step."""
    def prepare():
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})
        os.kill(os.getpid(), number)
    return prepare


class Case(kit.Case):
    def setUp(self):
        super().setUp()
        self.data = self.path("set")
        self.made(self.data, 320, 50)

    def made(self, folder, train, test):
        self.good("digits", "--out", folder, "--train", str(train), "--test", str(test))
        return folder

    def train(self, *arguments, data=None, net="lenet5"):
        """On one thread unless the arguments say otherwise: the tests run side by side."""
        return self.good("train", net, "--data", data or self.data, "--threads", "1", *arguments)

    def refused(self, *arguments, has, net="lenet5"):
        """Fails before it has printed anything."""
        return self.bad(1, "train", net, "--data", self.data, *arguments, has=has)

    def stopped(self, *arguments, has):
        """Fails on the way."""
        done = self.lanewise("train", "lenet5", "--data", self.data, *arguments)
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, has)

    def run_with(self, prepare, *arguments):
        done = subprocess.run([kit.BINARY, "train", "lenet5", "--data", self.data, "--threads", "1", *arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, preexec_fn=prepare, timeout=60)
        return kit.Result(done.returncode, done.stdout, done.stderr)

    def isas(self):
        return [i["name"] for i in self.json("info", "--json")["isas"] if i["runnable"] and i["name"] != "autovec"]

    def state(self, path):
        header, _ = read_safetensors(path)
        return json.loads(header["__metadata__"]["lanewise.train"])

    def same(self, a, b):
        self.assertEqual(kit.read(self.path(a)), kit.read(self.path(b)), (a, b))
