# SPDX-License-Identifier: Apache-2.0
"""The figures of the report. Each takes the results and a width in pixels and returns a Canvas and its description as text, or raises
Absent with the reason. They are drawn twice, for wide and for narrow screens, so that text keeps its size.
"""
import math

from matplotlib.ticker import NullLocator

from results import is_peer, isa_rank, isa_text, layer_text, micro, net_text, threads_text, time_text, times_text
from svg import COLOURS, Canvas, spread

NET_ORDER = ("vgg16", "net", "lenet5", "lenet5_1998", "mlp")
ROW = 19  # pixels of a bar with its gap
SMALL = 11
FEW_THREADS = 4


class Absent(Exception):
    """Nothing to draw; the message says what was not measured."""


def colour(p):
    """Of a pass or kernel: by what it runs on. Modes that may change the algorithm have one of their own."""
    if p.isa == "naive":
        return "plain"
    if p.isa == "autovec":
        return "autovec"
    if is_peer(p.isa):
        return "peer"
    return "other" if p.mode != "exact" else "narrow" if p.isa == "avx2" else "wide"


def run_text(p):
    return isa_text(p.isa) + ("" if p.mode == "exact" or p.isa == "autovec" or is_peer(p.isa) else f" {p.mode}")


def nets_in_order(results):
    names = results.net_names
    return sorted(names, key=lambda n: (NET_ORDER.index(n) if n in NET_ORDER else len(NET_ORDER), names.index(n)))


def ends(counts):
    """The first and the last of a sorted list."""
    return [counts[0]] + counts[-1:] * (len(counts) > 1) if counts else []


def bare(axes):
    """No scale: every bar carries its number."""
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


def common_scale(most):
    """{threads: largest value}: one for all where bars of the fewest threads and of the most can be seen on the same scale."""
    return dict.fromkeys(most, max(most.values())) if max(most) <= FEW_THREADS else most


def whisker(axes, low, high, y):
    axes.plot((low, high), (y, y), color=COLOURS["ink"], linewidth=1.2, solid_capstyle="butt")
    for x in (low, high):
        axes.plot((x, x), (y - 0.16, y + 0.16), color=COLOURS["ink"], linewidth=1.2)


def note(axes, x, y, text, tone="ink", **options):
    axes.annotate(text, (x, y), (6, 0), textcoords="offset points", va="center_baseline", color=COLOURS[tone], **options)


# ------------------------------------------------------------------------------------------------------------------ speed-up

def speedup_panels(results, passes):
    """(net, batch, {threads: runs}) of each network, at its smallest batch; plain loops stand among the runs on one thread."""
    counts = ends(results.thread_counts())
    panels = []
    for net in nets_in_order(results):
        runs = [p for p in passes if p.net == net and p.benchmark and (p.is_plain or p.threads in counts)]
        batch = min((p.batch for p in runs), default=1)
        runs = sorted((p for p in runs if p.batch == batch), key=lambda p: (isa_rank(p.isa), p.mode))
        if runs:
            panels.append((net, batch, {t: [p for p in runs if p.threads == t] for t in dict.fromkeys(p.threads for p in runs)}))
    return panels


def speedup(results, width):
    return speedup_bars(speedup_panels(results, results.passes), width)


def training(results, width):
    """Networks of which plain loops were run, too."""
    if not results.steps:
        raise Absent("no network was trained")
    panels = [panel for panel in speedup_panels(results, results.steps)
              if any(p.value("speedup_over_naive") for runs in panel[2].values() for p in runs)]
    return speedup_bars(panels, width)


def speedup_bars(panels, width):
    counts = sorted({t for *_, by_threads in panels for t in by_threads})
    most = {t: max((p.value("speedup_over_naive") or 0 for *_, by in panels for p in by.get(t, [])), default=0) for t in counts}
    if not any(most.values()):
        raise Absent("naive loops were not run, and speed-ups refer to them")
    most = common_scale(most)
    columns = len(counts) if width > 600 else 1
    column = (width - 28 * (columns - 1)) / columns
    longest = max((len(run_text(p)) for *_, by in panels for runs in by.values() for p in runs), default=0)
    label, number, title, gap = max(92, 7 * longest + 8), 64, 24, 14
    place, top = [], 0  # (left, top, net, batch, threads, runs)
    for net, batch, by_threads in panels:
        left = bottom = 0
        for threads in counts:
            runs = by_threads.get(threads, [])
            place.append((left, top, net, batch, threads, runs))
            bottom = max(bottom, top + title + ROW * len(runs) + gap)
            if columns == 1:
                top = bottom
            else:
                left += column + 28
        top = bottom
    canvas = Canvas(width, top - gap + 4)
    words = []
    for left, top, net, batch, threads, runs in place:
        name = net_text(net) + (f", batch of {batch}" if batch > 1 else "") + f", {threads_text(threads)}"
        canvas.text(left, top + 16, name, weight="bold")
        top += title
        if not runs:
            canvas.text(left + label, top + 14, "not measured", "soft", size=SMALL)
            continue
        axes = canvas.axes(left + label, top, column - label, ROW * len(runs), ylim=(len(runs) - 0.5, -0.5),
                           xlim=(0, (most[threads] or 1) * (column - label) / (column - label - number)))
        bare(axes)
        best = max((r for r in runs if not r.is_peer), key=lambda r: r.value("speedup_over_naive") or 0, default=None)
        for y, p in enumerate(runs):
            canvas.text(left + label - 8, top + ROW * (y + 0.5), run_text(p), ha="right", va="center_baseline", size=SMALL + 0.5)
            text, tone = speedup_bar(canvas, axes, y, p), "ink"
            words.append(f"{name}, {run_text(p)}: {text}.")
            if p.value("speedup_over_naive") is None:
                tone = "soft" if p.benchmark.error is None else "failed"
            note(axes, speedup_end(axes, p), y, text, tone, weight="bold" if p is best and tone == "ink" else "normal")
    return canvas, "Speed-up over naive loops on one thread. " + " ".join(words)


def speedup_bar(canvas, axes, y, p):
    """Draws it with its whisker and returns what stands beside it."""
    value = p.value("speedup_over_naive")
    if value is None:
        return "failed its check" if p.benchmark.error is not None else "no naive run to compare with"
    bar = axes.barh(y, value, height=0.66, color=COLOURS[colour(p)], linewidth=0)[0]
    canvas.tip(bar, f"{net_text(p.net)}, {run_text(p)}: {micro(time_text(p.benchmark.seconds))}, {times_text(value)} times naive")
    if p.isa != "naive" and p.benchmark.spread:
        whisker(axes, *(value * p.benchmark.seconds / s for s in reversed(p.benchmark.spread)), y)
    return "1×" if p.isa == "naive" else f"{times_text(value)}×"


def speedup_end(axes, p):
    """Where bar and whisker end."""
    value = p.value("speedup_over_naive") or 0
    if value and p.isa != "naive" and p.benchmark.spread:
        value = max(value, value * p.benchmark.seconds / p.benchmark.spread[0])
    return min(value, axes.get_xlim()[1] * 0.86)


# -------------------------------------------------------------------------------------------------------------------- layers

def layered_passes(results, net):
    """What is drawn layer by layer: of each mode the fastest pass on one thread and on all."""
    chosen = []
    for mode in dict.fromkeys(p.mode for p in results.passes if p.net == net and not p.is_plain and not p.is_peer):
        for threads in ends(results.thread_counts()):
            p = results.best(net, threads, mode=mode)
            if p and p.layers:
                chosen.append(p)
    return chosen


def layered_net(results):
    with_layers = [n for n in nets_in_order(results) if layered_passes(results, n)]
    if not with_layers:
        raise Absent("no network was measured layer by layer")
    return with_layers[0]


def binding_colour(benchmark):
    return "plain" if not benchmark.label else "wide" if benchmark.label == "FMA" else "memory"


def layers(results, width):
    net = layered_net(results)
    passes = layered_passes(results, net)
    columns = 2 if width > 600 and len(passes) > 1 else 1
    column = (width - 28 * (columns - 1)) / columns
    label, values = 62, 112
    longest = common_scale({t: max(layer_end(b) for p in passes for _, b in p.layers if p.threads == t) for t in {p.threads for p in passes}})
    panel = 24 + ROW * max(len(p.layers) for p in passes) + 20
    canvas = Canvas(width, panel * math.ceil(len(passes) / columns) - 14)
    words = []
    for i, p in enumerate(passes):
        left, top = i % columns * (column + 28), i // columns * panel
        canvas.text(left, top + 16, f"{run_text(p)}, {threads_text(p.threads)}", weight="bold")
        canvas.text(left + column, top + 16, f"{micro(time_text(p.benchmark.seconds))} in all", "soft", ha="right")
        axes = canvas.axes(left + label, top + 24, column - label - values, ROW * len(p.layers), xlim=(0, longest[p.threads]),
                           ylim=(len(p.layers) - 0.5, -0.5))
        bare(axes)
        for y, (name, b) in enumerate(p.layers):
            middle = top + 24 + ROW * (y + 0.5)
            canvas.text(left + label - 8, middle, layer_text(net, name), ha="right", va="center_baseline", size=SMALL + 0.5)
            said = layer_bar(canvas, axes, y, layer_text(net, name), b)
            words.append(f"{said}.")
            if b.seconds is None:
                continue
            percent = b.value("percent_of_roof")
            canvas.text(left + column - 46, middle, micro(time_text(b.seconds)), "soft", ha="right", va="center_baseline", size=SMALL)
            if percent is not None:
                canvas.text(left + column, middle, f"{percent:.0f} %", ha="right", va="center_baseline", weight="bold", size=SMALL + 0.5)
    return canvas, f"{net_text(net)} layer by layer. " + " ".join(words)


def roof_seconds(b):
    percent = b.value("percent_of_roof")
    return None if percent is None else b.seconds * percent / 100


def layer_end(b):
    """What the scale must hold."""
    return 0 if b.seconds is None else max(b.seconds, roof_seconds(b) or 0)


def layer_bar(canvas, axes, y, name, b):
    """Bar, whisker and the mark of the roof. Returns what they say."""
    if b.seconds is None:
        note(axes, 0, y, "failed its check", "failed", size=SMALL)
        return f"{name}: failed its check"
    longest = axes.get_xlim()[1]
    percent = b.value("percent_of_roof")
    bar = axes.barh(y, b.seconds, height=0.66, color=COLOURS["plain" if not b.label else "wide" if b.label == "FMA" else "memory"], linewidth=0)[0]
    said = f"{name}: {micro(time_text(b.seconds))}" + (f", {percent:.0f} % of its roof" if percent is not None else "")
    said += f", bound by {b.label}" if b.label else ""
    canvas.tip(bar, said)
    if b.spread:
        whisker(axes, *(min(s, longest) for s in b.spread), y)
    if percent is not None:
        axes.plot((roof_seconds(b),) * 2, (y - 0.45, y + 0.45), color=COLOURS["ink"], linewidth=2, clip_on=False)
    return said


# --------------------------------------------------------------------------------------------------------- threads and caches

def scaling_lines(results):
    """(text, colour, style, {threads: speed-up over one thread})."""
    counts, lines = results.thread_counts(), []
    if len(counts) < 2 or counts[0] != 1:
        raise Absent("only one number of threads was measured")
    for net in nets_in_order(results):
        for batch in sorted({p.batch for p in results.passes if p.net == net and not p.is_plain and not p.is_peer}):
            best = {t: results.best(net, t, batch) for t in counts}
            if best[1] is None:
                continue
            gain = {t: best[1].benchmark.seconds / p.benchmark.seconds for t, p in best.items() if p}
            lines.append((net_text(net) + (f", batch of {batch}" if batch > 1 else ""), "wide" if net == "vgg16" else "narrow", "-", gain))
    for kind, name, text in (("fma", max((c.name for c in results.ceilings if c.kind == "fma"), key=isa_rank, default=""), "FMA peak"),
                             ("read", "DRAM", "DRAM bandwidth")):
        gain = {c.threads: c.value for c in results.ceilings if (c.kind, c.name) == (kind, name) and c.value}
        if gain.get(1):
            lines.append((text, "memory" if kind == "read" else "ink", (0, (4, 3)), {t: v / gain[1] for t, v in gain.items()}))
    return lines


def scaling(results, width):
    lines = [line for line in scaling_lines(results) if len(line[3]) > 1]
    if not lines:
        raise Absent("only one number of threads was measured")
    most = max(t for *_, gain in lines for t in gain)
    right = 190 if width > 600 else 168
    tall = 300 if most > FEW_THREADS else 230
    canvas = Canvas(width, tall + 74)
    axes = canvas.axes(40, 26, width - 40 - right, tall, xlim=(1, most))
    gains = [v for *_, gain in lines for v in gain.values()]
    low, high = min(gains), max(gains + [most])
    if most > FEW_THREADS:
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_ylim(low * 0.9, high * 1.05)
    else:
        axes.set_ylim(low - 0.1, high * 1.04)
    counts = sorted({t for *_, gain in lines for t in gain})
    axes.xaxis.set_ticks(counts, [str(t) for t in counts])
    ticks = [t for t in counts if axes.get_ylim()[0] <= t <= axes.get_ylim()[1]]
    axes.yaxis.set_ticks(ticks, [f"{t}×" for t in ticks])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(True)
    axes.tick_params(length=0)
    axes.set_xlabel("threads")
    canvas.text(0, 14, "speed-up over one thread", "soft")
    axes.plot((1, most), (1, most), color=COLOURS["soft"], linewidth=1)
    words, labels = [], [("ideal", "soft", most, most)]
    for text, tone, style, gain in lines:
        at = sorted(gain)
        line = axes.plot(at, [gain[t] for t in at], color=COLOURS[tone], linewidth=2.4 if tone == "wide" else 1.6, linestyle=style,
                         marker="o" if style == "-" else "", markersize=5, markeredgecolor=COLOURS["paper"], clip_on=False)[0]
        said = ", ".join(f"{gain[t]:.2f}× on {threads_text(t)}" for t in at[1:])
        canvas.tip(line, f"{text}: {said}")
        words.append(f"{text}: {said}.")
        labels.append((f"{text} {gain[at[-1]]:.2f}×", tone, at[-1], gain[at[-1]]))
    pixels = [axes.transData.transform((t, v)) for _, _, t, v in labels]
    places = spread([p[1] for p in pixels], 16)
    for (text, tone, *_), (x, y), place in zip(labels, pixels, places):
        axes.annotate(text, (x, y), (width - right + 18, place), xycoords="figure pixels", textcoords="figure pixels", va="center_baseline",
                      size=SMALL + 0.5, color=COLOURS["ink" if tone in ("wide", "narrow") else tone], weight="bold" if tone == "wide" else "normal",
                      arrowprops={"arrowstyle": "-", "color": COLOURS["faint"], "linewidth": 1, "shrinkA": 2, "shrinkB": 4})
    return canvas, "Speed-up over threads. " + " ".join(words)


def cache_pairs(results):
    """(hot, cold) kernels on one thread; of each case the fastest row."""
    pairs = {}
    for k in results.kernels:
        if k.way in ("hot", "cold") and k.threads == 1 and k.isa not in ("naive", "autovec") and not k.is_peer:
            pairs.setdefault((k.op, k.case, k.mode, k.isa, k.algorithm), {})[k.way] = k
    best = {}
    for (op, case, mode, *_), pair in pairs.items():
        if len(pair) == 2 and all(k.benchmark.seconds for k in pair.values()):
            key = (op, case, mode)
            if key not in best or pair["hot"].benchmark.seconds < best[key]["hot"].benchmark.seconds:
                best[key] = pair
    return [(p["hot"], p["cold"]) for p in best.values()]


def caches(results, width):
    pairs = cache_pairs(results)
    if not pairs:
        raise Absent("no kernel was measured both hot and cold")
    if len(pairs) > 40:
        pairs = [p for p in pairs if p[0].op in ("conv2d", "linear")][:40]
    label, values = (196, 130) if width > 600 else (122, 56)
    canvas = Canvas(width, 34 + ROW * len(pairs) + 30)
    times = [k.benchmark.seconds for p in pairs for k in p]
    axes = canvas.axes(label, 26, width - label - values, ROW * len(pairs), xscale="log", xlim=(min(times) / 1.4, max(times) * 1.4),
                       ylim=(len(pairs) - 0.5, -0.5))
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    decades = [10.0 ** e for e in range(-9, 3) if axes.get_xlim()[0] <= 10.0 ** e <= axes.get_xlim()[1]]
    decades = decades[::1 + (len(decades) * 52 > width - label - values)]
    axes.xaxis.set_ticks(decades, [micro(time_text(d, "{:.3g}".format)) for d in decades])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(True, axis="x")
    axes.tick_params(length=0)
    canvas.text(width, 14, "cold is slower by", "soft", ha="right", size=SMALL)
    words = []
    for y, (hot, cold) in enumerate(pairs):
        h, c = hot.benchmark.seconds, cold.benchmark.seconds
        middle = 26 + ROW * (y + 0.5)
        canvas.text(label - 10, middle, f"{hot.op} {hot.case}" if width > 600 else hot.case, ha="right", va="center_baseline", size=SMALL + 0.5)
        axes.plot((h, c), (y, y), color=COLOURS["faint"], linewidth=4, solid_capstyle="butt")
        for seconds, tone, way in ((c, "memory", "cold"), (h, "wide", "hot")):
            dot = axes.plot(seconds, y, "o", markersize=8, color=COLOURS[tone], markeredgecolor=COLOURS["paper"])[0]
            canvas.tip(dot, f"{hot.op} {hot.case}, {way}: {micro(time_text(seconds))}")
        canvas.text(width, middle, f"{times_text(c / h)}×", ha="right", va="center_baseline", weight="bold" if c / h >= 1.5 else "normal")
        if width > 600:
            canvas.text(width - 52, middle, f"+{micro(time_text(c - h))}" if c > h else "", "soft", ha="right", va="center_baseline", size=SMALL)
        words.append(f"{hot.op} {hot.case}: {micro(time_text(h))} hot, {micro(time_text(c))} cold.")
    return canvas, "Hot against cold caches. " + " ".join(words)
