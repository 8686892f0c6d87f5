# SPDX-License-Identifier: Apache-2.0
"""Random values and the text of cases, for make_golden.py and train_cases.py."""
import math
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve().parent
INF, NAN = math.inf, math.nan


# ------------------------------------------------------------------------------------------------------ Philox4x32-10


def philox(key, counter):
    """key: 2 words, counter: 4 words, each a number or a uint64 array. Returns 4 arrays."""
    low = np.uint64(0xFFFFFFFF)
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    for i in range(10):
        k0, k1 = (np.uint64((key[j] + i * bump) & 0xFFFFFFFF) for j, bump in enumerate((0x9E3779B9, 0xBB67AE85)))
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ k0, p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ k1, p0 & low]
    return c


def check_philox():
    """Known answers published with Random123 (kat_vectors, philox4x32-10)."""
    ones = 0xFFFFFFFF
    for key, counter, answer in (
        ((0, 0), (0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((ones, ones), (ones,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ((0xA4093822, 0x299F31D0), (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ):
        got = " ".join("%08x" % int(word) for word in philox(key, counter))
        if got != answer:
            sys.exit(f"Philox is wrong: {got}, expected {answer}")


def kaiming_uniform(seed, tensor, fan_in, count):
    """What lw_kaiming_uniform writes, as float32."""
    key = (seed & 0xFFFFFFFF, seed >> 32)
    bound = np.float32(math.sqrt(6.0 / fan_in))
    out = np.empty(-(-count // 4) * 4, dtype=np.float32)
    for first in range(0, len(out), 1 << 22):
        block = np.arange(first // 4, min(first + (1 << 22), len(out)) // 4, dtype=np.uint64)
        words = np.stack(philox(key, (block & np.uint64(0xFFFFFFFF), block >> np.uint64(32), tensor, 0)), axis=1).reshape(-1)
        u = (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)
        out[first : first + len(words)] = (np.float32(2) * u - np.float32(1)) * bound
    return out[:count]


def f64(array, shape):
    return torch.from_numpy(np.asarray(array, dtype=np.float64).reshape(shape))


def hexes(values):
    return " ".join(float(v).hex() for v in np.asarray(values, dtype=np.float64).reshape(-1))


# ---------------------------------------------------------------------------------------------------------- operators


class Case:
    """One case of one operator; inputs are numbered in the order in which they are asked for."""

    lines = []
    seed = 0

    def __init__(self, op, name, ints):
        Case.seed += 1
        self.seed, self.tensor, self.ints = Case.seed, 0, ints
        self.lines.append(f"case {op} {name}")
        self.lines.append(" ".join(["ints", str(len(ints))] + [str(int(i)) for i in ints]))

    @staticmethod
    def write(name):
        """The cases so far; those of the next file are numbered anew."""
        (HERE / name).write_text("\n".join(Case.lines) + "\n")
        Case.lines, Case.seed = [], 0

    def random(self, *shape, fan_in=6, exponent=0):
        """Uniform in [-b, b) * 2^exponent, b = (float)sqrt(6 / fan_in)."""
        count = math.prod(shape)
        self.lines.append(f"philox {self.seed} {self.tensor} {fan_in} {exponent} {count}")
        self.tensor += 1
        return f64(kaiming_uniform(self.seed, self.tensor - 1, fan_in, count) * np.float32(2.0**exponent), shape)

    def bytes(self, *shape):
        count = math.prod(shape)
        self.lines.append(f"bytes {self.seed} {self.tensor} {count}")
        self.tensor += 1
        return f64(np.floor((kaiming_uniform(self.seed, self.tensor - 1, 6, count) + np.float32(1)) * 128), shape)

    def literal(self, values, *shape):
        values = np.asarray(values, dtype=np.float32)
        self.lines.append(f"values {values.size} {hexes(values)}")
        return f64(values, shape or values.shape)

    def absent(self):
        self.lines.append("absent")

    def out(self, y, index=None):
        y = y.contiguous().numpy()
        assert y.dtype == np.float64
        self.lines.append(f"output {y.size} {hexes(y)}")
        if index is not None:
            self.lines.append(" ".join(["index", str(index.numel())] + [str(int(i)) for i in index.reshape(-1)]))
