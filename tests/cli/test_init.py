# SPDX-License-Identifier: Apache-2.0
import json
import os
import struct

import kit

SIZES = {"f32": 4, "f16": 2, "bf16": 2}


def philox(key, counter):
    """One block of Philox4x32-10 (Salmon et al., SC 2011)."""
    k, c = [key & 0xFFFFFFFF, key >> 32], list(counter)
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & 0xFFFFFFFF, (p >> 32) ^ c[3] ^ k[1], p & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def kaiming(seed, tensor, fan_in, count):
    """The first values of a parameter tensor, as lanewise.h defines them."""
    f32 = lambda v: struct.unpack("f", struct.pack("f", v))[0]
    bound = f32((6 / fan_in) ** 0.5)
    words = [w for block in range((count + 3) // 4) for w in philox(seed, (block, 0, tensor, 0))]
    return [f32((2 * ((w >> 8) * 2.0**-24) - 1) * bound) for w in words[:count]]


def read_safetensors(path):
    data = kit.read(path)
    length, = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + length]), data[8 + length:]


class Init(kit.Case):
    def test_lenet5(self):
        path = self.path("w.safetensors")
        out = self.good("init", "lenet5", path)
        self.assertEqual(out, f"lenet5: 61,706 random parameters (seed 1) as f32 in {path}, {os.path.getsize(path) / 1024:.0f} KiB\n")
        header, data = read_safetensors(path)
        self.assertEqual(header.pop("__metadata__"), {"format": "pt"})
        self.assertEqual(len(data), 61706 * 4)
        self.assertEqual({name: t["shape"] for name, t in header.items()},
                         {"conv1.weight": [6, 1, 5, 5], "conv1.bias": [6], "conv2.weight": [16, 6, 5, 5], "conv2.bias": [16],
                          "fc1.weight": [120, 400], "fc1.bias": [120], "fc2.weight": [84, 120], "fc2.bias": [84],
                          "fc3.weight": [10, 84], "fc3.bias": [10]})
        begin, end = header["conv2.bias"]["data_offsets"]
        self.assertEqual(list(struct.unpack("<16f", data[begin:end])), kaiming(1, 3, 150, 16))

    def test_seed_and_dtype(self):
        for seed in (0, 7, 2**63 - 1):
            files = {}
            for dtype, size in SIZES.items():
                path = self.path(f"{seed}.{dtype}")
                self.good("init", "mlp", path, "--seed", str(seed), "--dtype", dtype)
                header, files[dtype] = read_safetensors(path)
                self.assertEqual(header["fc1.weight"]["dtype"], dtype.upper())
                self.assertEqual(len(files[dtype]), 266610 * size)
            want = kaiming(seed, 0, 784, 40)
            self.assertEqual(list(struct.unpack("<40f", files["f32"][:160])), want)
            self.assertEqual(files["f16"][:80], struct.pack("<40e", *want))  # rounds to nearest even too

    def test_replaces(self):
        path = self.path("w")
        self.good("init", "net", path, "--seed", "1")
        first = kit.read(path)
        self.good("init", "net", path, "--seed", "2")
        second = kit.read(path)
        self.assertEqual(len(first), len(second))
        self.assertNotEqual(first, second)
        self.good("init", "net", path)
        self.assertEqual(kit.read(path), first)
        self.assertEqual(os.listdir(self.folder), ["w"])
        piped = self.lanewise("init", "lenet5", "/dev/null")  # no file: not a word among what is piped
        self.assertEqual((piped.code, piped.out, piped.err), (0, "", ""))

    def test_wrong(self):
        self.bad(2, "init", has=["NET is missing", "lanewise init --help"])
        self.bad(2, "init", "lenet5", has="FILE is missing")
        self.bad(2, "init", "lenet5", "a", "b", has='"b" is one argument too many')
        self.bad(2, "init", "alexnet", "a", has=['"alexnet"', "lenet5, lenet5_1998, vgg16, net or mlp"])
        self.bad(2, "init", "lenet5", "a", "--dtype", "int8", has='--dtype is "int8", expected f32, f16 or bf16')
        self.bad(2, "init", "lenet5", "a", "--seed", "-1", has='--seed is "-1", expected a whole number from 0')
        self.bad(1, "init", "lenet5", self.path("none/a"), has=["none/a", "No such file"])
        self.bad(1, "init", "lenet5", self.folder, has="Is a directory")
        self.bad(1, "init", "lenet5", "/dev/full", has="No space left on device")
        self.assertEqual(os.listdir(self.folder), [])
        self.assertIn("RANDOM", self.good("init", "--help"))
