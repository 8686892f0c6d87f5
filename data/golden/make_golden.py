#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden vectors of this folder with PyTorch in float64: ops.txt, train.txt, steps.txt, nets.txt, SHA256SUMS. See README.md.

usage: make_golden.py [ops] [train] [steps] [nets]     (default: all)
"""
import hashlib
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

from golden_case import HERE, INF, NAN, Case, check_philox, f64, hexes, kaiming_uniform
from step_cases import all_step_lines
from train_cases import train_cases


def conv2d(name, n, ic, ih, iw, oc, kh, kw, stride=(1, 1), pad=(0, 0, 0, 0), dilation=(1, 1), groups=1, bias=1):
    """pad: top, left, bottom, right."""
    c = Case("conv2d", name, [n, ic, ih, iw, oc, kh, kw, *stride, *pad, *dilation, groups])
    fan_in = ic // groups * kh * kw
    x, w = c.random(n, ic, ih, iw), c.random(oc, ic // groups, kh, kw, fan_in=fan_in)
    b = c.random(oc, fan_in=fan_in) if bias else c.absent()
    top, left, bottom, right = pad
    c.out(F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, groups))


def linear(name, n, inputs, outputs, bias=1):
    c = Case("linear", name, [n, inputs, outputs])
    x, w = c.random(n, inputs), c.random(outputs, inputs, fan_in=inputs)
    c.out(F.linear(x, w, c.random(outputs, fan_in=inputs) if bias else c.absent()))


def unary(op, f, name, values=None, count=0, exponent=0):
    c = Case(op, name, [len(values) if values else count])
    c.out(f(c.literal(values) if values else c.random(count, exponent=exponent)))


def pool2d(op, name, n, ch, ih, iw, kernel, stride, pad=(0, 0), dilation=(1, 1), ceil=0, include=1, values=None):
    c = Case(op, name, [n, ch, ih, iw, *kernel, *stride, *pad, *dilation, ceil, include])
    x = c.literal(values, n, ch, ih, iw) if values is not None else c.random(n, ch, ih, iw)
    if op == "max_pool2d":
        c.out(*F.max_pool2d(x, kernel, stride, pad, dilation, bool(ceil), return_indices=True))
    else:
        c.out(F.avg_pool2d(x, kernel, stride, pad, bool(ceil), bool(include)))


def rows(op, f, name, n, ch, values=None, exponent=0):
    c = Case(op, name, [n, ch])
    c.out(f(c.literal(values, n, ch) if values else c.random(n, ch, exponent=exponent), dim=1))


def topk(name, n, ch, k, values=None):
    """torch.topk leaves the order of equal values open; a stable sort has the lowest position first and NaN as the largest."""
    c = Case("topk", name, [n, ch, k])
    x = c.literal(values, n, ch) if values else c.random(n, ch)
    y, index = torch.sort(x, dim=1, descending=True, stable=True)
    y, index = y[:, :k], index[:, :k]
    assert torch.equal(torch.nan_to_num(y), torch.nan_to_num(torch.topk(x, k, dim=1).values))
    c.out(y, index)


def forward_cases():
    conv2d("k1", 2, 3, 4, 5, 5, 1, 1)
    conv2d("k3p1", 1, 3, 6, 7, 4, 3, 3, pad=(1, 1, 1, 1))
    conv2d("stride2x3-asymmetric", 1, 4, 7, 8, 3, 3, 3, stride=(2, 3), pad=(1, 0, 2, 1))
    conv2d("dilation2x3", 1, 2, 8, 9, 3, 3, 3, pad=(2, 3, 2, 3), dilation=(2, 3))
    conv2d("groups2", 2, 6, 4, 5, 4, 3, 2, pad=(1, 1, 1, 0), groups=2)
    conv2d("depthwise", 1, 7, 6, 5, 7, 3, 3, pad=(1, 1, 1, 1), groups=7)
    conv2d("depthwise-twice-stride2", 1, 3, 7, 7, 6, 3, 3, stride=(2, 2), pad=(1, 1, 1, 1), groups=3)
    conv2d("no-bias-5x3", 1, 2, 7, 6, 3, 5, 3, bias=0)
    conv2d("kernel-over-input", 1, 3, 3, 2, 4, 5, 5, pad=(1, 2, 1, 2))
    conv2d("pad-over-kernel", 1, 1, 2, 2, 2, 2, 2, pad=(3, 2, 0, 4))
    conv2d("stride-over-kernel", 1, 2, 9, 10, 3, 2, 1, stride=(4, 3))
    conv2d("one-pixel", 3, 17, 1, 1, 9, 1, 1)
    conv2d("everything", 2, 6, 9, 8, 9, 2, 3, stride=(2, 1), pad=(0, 2, 3, 1), dilation=(3, 2), groups=3, bias=0)
    linear("one", 1, 1, 1)
    linear("n3", 3, 17, 5)
    linear("no-bias", 2, 65, 11, bias=0)
    linear("long", 1, 400, 33)

    special = [0.0, -0.0, INF, -INF, NAN, 1e-45, -1e-45, 3.4e38, -3.4e38, 1.0, -1.0, 20.0, -20.0, 0.625, -0.625, 1e-30]
    for op, f in ("relu", F.relu), ("tanh", torch.tanh):
        unary(op, f, "wide", count=40, exponent=3)
        unary(op, f, "tiny", count=17, exponent=-20)
        unary(op, f, "special", values=special)
    dropout = lambda x: F.dropout(x, 0.5, training=False)
    unary("dropout", dropout, "reals", count=19)
    unary("dropout", dropout, "one", count=1)
    unary("dropout", dropout, "special", values=special)
    for name, count, exponent in ("reals", 33, 0), ("wide", 20, 60):
        c = Case("add", name, [count])
        c.out(c.random(count) + c.random(count, exponent=exponent))
    c = Case("add", "special", [8])
    c.out(c.literal([0.0, -0.0, INF, NAN, 3.4e38, 1e-45, 1.0, -1.0]) + c.literal([-0.0, -0.0, -INF, 1.0, 3.4e38, -1e-45, 2**-30, INF]))
    for name, shape in ("one", (1, 1, 1, 1)), ("image", (1, 3, 4, 5)), ("batch", (3, 5, 2, 2)):
        c = Case("flatten", name, shape)
        c.out(c.random(*shape).flatten(1))

    for op in "max_pool2d", "avg_pool2d":
        pool2d(op, "k2s2", 2, 3, 6, 8, (2, 2), (2, 2))
        pool2d(op, "k3s2p1", 1, 3, 7, 9, (3, 3), (2, 2), (1, 1))
        pool2d(op, "k2x3-overlapping", 1, 2, 5, 7, (2, 3), (1, 2), (1, 1))
        pool2d(op, "k2s2-odd", 1, 2, 7, 5, (2, 2), (2, 2))
        pool2d(op, "k2s2-odd-ceil", 1, 2, 7, 5, (2, 2), (2, 2), ceil=1)
        pool2d(op, "k3s2p1-ceil", 1, 2, 6, 8, (3, 3), (2, 2), (1, 1), ceil=1)
        pool2d(op, "ceil-drops-window", 1, 1, 5, 6, (2, 3), (3, 4), (1, 1), ceil=1)
        pool2d(op, "stride-over-kernel", 1, 2, 8, 7, (2, 1), (3, 4))
        pool2d(op, "global", 2, 5, 4, 3, (4, 3), (1, 1))
    pool2d("max_pool2d", "dilation2", 1, 2, 9, 8, (3, 3), (2, 2), (1, 1), (2, 2))
    pool2d("max_pool2d", "dilation3x2-ceil", 1, 2, 11, 8, (2, 3), (2, 3), (1, 1), (3, 2), ceil=1)
    ties = [1, 1, 2, 2, 0.0, -0.0, 1, 1, 2, 2, -0.0, 0.0, -1, -1, 3, 3, -1, -1, -1, -1, 3, 3, -1, -1, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5]
    pool2d("max_pool2d", "ties", 1, 1, 6, 6, (2, 2), (2, 2), values=ties)
    pool2d("max_pool2d", "ties-overlapping", 1, 1, 6, 6, (3, 3), (1, 1), (1, 1), values=ties)
    nans = [1, NAN, 3, 4, INF, 2, NAN, 0, 1, -INF, 5, 6, 7, NAN, 8, 1, 0, NAN, -1, 2]
    pool2d("max_pool2d", "nan", 1, 1, 4, 5, (2, 2), (1, 1), (1, 1), values=nans)
    pool2d("max_pool2d", "all-minus-infinity", 1, 1, 3, 3, (2, 2), (2, 2), (1, 1), values=[-INF] * 8 + [1])
    pool2d("avg_pool2d", "k3s2p1-exclude-pad", 1, 3, 7, 9, (3, 3), (2, 2), (1, 1), include=0)
    pool2d("avg_pool2d", "k3s2p1-ceil-exclude-pad", 1, 2, 6, 8, (3, 3), (2, 2), (1, 1), ceil=1, include=0)
    pool2d("avg_pool2d", "ceil-drops-window-exclude-pad", 1, 1, 5, 6, (2, 3), (3, 4), (1, 1), ceil=1, include=0)

    for op, f in ("softmax", F.softmax), ("log_softmax", F.log_softmax):
        rows(op, f, "one", 2, 1)
        rows(op, f, "n3c10", 3, 10)
        rows(op, f, "c33-wide", 2, 33, exponent=3)
        rows(op, f, "c17-underflow", 1, 17, exponent=10)
        rows(op, f, "c100", 1, 100)
        rows(op, f, "special", 4, 3, values=[-INF, 0, 1, 88, 89, 1000, NAN, 1, 2, -1e30, -1e30, -1e30])
    topk("n3c17k5", 3, 17, 5)
    topk("all", 2, 9, 9)
    topk("first", 3, 31, 1)
    topk("ties", 2, 6, 4, values=[1, 2, 2, 0.0, -0.0, 2, 3, 3, 3, 3, 3, 3])
    topk("nan", 2, 6, 5, values=[1, NAN, INF, NAN, -INF, 2, NAN, NAN, NAN, NAN, 1, -INF])


def normalize(name, n, ch, h, w, mean, std):
    c = Case("normalize", name, [n, ch, h, w])
    x = c.random(n, ch, h, w, exponent=7)
    mean = c.literal(mean) if mean else c.absent()
    std = c.literal(std) if std else c.absent()
    y = x / torch.full_like(x, 255)
    if mean is not None:
        y = y - mean.view(1, ch, 1, 1)
    c.out(y if std is None else y / std.view(1, ch, 1, 1))


def filter2d(name, n, ch, h, w, kh, kw, same):
    c = Case("filter2d", name, [n, ch, h, w, kh, kw, same])
    k, x = c.random(kh, kw), c.random(n, ch, h, w)
    y = F.conv2d(x.view(n * ch, 1, h, w), k.view(1, 1, kh, kw), padding=(kh // 2, kw // 2) if same else 0)
    c.out(y.view(n, ch, *y.shape[2:]))


def resize(name, n, ch, ih, iw, oh, ow, antialias=0):
    c = Case("resize_bilinear", name, [n, ch, ih, iw, oh, ow, antialias])
    c.out(F.interpolate(c.random(n, ch, ih, iw), (oh, ow), mode="bilinear", align_corners=False, antialias=bool(antialias)))


def crop(name, n, ch, ih, iw, top, left, oh, ow):
    c = Case("crop", name, [n, ch, ih, iw, top, left, oh, ow])
    c.out(c.random(n, ch, ih, iw)[:, :, top : top + oh, left : left + ow])


def pad2d(name, n, ch, ih, iw, top, left, bottom, right, mode, value=0.0):
    torch_name = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}
    c = Case("pad2d", f"{mode}-{name}", [n, ch, ih, iw, top, left, bottom, right, list(torch_name).index(mode)])
    x = c.random(n, ch, ih, iw)
    value = float(c.literal([value])[0])
    c.out(F.pad(x, (left, right, top, bottom), torch_name[mode], **({"value": value} if mode == "constant" else {})))


def image_cases():
    for name, ch, h, w in ("rgb", 3, 4, 5), ("grey", 1, 7, 3), ("rgba", 4, 2, 3):
        c = Case("u8_to_f32", name, [ch, h, w])
        c.out(c.bytes(h, w, ch).permute(2, 0, 1))
    for name, n, h, w in ("one", 1, 1, 1), ("image", 1, 5, 7), ("batch", 3, 2, 9):
        c = Case("grayscale", name, [n, h, w])
        x = c.random(n, 3, h, w, exponent=7)
        c.out(0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])
    normalize("imagenet", 2, 3, 4, 5, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    normalize("plain", 1, 2, 5, 7, None, None)
    normalize("mean", 1, 1, 3, 17, [0.1307], None)
    normalize("std", 1, 4, 3, 3, None, [0.3081, 2.0, -0.5, 3.0])
    filter2d("k3-valid", 1, 3, 6, 7, 3, 3, 0)
    filter2d("k3-same", 2, 1, 5, 9, 3, 3, 1)
    filter2d("k5x3-valid", 1, 2, 7, 6, 5, 3, 0)
    filter2d("k1x7-same", 1, 1, 4, 6, 1, 7, 1)
    filter2d("k7-over-image-same", 1, 2, 3, 4, 7, 7, 1)
    filter2d("k5-one-pixel", 1, 1, 5, 5, 5, 5, 0)
    filter2d("k1", 1, 2, 3, 4, 1, 1, 0)
    for antialias in 0, 1:
        suffix = "-antialias" if antialias else ""
        resize("up" + suffix, 1, 2, 4, 5, 9, 11, antialias)
        resize("up-whole" + suffix, 1, 1, 3, 4, 6, 12, antialias)
        resize("down" + suffix, 1, 2, 13, 17, 5, 6, antialias)
        resize("half" + suffix, 2, 1, 8, 10, 4, 5, antialias)
        resize("up-and-down" + suffix, 1, 1, 5, 19, 8, 7, antialias)
        resize("same" + suffix, 1, 2, 5, 4, 5, 4, antialias)
        resize("to-one" + suffix, 1, 3, 7, 6, 1, 1, antialias)
        resize("from-one" + suffix, 1, 3, 1, 1, 3, 4, antialias)
        resize("seventh" + suffix, 1, 1, 29, 31, 4, 4, antialias)
    crop("centre", 1, 3, 7, 8, 2, 3, 3, 4)
    crop("whole", 2, 1, 4, 3, 0, 0, 4, 3)
    crop("corner", 1, 2, 5, 6, 4, 5, 1, 1)
    for horizontal in 0, 1:
        for vertical in 0, 1:
            c = Case("flip", f"h{horizontal}v{vertical}", [2, 2, 3, 5, horizontal, vertical])
            c.out(c.random(2, 2, 3, 5).flip([d for d, on in ((3, horizontal), (2, vertical)) if on]))
    for mode in "constant", "edge", "reflect":
        pad2d("all", 1, 2, 4, 5, 1, 2, 3, 4, mode, 0.7)
        pad2d("none", 1, 1, 3, 3, 0, 0, 0, 0, mode)
        pad2d("one-side", 2, 1, 3, 4, 0, 3, 2, 0, mode, -2.5)


# ----------------------------------------------------------------------------------------------------------- networks


def conv(name, out, kernel, pad):
    return ("conv", name, out, kernel, pad)


def plain(kind, name):
    return (kind, name)


def fc(name, out):
    return ("linear", name, out)


def vgg16_layers():
    layers, at = [], 0
    for width in 64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M":
        if width == "M":
            layers.append(plain("max_pool", f"features.{at}"))
            at += 1
        else:
            layers += [conv(f"features.{at}", width, 3, 1), plain("relu", f"features.{at + 1}")]
            at += 2
    head = [fc("classifier.0", 4096), plain("relu", "classifier.1"), plain("dropout", "classifier.2")]
    head += [fc("classifier.3", 4096), plain("relu", "classifier.4"), plain("dropout", "classifier.5"), fc("classifier.6", 1000)]
    return layers + head


def lenet(activation, pool, names):
    c1, a1, s2, c3, a2, s4, c5, a3, f6, a4, output = names.split()
    return [
        conv(c1, 6, 5, 2), plain(activation, a1), plain(pool, s2), conv(c3, 16, 5, 0), plain(activation, a2), plain(pool, s4),
        fc(c5, 120), plain(activation, a3), fc(f6, 84), plain(activation, a4), fc(output, 10),
    ]  # fmt: skip


NETS = {
    "lenet5": ((1, 28, 28), lenet("relu", "max_pool", "conv1 relu1 pool1 conv2 relu2 pool2 fc1 relu3 fc2 relu4 fc3")),
    "lenet5_1998": ((1, 28, 28), lenet("tanh", "avg_pool", "c1 tanh1 s2 c3 tanh2 s4 c5 tanh3 f6 tanh4 output")),
    "vgg16": ((3, 224, 224), vgg16_layers()),
    "net": (
        (3, 32, 32),
        [conv("conv1", 64, 5, 0), plain("relu", "relu1"), plain("max_pool", "pool1"), conv("conv2", 128, 5, 0),
         plain("relu", "relu2"), plain("max_pool", "pool2"), fc("fc", 10)],
    ),
    "mlp": ((1, 28, 28), [fc("fc1", 300), plain("relu", "relu1"), fc("fc2", 100), plain("relu", "relu2"), fc("fc3", 10)]),
}  # fmt: skip
PARAMETERS = {"lenet5": 61706, "vgg16": 138357544, "net": 241802}
SEED, INPUT_TENSOR, SAMPLES = 1, 1000, 16


def sample_positions(count):
    """First, last, and others scattered by the golden ratio."""
    return [0, count - 1] + [j * 0x9E3779B1 % count for j in range(2, SAMPLES)]


def net_lines(name):
    shape, layers = NETS[name]
    count, tensor = math.prod(shape), 0
    parameters = 0
    x = f64(kaiming_uniform(SEED, INPUT_TENSOR, 6, count), (1, *shape))
    lines = [f"net {name}", f"seed {SEED}", f"input {INPUT_TENSOR} {count}"]
    for kind, layer, *size in layers:
        if kind in ("conv", "linear"):
            if kind == "linear":
                x = x.flatten(1)
            weight_shape = (size[0], x.shape[1], size[1], size[1]) if kind == "conv" else (size[0], x.shape[1])
            fan_in = math.prod(weight_shape[1:])
            w = f64(kaiming_uniform(SEED, tensor, fan_in, math.prod(weight_shape)), weight_shape)
            b = f64(kaiming_uniform(SEED, tensor + 1, fan_in, size[0]), (size[0],))
            tensor += 2
            parameters += w.numel() + b.numel()
            x = F.conv2d(x, w, b, padding=size[2]) if kind == "conv" else F.linear(x, w, b)
        else:
            x = {
                "relu": F.relu,
                "tanh": torch.tanh,
                "max_pool": lambda v: F.max_pool2d(v, 2),
                "avg_pool": lambda v: F.avg_pool2d(v, 2),
                "dropout": lambda v: F.dropout(v, 0.5, training=False),
            }[kind](x)
        y = x.contiguous().numpy().reshape(-1)
        at = sample_positions(y.size)
        lines.append(f"layer {layer} {y.size}")
        lines.append(f"sums {math.fsum(y).hex()} {math.fsum(y * y).hex()}")
        lines.append(" ".join(["at", str(SAMPLES)] + [str(i) for i in at]))
        lines.append(f"values {SAMPLES} {hexes(y[at])}")
    assert parameters == PARAMETERS.get(name, parameters)
    lines.append(f"logits {x.numel()} {hexes(x.numpy())}")
    return lines


def main():
    check_philox()
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or ["ops", "train", "steps", "nets"]
    if "ops" in wanted:
        with np.errstate(all="ignore"):
            forward_cases()
            image_cases()
        Case.write("ops.txt")
    if "train" in wanted:
        train_cases()
        Case.write("train.txt")
    if "steps" in wanted:
        (HERE / "steps.txt").write_text("\n".join(all_step_lines(NETS, sample_positions)) + "\n")
    if "nets" in wanted:
        (HERE / "nets.txt").write_text("\n".join(line for name in NETS for line in net_lines(name)) + "\n")
    names = "golden_case.py", "make_golden.py", "nets.txt", "ops.txt", "step_cases.py", "steps.txt", "train.txt", "train_cases.py"
    sums = [f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (HERE / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    with torch.no_grad():
        main()
