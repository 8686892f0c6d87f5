# SPDX-License-Identifier: Apache-2.0
"""LeNet-5 with weights of a few ones, so that its layers can be computed by hand, as a safetensors file written by hand."""
import json
import math
import struct

SHAPES = {"conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,), "fc1.weight": (120, 400),
          "fc1.bias": (120,), "fc2.weight": (84, 120), "fc2.bias": (84,), "fc3.weight": (10, 84), "fc3.bias": (10,)}
BIAS = [.5, -1, 0, 2, .25, 1, -2, 0, 1.5, -.5]


def save(path, values=None, drop=None):
    """values: {(tensor, position): value}; everything else is 0. `drop` leaves a tensor out."""
    header, data = {}, b""
    for name, shape in SHAPES.items():
        if name == drop:
            continue
        tensor = [0.0] * math.prod(shape)
        for (of, at), value in (weights() if values is None else values).items():
            if of == name:
                tensor[at] = value
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * len(tensor)]}
        data += struct.pack(f"<{len(tensor)}f", *tensor)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    return path


def weights():
    w = {("conv1.weight", 12): 1,                            # map 0: the image
         ("conv1.weight", 25 + 12): -1,                      # map 1: its negative
         ("conv1.weight", 50 + 11): 1,                       # map 2: moved right by one
         ("conv1.bias", 3): .5,                              # map 3: a constant
         ("conv2.weight", 12): 1,                            # map 0: map 0, without two pixels at each side
         ("fc2.weight", 0): 1}
    w.update({("fc1.weight", i): 1 / 16 for i in range(25)})  # the sum of map 0
    w.update({("fc3.weight", 84 * k): k / 8 for k in range(10)})
    w.update({("fc3.bias", k): b for k, b in enumerate(BIAS)})
    return w


def pool(w, h, plane):
    return [max(plane[2 * y * w + 2 * x], plane[2 * y * w + 2 * x + 1], plane[(2 * y + 1) * w + 2 * x], plane[(2 * y + 1) * w + 2 * x + 1])
            for y in range(h // 2) for x in range(w // 2)]


def logits(pixels):
    """Of 28x28 bytes, with the weights of weights()."""
    pool1 = pool(28, 28, [p / 255 for p in pixels])
    conv2 = [pool1[(y + 2) * 14 + x + 2] for y in range(10) for x in range(10)]
    total = sum(pool(10, 10, conv2)) / 16
    return [k / 8 * total + b for k, b in enumerate(BIAS)]


def softmax(values):
    e = [math.exp(v - max(values)) for v in values]
    return [v / sum(e) for v in e]
