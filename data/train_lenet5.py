#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains LeNet-5 on the built-in digits and writes data/weights/lenet5.safetensors and data/weights/SHA256SUMS. It learns from the
training half alone, as it is, and prints the accuracy on the test half and what it says of data/samples.

usage: /usr/bin/python3 data/train_lenet5.py [liblanewise_data.so]      (Debian: python3-torch, python3-numpy, python3-pil)

Seeds are fixed and one thread does all sums, so that one machine gives one file; PyTorch rounds differently on different CPUs.
"""
import ctypes
import hashlib
import json
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parent
LIBRARY = FOLDER.parent / "build" / "release" / "lib" / "liblanewise_data.so"
TRAIN, TEST, SEED = 60000, 10000, 1
EPOCHS, BATCH, RATE = 10, 64, 0.08


def digits(library, first, count):
    """Images [count][1][28][28] / 255 and labels, by lw_digits."""
    pixels, labels = np.empty((count, 1, 28, 28), np.uint8), np.empty(count, np.uint8)
    pointer = ctypes.POINTER(ctypes.c_uint8)
    library.lw_digits.argtypes = [ctypes.c_uint64, ctypes.c_int64, ctypes.c_int64, pointer, pointer]
    if library.lw_digits(SEED, first, count, pixels.ctypes.data_as(pointer), labels.ctypes.data_as(pointer)) != 0:
        library.lw_error_message.restype = ctypes.c_char_p
        sys.exit(library.lw_error_message().decode())
    return torch.from_numpy(pixels).float() / 255, torch.from_numpy(labels).long()


class LeNet5(nn.Module):
    """lenet5 of nets/tables.c."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


def train(model, x, y):
    steps = len(x) // BATCH
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * steps)
    for epoch in range(EPOCHS):
        order, loss_sum = torch.randperm(len(x)), 0.0
        for i in range(steps):
            chosen = order[i * BATCH:(i + 1) * BATCH]
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item()
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {loss_sum / steps:.4f}", flush=True)


def sample(path):
    """An image as lw_image_to_gray28 makes it."""
    x = torch.from_numpy(np.array(Image.open(path).convert("L"))).float()[None, None]
    if x.shape[2:] != (28, 28):
        x = F.interpolate(x, (28, 28), mode="bilinear", antialias=True)
    return x / 255


def write_safetensors(path, tensors):
    """https://github.com/huggingface/safetensors#format: the header's length, the header, the data."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        values = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    library = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else str(LIBRARY))
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model = LeNet5()
    train(model, *digits(library, 0, TRAIN))
    x, y = digits(library, TRAIN, TEST)
    with torch.no_grad():
        right = int((model(x).argmax(1) == y).sum())
        print(f"{right} of {TEST} test images right: {100 * right / TEST:.2f} %")
        for path in sorted((FOLDER / "samples").glob("digit_*.png")):
            probabilities = F.softmax(model(sample(path)), 1)[0]
            print(f"{path.name}: {int(probabilities.argmax())} ({100 * float(probabilities.max()):.1f} %)")
    folder = FOLDER / "weights"
    folder.mkdir(exist_ok=True)
    path = folder / "lenet5.safetensors"
    write_safetensors(path, model.state_dict())
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
