# SPDX-License-Identifier: Apache-2.0
"""Lanewise from Python: ctypes and NumPy, no C of one's own.

usage: lanewise_numpy.py [LIBRARY]      (default: liblanewise.so.0, wherever the loader finds it)

As a module: load(), then conv2d(x, w, bias) and Network(name, tensors). Run by itself it computes a convolution and a LeNet-5 pass and
compares both with NumPy in double precision.
"""
import ctypes
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int, c_int64, c_size_t, c_uint64, c_void_p

import numpy as np


class Error(RuntimeError):
    """The library's own message: which argument, its value, what was expected."""


class Conv2dDesc(Structure):
    """lw_conv2d_desc: the same fields in the same order, as in every class below."""
    _fields_ = [(name, c_int64) for name in (
        "n ic ih iw oc kh kw stride_h stride_w pad_top pad_left pad_bottom pad_right dilation_h dilation_w groups").split()]


class Net(Structure):
    """lw_net"""
    _fields_ = [("name", c_char_p), ("c", c_int64), ("h", c_int64), ("w", c_int64), ("layers", c_void_p), ("layer_count", c_size_t)]


class ParameterInfo(Structure):
    """lw_parameter_info"""
    _fields_ = [("name", ctypes.c_char * 128), ("layer", c_size_t), ("is_bias", c_int), ("rank", c_int), ("shape", c_int64 * 4),
                ("count", c_int64), ("fan_in", c_int64), ("in_c", c_int64), ("in_h", c_int64), ("in_w", c_int64)]


class Weights(Structure):
    """lw_weights"""
    _fields_ = [("read", c_void_p), ("user", c_void_p), ("map", c_void_p)]


class PlanOptions(Structure):
    """lw_plan_options; what later versions append is 0, their default."""
    _fields_ = [("batch", c_int64), ("no_fuse", c_int), ("memory_limit", c_size_t), ("later", c_int64 * 16)]


FLOATS = POINTER(c_float)
lib = None


def check(status):
    """An exception for every status that is not LW_OK."""
    if status != 0:
        raise Error(lib.lw_error_message().decode())


def load(path="liblanewise.so.0"):
    """Loads the library; call it once, before anything else."""
    global lib
    lib = ctypes.CDLL(path)
    declare = {  # function: result, arguments
        "lw_error_message": (c_char_p,),
        "lw_context_isa": (c_char_p, c_void_p),
        "lw_conv2d_output": (check, POINTER(Conv2dDesc), POINTER(c_int64), POINTER(c_int64)),
        "lw_conv2d": (check, c_void_p, POINTER(Conv2dDesc), FLOATS, FLOATS, FLOATS, FLOATS),
        "lw_kaiming_uniform": (None, c_uint64, c_int, c_int64, c_int64, c_int64, FLOATS),
        "lw_net_builtin": (POINTER(Net), c_char_p),
        "lw_net_parameter": (check, POINTER(Net), c_int, POINTER(ParameterInfo)),
        "lw_net_parameter_tensors": (check, POINTER(Net), POINTER(c_int)),
        "lw_weights_arrays": (Weights, POINTER(FLOATS)),
        "lw_plan_create": (check, c_void_p, POINTER(Net), POINTER(Weights), POINTER(PlanOptions), POINTER(c_void_p)),
        "lw_plan_destroy": (None, c_void_p),
        "lw_plan_workspace_bytes": (c_size_t, c_void_p),
        "lw_plan_outputs": (c_int64, c_void_p),
        "lw_plan_run": (check, c_void_p, FLOATS, FLOATS, c_void_p),
        "lw_allocate": (check, c_void_p, c_size_t, POINTER(c_void_p)),
        "lw_release": (None, c_void_p, c_void_p),
    }
    for name, (result, *arguments) in declare.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments


def floats(array):
    """A contiguous f32 array of the same values, and its pointer; None stays NULL. Hold the array while the pointer is in use."""
    if array is None:
        return None, None
    array = np.ascontiguousarray(array, dtype=np.float32)
    return array, array.ctypes.data_as(FLOATS)


def conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """x[n][ic][ih][iw], w[oc][ic/groups][kh][kw], bias[oc]: y[n][oc][oh][ow], with torch.nn.functional.conv2d's arguments."""
    (n, ic, ih, iw), (oc, wic, kh, kw) = x.shape, w.shape
    if wic * groups != ic or (bias is not None and bias.shape != (oc,)):
        raise ValueError(f"shapes do not fit: x {x.shape}, w {w.shape}, bias {None if bias is None else bias.shape}, groups {groups}")
    desc = Conv2dDesc(n, ic, ih, iw, oc, kh, kw, stride, stride, padding, padding, padding, padding, dilation, dilation, groups)
    oh, ow = c_int64(), c_int64()
    lib.lw_conv2d_output(byref(desc), byref(oh), byref(ow))
    y = np.empty((n, oc, oh.value, ow.value), dtype=np.float32)
    (x, px), (w, pw), (bias, pbias), (_, py) = floats(x), floats(w), floats(bias), floats(y)
    lib.lw_conv2d(None, byref(desc), px, pw, pbias, py)
    return y


def parameter_shapes(name):
    """{"conv1.weight": (6, 1, 5, 5), ...}: the parameters of a built-in network, in order."""
    net, count, info, shapes = lib.lw_net_builtin(name.encode()), c_int(), ParameterInfo(), {}
    lib.lw_net_parameter_tensors(net, byref(count))
    for i in range(count.value):
        lib.lw_net_parameter(net, i, byref(info))
        shapes[info.name.decode()] = tuple(info.shape[:info.rank])
    return shapes


class Network:
    """A built-in network with the weights in `tensors` ({name: array}, as parameter_shapes names them)."""

    def __init__(self, name, tensors, batch=1):
        self.plan, self.workspace = c_void_p(), c_void_p()
        net, shapes = lib.lw_net_builtin(name.encode()), parameter_shapes(name)
        for parameter, shape in shapes.items():
            if tensors[parameter].shape != shape:
                raise ValueError(f"{parameter} has shape {tensors[parameter].shape}, expected {shape}")
        held = [floats(tensors[parameter]) for parameter in shapes]  # until the plan has packed them
        pointers = (FLOATS * len(held))(*(pointer for _, pointer in held))
        source = lib.lw_weights_arrays(pointers)
        lib.lw_plan_create(None, net, byref(source), byref(PlanOptions(batch=batch)), byref(self.plan))
        lib.lw_allocate(None, lib.lw_plan_workspace_bytes(self.plan), byref(self.workspace))
        self.shape = (batch, net.contents.c, net.contents.h, net.contents.w)

    def __call__(self, x):
        if x.shape != self.shape:
            raise ValueError(f"x has shape {x.shape}, expected {self.shape}")
        y = np.empty((self.shape[0], lib.lw_plan_outputs(self.plan)), dtype=np.float32)
        (x, px), (_, py) = floats(x), floats(y)
        lib.lw_plan_run(self.plan, px, py, self.workspace)
        return y

    def __del__(self):
        lib.lw_release(None, self.workspace)
        lib.lw_plan_destroy(self.plan)


# ------------------------------------------------------------------------------------------------- compared with NumPy


def uniform(tensor, shape):
    """Seeded numbers with the spread of trained weights; the same on every machine."""
    array = np.empty(shape, dtype=np.float32)
    fan_in = array[0].size if array.ndim > 1 else array.size
    lib.lw_kaiming_uniform(1, tensor, fan_in, 0, array.size, array.ctypes.data_as(FLOATS))
    return array


def conv2d_numpy(x, w, bias, padding):
    x, w = np.pad(x.astype(float), ((0, 0), (0, 0), (padding, padding), (padding, padding))), w.astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w) + bias.astype(float)[:, None, None]


def lenet5_numpy(x, p):
    def pool(y):
        return y.reshape(*y.shape[:2], y.shape[2] // 2, 2, y.shape[3] // 2, 2).max(axis=(3, 5))

    (w1, b1), (w2, b2), *linear = list(zip(*[iter(p.values())] * 2))
    y = pool(np.maximum(conv2d_numpy(x, w1, b1, 2), 0))
    y = pool(np.maximum(conv2d_numpy(y, w2, b2, 0), 0)).reshape(x.shape[0], -1)
    for i, (w, b) in enumerate(linear):
        y = y @ w.T.astype(float) + b
        y = np.maximum(y, 0) if i < len(linear) - 1 else y
    return y


def main():
    load(*sys.argv[1:2])
    x, w, bias = uniform(0, (2, 3, 14, 14)), uniform(1, (8, 3, 3, 3)), uniform(2, (8,))
    y = conv2d(x, w, bias, padding=1)
    print(f"{lib.lw_context_isa(None).decode()}: conv2d gives {y.shape}, furthest from NumPy {abs(y - conv2d_numpy(x, w, bias, 1)).max():.1e}")

    tensors = {name: uniform(i, shape) for i, (name, shape) in enumerate(parameter_shapes("lenet5").items())}
    images = uniform(99, (4, 1, 28, 28))
    logits = Network("lenet5", tensors, batch=4)(images)
    print(f"lenet5 gives classes {logits.argmax(axis=1).tolist()}, furthest from NumPy {abs(logits - lenet5_numpy(images, tensors)).max():.1e}")
    try:
        conv2d(x, w, padding=-1)
    except Error as error:
        print(f"error: {error}")


if __name__ == "__main__":
    main()
