# SPDX-License-Identifier: Apache-2.0
"""Other libraries beside Lanewise, as a figure of the report: see figures.py."""
from matplotlib.ticker import NullLocator

from figures import ROW, SMALL, Absent, nets_in_order, note
from results import is_hidden, net_text, ratio_text, ratio_words, threads_text
from svg import COLOURS, Canvas

PEER_MARKS = {"exact": ("narrow", "o"), "fast": ("other", "D")}


def compared_passes(results):
    """(pass of a peer, {mode: ratio}) in the order of networks, batches and threads; those that failed have no ratio."""
    order = nets_in_order(results)
    passes = sorted((p for p in results.passes if p.is_peer and p.benchmark), key=lambda p: (order.index(p.net), p.batch, p.threads))
    return [(p, {mode: r for mode in PEER_MARKS if (r := p.benchmark.ratio(mode)) is not None}) for p in passes]


def peers(results, width):
    """Rows of dots with their intervals on a logarithmic axis; at 1 both take the same time."""
    rows = compared_passes(results)
    ends_of = [v for _, ratios in rows for r in ratios.values() for v in r if v]
    if not rows:
        raise Absent("no other library was run (bench/run --peers)")
    if not ends_of:
        raise Absent("no other library passed its check")
    label, values = (232, 112) if width > 600 else (128, 60)
    canvas = Canvas(width, 28 + ROW * len(rows) + 34)
    axes = canvas.axes(label, 26, width - label - values, ROW * len(rows), xscale="log", ylim=(len(rows) - 0.5, -0.5),
                       xlim=(min(ends_of + [1]) / 1.15, max(ends_of + [1]) * 1.15))
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    low, high = axes.get_xlim()
    steps = (1,) if high / low > 300 else (1, 2, 5)
    ticks = [s * 10.0 ** d for d in range(-6, 7) for s in steps if low <= s * 10.0 ** d <= high]
    axes.xaxis.set_ticks(ticks, [f"{t:g}×" for t in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(True, axis="x")
    axes.tick_params(length=0)
    axes.axvline(1, color=COLOURS["ink"], linewidth=1.4)
    words, before = [], None
    for y, (p, ratios) in enumerate(rows):
        middle = 26 + ROW * (y + 0.5)
        where = net_text(p.net) + (f", batch of {p.batch}" if p.batch > 1 else "") + f", {threads_text(p.threads)}"
        if width > 600 and where != before:
            canvas.text(0, middle, where, "soft", va="center_baseline", size=SMALL)
        before = where
        canvas.text(label - 10, middle, p.isa if width > 600 else f"{p.isa}, t{p.threads}", ha="right", va="center_baseline", size=SMALL + 0.5)
        if not ratios:
            note(axes, 1, y, "failed its check" if p.benchmark.error is not None else "not compared", "failed", size=SMALL)
            continue
        for mode, ratio in ratios.items():
            words.append(peer_mark(canvas, axes, y, f"{where}: {p.isa}", mode, ratio))
        shown = ratios.get("fast") or ratios["exact"]
        hidden = is_hidden(shown)
        canvas.text(width, middle, f"{ratio_text(shown[0])}×" if not hidden else "hidden by noise" if width > 600 else "noise", "soft" if hidden else "ink",
                    ha="right", va="center_baseline", weight="normal" if hidden else "bold", size=SMALL + 0.5)
    return canvas, "Other libraries against Lanewise. " + " ".join(words)


def peer_mark(canvas, axes, y, who, mode, ratio):
    """Dot and interval. Returns what they say."""
    tone, mark = PEER_MARKS[mode]
    middle, low, high = ratio
    at = y + (-0.16 if mode == "exact" else 0.16)
    if low and high:
        axes.plot((low, high), (at, at), color=COLOURS[tone], linewidth=2, solid_capstyle="butt")
    dot = axes.plot(middle, at, mark, markersize=6, color=COLOURS[tone], markeredgecolor=COLOURS["paper"], markeredgewidth=0.8)[0]
    said = f"{who} takes {ratio_words(ratio)} times as long as mode {mode}"
    canvas.tip(dot, said)
    return f"{said}."
