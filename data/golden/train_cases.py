# SPDX-License-Identifier: Apache-2.0
"""The cases of train.txt: backward operators, loss, sgd."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from golden_case import INF, NAN, Case, f64, kaiming_uniform, philox


def gradient(f, x, dy):
    """Of f at x, for the gradient dy of f(x)."""
    with torch.enable_grad():
        x = x.clone().requires_grad_()
        f(x).backward(dy)
    return x.grad


def conv2d_backward(name, n, ic, ih, iw, oc, kh, kw, stride=(1, 1), pad=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    ints = [n, ic, ih, iw, oc, kh, kw, *stride, *pad, *dilation, groups]
    top, left, bottom, right = pad
    f = lambda x, w, b: F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, groups)
    x_shape, w_shape = (n, ic, ih, iw), (oc, ic // groups, kh, kw)
    y_shape = f(torch.zeros(x_shape), torch.zeros(w_shape), torch.zeros(oc)).shape
    c = Case("conv2d_backward_data", name, ints)
    dy, w = c.random(*y_shape), c.random(*w_shape, fan_in=math.prod(w_shape[1:]))
    c.out(gradient(lambda x: f(x, w, None), torch.zeros(x_shape, dtype=torch.float64), dy))
    c = Case("conv2d_backward_weights", name, ints)
    x, dy = c.random(*x_shape), c.random(*y_shape)
    c.out(gradient(lambda w: f(x, w, None), torch.zeros(w_shape, dtype=torch.float64), dy))
    c = Case("conv2d_backward_bias", name, ints)
    dy = c.random(*y_shape)
    c.out(gradient(lambda b: f(x, torch.zeros(w_shape, dtype=torch.float64), b), torch.zeros(oc, dtype=torch.float64), dy))


def linear_backward(name, n, inputs, outputs):
    c = Case("linear_backward_data", name, [n, inputs, outputs])
    dy, w = c.random(n, outputs), c.random(outputs, inputs, fan_in=inputs)
    c.out(gradient(lambda x: F.linear(x, w), torch.zeros(n, inputs, dtype=torch.float64), dy))
    c = Case("linear_backward_weights", name, [n, inputs, outputs])
    x, dy = c.random(n, inputs), c.random(n, outputs)
    c.out(gradient(lambda w: F.linear(x, w), torch.zeros(outputs, inputs, dtype=torch.float64), dy))
    c = Case("linear_backward_bias", name, [n, inputs, outputs])
    dy, w = c.random(n, outputs), torch.zeros(outputs, inputs, dtype=torch.float64)
    c.out(gradient(lambda b: F.linear(x, w, b), torch.zeros(outputs, dtype=torch.float64), dy))


def pool2d_backward(op, name, n, ch, ih, iw, kernel, stride, pad=(0, 0), dilation=(1, 1), ceil=0, include=1, values=None):
    """max_pool2d_backward takes the indices of the forward operator."""
    c = Case(op, name, [n, ch, ih, iw, *kernel, *stride, *pad, *dilation, ceil, include])
    if op == "max_pool2d_backward":
        shape = (n, ch, ih, iw)
        x = f64(values, shape) if values else f64(kaiming_uniform(Case.seed, 7, 6, math.prod(shape)), shape)
        f = lambda x: F.max_pool2d(x, kernel, stride, pad, dilation, bool(ceil))
        c.literal(F.max_pool2d(x, kernel, stride, pad, dilation, bool(ceil), return_indices=True)[1].numpy())
    else:
        x = torch.zeros(n, ch, ih, iw, dtype=torch.float64)
        f = lambda x: F.avg_pool2d(x, kernel, stride, pad, bool(ceil), bool(include))
    c.out(gradient(f, x, c.random(*f(x).shape)))


def cross_entropy(name, n, ch, labels, reduction="mean", weights=None, smoothing=0.0, ignore=None, exponent=0, values=None):
    """Loss and gradient. ints: n, c, reduction, whether a label is ignored and which."""
    ints = [n, ch, ["mean", "sum"].index(reduction), ignore is not None, ignore or 0]
    for op in "softmax_cross_entropy", "softmax_cross_entropy_backward":
        c = Case(op, name, ints)
        x = c.literal(values, n, ch) if values else c.random(n, ch, exponent=exponent)
        target = c.literal(labels).long()
        w = c.literal(weights) if weights else c.absent()
        eps = float(c.literal([smoothing])[0])
        f = lambda x: F.cross_entropy(x, target, w, ignore_index=-100 if ignore is None else ignore, reduction=reduction,
                                      label_smoothing=eps)  # fmt: skip
        c.out(f(x).reshape(1) if op == "softmax_cross_entropy" else gradient(f, x, torch.ones((), dtype=torch.float64)))


def sgd(name, count, steps, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=0):
    """`steps` steps from w with the gradients g[step]; the output is w and, with momentum, the buffer."""
    c = Case("sgd", name, [count, steps, nesterov])
    w, g = c.random(count), c.random(steps, count)
    lr, momentum, dampening, weight_decay = (float(v) for v in c.literal([lr, momentum, dampening, weight_decay]))
    w = w.clone().requires_grad_()
    optimiser = torch.optim.SGD([w], lr, momentum, dampening, weight_decay, bool(nesterov))
    for step in range(steps):
        w.grad = g[step].clone()
        optimiser.step()
    out = [w.detach()]
    if momentum != 0:
        out.append(optimiser.state[w]["momentum_buffer"])
    c.out(torch.cat(out))


def dropout_train(name, count, probability, seed, stream):
    """PyTorch has random numbers of its own, so this is written out. ints: count, seed, stream."""
    c = Case("dropout_train", name, [count, seed, stream])
    x = c.random(count).numpy()
    probability = float(c.literal([probability])[0])
    low = 0xFFFFFFFF
    block = np.arange(-(-count // 4), dtype=np.uint64)
    counter = (block & np.uint64(low), block >> np.uint64(32), stream & low, stream >> 32)
    words = np.stack(np.broadcast_arrays(*philox((seed & low, seed >> 32), counter)), axis=1).reshape(-1)[:count]
    kept = (words >> np.uint64(8)).astype(np.float64) * 2.0**-24 >= probability
    c.out(torch.from_numpy(np.where(kept, x / (1 - probability) if probability < 1 else x, 0.0)))


def train_cases():
    conv2d_backward("k1", 2, 3, 4, 5, 5, 1, 1)
    conv2d_backward("k3p1", 3, 3, 6, 7, 4, 3, 3, pad=(1, 1, 1, 1))
    conv2d_backward("stride2x3-asymmetric", 2, 4, 7, 8, 3, 3, 3, stride=(2, 3), pad=(1, 0, 2, 1))
    conv2d_backward("dilation2x3", 1, 2, 8, 9, 3, 3, 3, pad=(2, 3, 2, 3), dilation=(2, 3))
    conv2d_backward("groups2", 2, 6, 4, 5, 4, 3, 2, pad=(1, 1, 1, 0), groups=2)
    conv2d_backward("depthwise-twice-stride2", 2, 3, 7, 7, 6, 3, 3, stride=(2, 2), pad=(1, 1, 1, 1), groups=3)
    conv2d_backward("kernel-over-input", 1, 3, 3, 2, 4, 5, 5, pad=(1, 2, 1, 2))
    conv2d_backward("pad-over-kernel", 1, 1, 2, 2, 2, 2, 2, pad=(3, 2, 0, 4))
    conv2d_backward("stride-over-kernel", 1, 2, 9, 10, 3, 2, 1, stride=(4, 3))
    conv2d_backward("everything", 2, 6, 9, 8, 9, 2, 3, stride=(2, 1), pad=(0, 2, 3, 1), dilation=(3, 2), groups=3)
    linear_backward("one", 1, 1, 1)
    linear_backward("n3", 3, 17, 5)
    linear_backward("n9", 9, 33, 12)

    special = [0.0, -0.0, INF, -INF, NAN, 1e-45, -1e-45, 3.4e38, -3.4e38, 1.0, -1.0, 20.0, -20.0, 0.625, -0.625, 1e-30]
    for name, count, values in ("reals", 40, None), ("one", 1, None), ("special", 16, special):
        c = Case("relu_backward", name, [count])
        y, dy = c.literal(values) if values else c.random(count), c.literal(special[::-1]) if values else c.random(count)
        c.out(torch.ops.aten.threshold_backward(dy, y, 0))
    for name, count, exponent in ("reals", 40, 0), ("one", 1, 0), ("tiny", 17, -20):
        c = Case("tanh_backward", name, [count])
        y, dy = c.random(count, exponent=exponent), c.random(count, exponent=2)
        c.out(torch.ops.aten.tanh_backward(dy, y))

    for op in "max_pool2d_backward", "avg_pool2d_backward":
        pool2d_backward(op, "k2s2", 2, 3, 6, 8, (2, 2), (2, 2))
        pool2d_backward(op, "k3s2p1", 1, 3, 7, 9, (3, 3), (2, 2), (1, 1))
        pool2d_backward(op, "k2x3-overlapping", 1, 2, 5, 7, (2, 3), (1, 2), (1, 1))
        pool2d_backward(op, "k3s1p1", 1, 2, 4, 19, (3, 3), (1, 1), (1, 1))
        pool2d_backward(op, "k2s2-odd", 1, 2, 7, 5, (2, 2), (2, 2))
        pool2d_backward(op, "k2s2-odd-ceil", 1, 2, 7, 5, (2, 2), (2, 2), ceil=1)
        pool2d_backward(op, "k3s2p1-ceil", 1, 2, 6, 8, (3, 3), (2, 2), (1, 1), ceil=1)
        pool2d_backward(op, "ceil-drops-window", 1, 1, 5, 6, (2, 3), (3, 4), (1, 1), ceil=1)
        pool2d_backward(op, "stride-over-kernel", 1, 2, 8, 7, (2, 1), (3, 4))
        pool2d_backward(op, "global", 2, 5, 4, 3, (4, 3), (1, 1))
    pool2d_backward("max_pool2d_backward", "dilation2", 1, 2, 9, 8, (3, 3), (2, 2), (1, 1), (2, 2))
    ties = [1, 1, 2, 2, 0.0, -0.0, 1, 1, 2, 2, -0.0, 0.0, -1, -1, 3, 3, -1, -1, -1, -1, 3, 3, -1, -1, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5]
    pool2d_backward("max_pool2d_backward", "ties-overlapping", 1, 1, 6, 6, (3, 3), (1, 1), (1, 1), values=ties)
    pool2d_backward("avg_pool2d_backward", "k3s2p1-exclude-pad", 1, 3, 7, 9, (3, 3), (2, 2), (1, 1), include=0)
    pool2d_backward("avg_pool2d_backward", "k3s2p1-ceil-exclude-pad", 1, 2, 6, 8, (3, 3), (2, 2), (1, 1), ceil=1, include=0)

    weights = [0.5, 2.0, 1.0, 0.25, 0.7, 1.5, 0.1, 3.0, 1.0, 0.9]
    labels = [3, 0, 9, 3, 7, 1]
    cross_entropy("plain", 6, 10, labels)
    cross_entropy("sum", 6, 10, labels, "sum")
    cross_entropy("one-class", 2, 1, [0, 0])
    cross_entropy("wide", 3, 33, [32, 0, 17], exponent=3)
    cross_entropy("weights", 6, 10, labels, weights=weights)
    cross_entropy("weights-sum", 6, 10, labels, "sum", weights=weights)
    cross_entropy("smoothing", 6, 10, labels, smoothing=0.1)
    cross_entropy("smoothing-one", 6, 10, labels, smoothing=1.0)
    cross_entropy("smoothing-weights", 6, 10, labels, weights=weights, smoothing=0.25)
    cross_entropy("smoothing-weights-sum", 6, 10, labels, "sum", weights=weights, smoothing=0.25)
    cross_entropy("ignore", 6, 10, labels, ignore=3)
    cross_entropy("ignore-outside", 6, 10, [3, -100, 9, -100, 7, 1], ignore=-100)
    cross_entropy("everything", 6, 10, labels, weights=weights, smoothing=0.1, ignore=3)
    cross_entropy("everything-sum", 6, 10, labels, "sum", weights=weights, smoothing=0.1, ignore=3)
    cross_entropy("all-ignored", 2, 4, [1, 1], ignore=1)
    cross_entropy("all-ignored-sum", 2, 4, [1, 1], "sum", ignore=1)
    cross_entropy("all-ignored-smoothing", 2, 4, [1, 1], smoothing=0.1, ignore=1)
    cross_entropy("certain", 2, 3, [0, 1], values=[200, 0, -200, 200, 0, -200])

    sgd("plain", 9, 1, 0.1)
    sgd("plain-3", 9, 3, 0.1)
    sgd("decay", 9, 3, 0.1, weight_decay=0.05)
    sgd("momentum", 9, 3, 0.1, 0.9)
    sgd("momentum-decay", 9, 3, 0.01, 0.9, weight_decay=5e-4)
    sgd("dampening", 9, 3, 0.1, 0.5, 0.25)
    sgd("nesterov", 9, 3, 0.1, 0.9, weight_decay=0.05, nesterov=1)

    dropout_train("half", 67, 0.5, 1, 0)
    dropout_train("tenth", 41, 0.1, 0x123456789ABCDEF, 7)
    dropout_train("none", 9, 0.0, 3, 2)
    dropout_train("all", 9, 1.0, 3, 2)
    dropout_train("wide-stream", 30, 0.7, 5, 1 << 40)
