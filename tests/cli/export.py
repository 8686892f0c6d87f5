# SPDX-License-Identifier: Apache-2.0
"""Reading what `lanewise conform --export` writes, without NumPy."""
import ast
import json
import os
import struct

import kit


def read_npy(path):
    """dtype, shape, elements (flat) of a file of format 1.0, read by the words of its specification."""
    data = kit.read(path)
    assert data[:8] == b"\x93NUMPY\x01\x00", path
    (length,) = struct.unpack("<H", data[8:10])
    assert (10 + length) % 64 == 0 and data[10 + length - 1:10 + length] == b"\n", path
    header = ast.literal_eval(data[10:10 + length].decode("latin1"))
    assert set(header) == {"descr", "fortran_order", "shape"} and header["fortran_order"] is False, header
    count = 1
    for size in header["shape"]:
        count *= size
    code = {"<f4": "f", "<f8": "d", "<i4": "i", "|u1": "B"}[header["descr"]]
    return header["descr"], header["shape"], struct.unpack(f"<{count}{code}", data[10 + length:])


class Case(kit.Case):
    def exported(self, *arguments):
        folder = self.path("cases")
        self.good("conform", "--export", folder, *arguments)
        with open(os.path.join(folder, "index.json"), encoding="utf-8") as f:
            return folder, json.load(f)

    def tensors(self, folder, case):
        return {t["name"]: read_npy(os.path.join(folder, case["folder"], t["file"])) for t in case["tensors"]}
