# SPDX-License-Identifier: Apache-2.0
"""The roofline of Williams, Waterman and Patterson (CACM 52(4), 2009), as a figure of the report: see figures.py."""
import math

from matplotlib.transforms import Bbox
from matplotlib.ticker import FuncFormatter, NullLocator

from figures import FEW_THREADS, SMALL, Absent, ends, nets_in_order
from results import isa_rank, isa_text, layer_text, net_text, threads_text
from svg import COLOURS, Canvas

TALL, LINE = 290, 13  # pixels: of the axes, of a line of small text
MARKS = {"layer": ("o", 6.5, "ink"), "pass": ("D", 6.5, "other"), "kernel": ("s", 4.5, "soft")}


class Point:
    """kind: layer, pass or kernel."""

    def __init__(self, benchmark, name, kind):
        self.benchmark, self.name, self.kind = benchmark, name, kind
        self.x, self.y = benchmark.intensity, benchmark.value("GFLOP/s")


def points_of(results, threads):
    """Layers where they were measured, else whole passes, and hot kernels of the strongest ISA. Exact ones where there are any: the
    roof is that of their flops."""
    points = []
    for net in nets_in_order(results):
        p = results.best(net, threads, mode="exact") or results.best(net, threads)
        if p:
            points += [Point(b, layer_text(net, name), "layer") for name, b in p.layers] or [Point(p.benchmark, net_text(net), "pass")]
    strongest = max((k.isa for k in results.kernels if k.isa not in ("naive", "autovec", "portable") and not k.is_peer), key=isa_rank, default=None)
    points += [Point(k.benchmark, f"{k.op} {k.case}", "kernel") for k in results.kernels
               if k.threads == threads and k.way == "hot" and k.isa == strongest]
    return [p for p in points if p.x and p.y]


def log_ticks(axis, low, high):
    """1, 10, 100 and, where there are few of them, 2 and 5 between."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if math.log10(high / low) > 2.5 else (1, 2, 5)
    axis.set_ticks([s * 10.0 ** d for d in decades for s in steps if low <= s * 10.0 ** d <= high])
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < 10000 else f"{value:.0f}"))


def roofline(results, width):
    points = {t: points_of(results, t) for t in ends(sorted({c.threads for c in results.ceilings}))}
    roofs = {t: {kind: sorted(((isa_text(c.name), c.value) for c in results.ceilings if c.kind == kind and c.threads == t and c.value),
                              key=lambda r: -r[1]) for kind in ("fma", "read")} for t in points}
    counts = [t for t in points if points[t] and roofs[t]["fma"]]
    if not counts:
        raise Absent("no FMA peak, or no pass or kernel with its flops and bytes")
    together = counts if max(counts) <= FEW_THREADS else []  # one scale of both panels
    x = [p.x for t in counts for p in points[t]]
    low, high = 10 ** math.floor(math.log10(min(x)) - 0.05), 2 * max(x)
    columns = 2 if width > 600 and len(counts) > 1 else 1
    column = (width - 24 * (columns - 1)) / columns
    canvas = Canvas(width, (TALL + 86) * math.ceil(len(counts) / columns) - 12)
    words = []
    for i, threads in enumerate(counts):
        left, top = i % columns * (column + 24) + 44, i // columns * (TALL + 86) + 28
        y = [p.y for t in together or [threads] for p in points[t]]
        peak = max(v for t in together or [threads] for _, v in roofs[t]["fma"])
        axes = canvas.axes(left, top, column - 44, TALL, xscale="log", yscale="log", xlim=(low, high),
                           ylim=(10 ** math.floor(math.log10(min(y))), 1.9 * max(y + [peak])))
        canvas.text(left - 44, top - 12, threads_text(threads), weight="bold")
        canvas.text(left - 44 + column, top - 12, "GFLOP/s, both axes logarithmic", "soft", ha="right", size=SMALL)
        log_ticks(axes.xaxis, low, high)
        log_ticks(axes.yaxis, *axes.get_ylim())
        axes.grid(True)
        axes.tick_params(length=0, pad=6)
        axes.set_xlabel("flop per byte", labelpad=6)
        boxes = draw_peaks(canvas, axes, roofs[threads]) + label_reads(canvas, axes, roofs[threads])
        for kind in ("kernel", "layer", "pass"):
            words += [draw_point(canvas, axes, p, threads) for p in points[threads] if p.kind == kind]
        label_points(canvas, axes, points[threads], boxes)
    return canvas, "Roofline. " + " ".join(words)


def draw_point(canvas, axes, p, threads):
    mark, size, tone = MARKS[p.kind]
    dot = axes.plot(p.x, p.y, mark, markersize=size, color=COLOURS[tone], markeredgecolor=COLOURS["paper"], markeredgewidth=0.8)[0]
    percent = p.benchmark.value("percent_of_roof")
    said = f"{p.name}: {p.y:.4g} GFLOP/s at {p.x:.3g} flop per byte" + (f", {percent:.0f} % of its roof" if percent is not None else "")
    canvas.tip(dot, said)
    return f"{said} ({threads_text(threads)})."


def draw_peaks(canvas, axes, roofs):
    """FMA peaks and the slanted lines below them. Returns the boxes of the peaks and their text."""
    low, high = axes.get_xlim()
    peak = roofs["fma"][0][1]
    for name, value in roofs["read"]:
        axes.plot((low, peak / value), (low * value, peak), color=COLOURS["memory"], linewidth=1.6)
    fastest = max((v for _, v in roofs["read"]), default=None)
    heights = []
    for name, value in roofs["fma"]:
        axes.plot((max(value / fastest, low) if fastest else low, high), (value, value), color=COLOURS["wide"], linewidth=1.6)
        heights.append(axes.transData.transform((high, value))[1])
    if max(heights) - min(heights) < LINE + 2:  # peaks that are hardly apart share a line of text
        texts = [(max(heights), ", ".join(f"{name} {value:.0f}" for name, value in roofs["fma"]))]
    else:
        texts = [(y, f"{name} {value:.0f}") for y, (name, value) in zip(heights, roofs["fma"])]
    boxes = [Bbox.from_extents(axes.bbox.x0, y - 1, axes.bbox.x1, y + 1) for y in heights]
    return boxes + [canvas.extent(axes.annotate(f"FMA {text} GFLOP/s", (axes.bbox.x1, y), (0, 4), xycoords="figure pixels", textcoords="offset points",
                                        ha="right", va="bottom", size=SMALL, color=COLOURS["wide"])) for y, text in texts]


def label_reads(canvas, axes, roofs):
    """Along its line, above it if no other line is near there, else below it. Returns the boxes of the text."""
    low, high = axes.get_xlim()
    floor, top = axes.get_ylim()
    angle = math.atan2(axes.bbox.height / math.log10(top / floor), axes.bbox.width / math.log10(high / low))

    def across(value):
        """Pixels from a fixed line of the same slope, growing to the upper left."""
        return axes.transData.transform((1, value))[1] * math.cos(angle)

    lines = [across(v) for _, v in roofs["read"]]
    taken, boxes = [], []
    for (name, value), place in zip(roofs["read"], lines):
        start = max(low, floor / value)
        free = None
        for offset in (3, -LINE):
            band = (place + offset, place + offset + LINE - 2)
            if not any(band[0] - 1 < other < band[1] + 1 for other in lines + taken):
                free = offset
                break
        offset = 3 if free is None else free
        along, aside = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        label = axes.annotate(f"{name} {value:.0f} GB/s", (start, start * value), [8 * a + offset * b for a, b in zip(along, aside)],
                              textcoords="offset points", rotation=math.degrees(angle), rotation_mode="anchor", ha="left", va="bottom",
                              size=SMALL, color=COLOURS["memory"],
                              bbox={"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 0} if free is None else None)
        taken.append(place + offset + LINE / 2)
        boxes.append(canvas.extent(label))
    return boxes


def label_points(canvas, axes, points, boxes):
    """Names of points, of whole passes first, where there is room."""
    dots = [axes.transData.transform((p.x, p.y)) for p in points]
    for i in sorted(range(len(points)), key=lambda i: points[i].kind != "pass"):
        p = points[i]
        if p.kind == "kernel":
            continue
        for place, ha, va in (((8, -1), "left", "center"), ((-8, -1), "right", "center"), ((0, -8), "center", "top"),
                              ((0, 8), "center", "bottom"), ((7, -9), "left", "top"), ((7, 9), "left", "bottom")):
            label = axes.annotate(p.name, (p.x, p.y), place, textcoords="offset points", ha=ha, va=va, size=SMALL, color=COLOURS["ink"],
                                  bbox={"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 0.5})
            box = canvas.extent(label)
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0
            if inside and not any(box.overlaps(b) for b in boxes) and not any(
                    box.x0 - 4 < x < box.x1 + 4 and box.y0 - 4 < y < box.y1 + 4 for k, (x, y) in enumerate(dots) if k != i):
                boxes.append(box)
                break
            label.remove()
