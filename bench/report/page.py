#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the report of bench/run: one HTML page that needs nothing else, or one figure of it as an SVG file. See docs/report.md."""
import argparse
import os
import pathlib
import re
import sys
import tempfile
import xml.etree.ElementTree as ET

from results import BadResults, Results, fastest, isa_rank, isa_text, micro, net_text, threads_text, time_text, times_text

try:
    import figures
    import peers
    import roofline
    import sections
    from markup import element, html
except ImportError as missing:
    sys.exit(f"page.py: the report needs matplotlib (Debian: python3-matplotlib): {missing}")

STYLE = pathlib.Path(__file__).with_name("page.css")
FIGURES = {"speedup": figures.speedup, "training": figures.training, "peers": peers.peers, "layers": figures.layers, "roofline": roofline.roofline, "scaling": figures.scaling,
           "caches": figures.caches}
BROAD, SLIM = 848, 328


def legend(*items):
    return element("ul", *(element("li", element("i", class_=shape, style=f"color: var(--{colour})"), text) for colour, shape, text in items),
                   class_="legend")


def figure(results, name, heading, keys, caption):
    nodes = [element("h2", heading, id=name)]
    try:
        drawn = []
        for width, kind in ((BROAD, "broad"), (SLIM, "slim")):
            canvas, description = FIGURES[name](results, width)
            svg = canvas.svg(f"{name}-{kind}", heading, description)
            svg.set("class", kind)
            drawn.append(svg)
    except figures.Absent as reason:
        return nodes + [element("p", f"Not measured: {reason}.", class_="absent")]
    return nodes + [element("figure", legend(*keys) if keys else None, *drawn, element("figcaption", caption))]


# ---------------------------------------------------------------------------------------------------------------------- head

def cpu(context):
    """CPU and the rest of the machine's line."""
    line = str(context.get("machine", "unknown machine"))
    found = re.match(r"(.*?), (\d+ cores?, .*)", line)
    return (found[1], found[2]) if found else (line, "")


def headline(results):
    """The network of the first tiles: VGG16 where it was measured."""
    for net in figures.nets_in_order(results):
        counts = [t for t in results.thread_counts() if results.best(net, t)]
        if counts:
            return results.best(net, counts[0]), results.best(net, counts[-1])
    return None


def tile(name, value, note):
    return element("div", element("dt", name), element("dd", value), element("dd", note, class_="note"), class_="tile")


def tiles(results):
    ends = headline(results)
    if not ends:
        return None
    one, most = ends
    nodes = [tile(f"{net_text(most.net)}, one image", micro(time_text(most.benchmark.seconds)),
                  f"{figures.run_text(most)}, {threads_text(most.threads)}")]
    gain, over_autovec = one.value("speedup_over_naive"), one.value("speedup_over_autovec")
    if gain:
        naive = any(p.disturbed for p in results.passes if p.net == one.net and p.is_plain)
        nodes.append(tile("faster than plain C", f"{times_text(gain)}×", "one thread against one" +
                          (f"; {times_text(over_autovec)}× over the compiler’s own vectors" if over_autovec else "") +
                          ("; disturbed, see above" if naive or one.disturbed else "")))
    percent = one.value("percent_of_roof")
    if percent:
        nodes.append(tile("of the machine’s roof", f"{percent:.0f} %", f"measured peak and bandwidth, {threads_text(one.threads)}"))
    counts = [t for t in results.thread_counts() if results.best("lenet5", t)]
    small = min((results.best("lenet5", t) for t in counts), key=lambda p: p.benchmark.seconds, default=None)
    if small and most.net != "lenet5":
        nodes.append(tile(f"{net_text('lenet5')}, one digit", micro(time_text(small.benchmark.seconds)),
                          f"{figures.run_text(small)}, {threads_text(small.threads)}"))
    learned = fastest(p for p in results.steps if p.net == "lenet5")
    if learned:
        nodes.append(tile(f"{net_text('lenet5')} learns from {learned.batch} digits", micro(time_text(learned.benchmark.seconds)),
                          f"{figures.run_text(learned)}, {threads_text(learned.threads)}"))
    return element("dl", *nodes, class_="tiles")


def notices(results):
    nodes, noise = [], {}  # of the noise: where it was
    if results.failed:
        names = ", ".join(b.name for b in results.failed[:5]) + (" and more" if len(results.failed) > 5 else "")
        nodes.append(element("div", element("p", element("strong", f"{len(results.failed)} failed."), f" They gave a wrong result or could not "
                             f"run, and so have no number: {names}."), class_="notice bad"))
    for f in results.files:
        warning = str(f.context.get("warning", "")).strip().rstrip(";")
        if warning:
            noise.setdefault(warning, []).append(f.kind)
        b = f.noise
        stolen, drift, throttled = (b.value(k) if b else None for k in ("stolen_percent", "clock_drift_percent", "throttled"))
        if stolen and stolen > 2:
            noise.setdefault(f"{stolen:.1f} % of CPU time was stolen by the hypervisor", []).append(f.kind)
        if drift and abs(drift) > 5:
            noise.setdefault(f"the clock changed by {drift:+.1f} %", []).append(f.kind)
        if throttled:
            noise.setdefault("the CPU throttled for heat", []).append(f.kind)
    disturbed = [p.benchmark.name for p in results.passes + results.steps if p.disturbed]
    if disturbed:
        others = f" and {len(disturbed) - 3} more" if len(disturbed) > 3 else ""
        noise.setdefault(f"others took the CPU more than 10 % of the time from {', '.join(disturbed[:3])}{others}", []).append("nets")
    if noise:
        said = "; ".join(f"{what} ({', '.join(sections.MEASURED[k] for k in kinds)})" for what, kinds in noise.items())
        nodes.append(element("div", element("p", element("strong", "The machine was not quiet: "), said + "."), class_="notice"))
    return nodes


def noise_text(results):
    b = results.nets.noise
    stolen, drift, throttled = (b.value(k) if b else None for k in ("stolen_percent", "clock_drift_percent", "throttled"))
    if stolen is None or drift is None or throttled is None:
        return None
    return f"{stolen:.1f} % of CPU time stolen by a hypervisor, clock drift {drift:+.1f} %, throttled {throttled:.0f} times"


def facts(results):
    context = results.context
    commit = str(context.get("commit", "unknown"))
    date, rounds = context.get("commit_date"), context.get("rounds")
    rows = [("Machine", cpu(context)[1] or None), ("Compiler", context.get("compiler")),
            ("Commit", commit + (f" of {date}" if date else "") + (", with changes that were not committed" if "dirty" in commit else "")),
            ("Other libraries", ", ".join(f"{k[5:]} {v}" for k, v in context.items() if k.startswith("peer_")) or None),
            ("Measured", f"{context.get('date', 'unknown')}" + (f", {rounds} rounds, each a process of its own" if rounds not in (None, 1) else "")),
            ("Noise", noise_text(results))]
    nodes = []
    for term, text in rows:
        if text:
            nodes += [element("dt", term), element("dd", text)]
    return element("dl", *nodes, class_="facts")


def checked(results):
    count = sum(len(f.measured) for f in (results.nets, results.ops) if f)
    wrong = sum(b.error is not None for f in (results.nets, results.ops) if f for b in f.measured)
    return f"{count - wrong} of {count} benchmarks gave the right result before their time was taken."


def stamp(results):
    commit, date = results.context.get("commit"), str(results.context.get("date", ""))[:10]
    return " · ".join([f"Lanewise {commit}" if commit else "Lanewise"] + [date] * bool(date))


def explained(results):
    """Heading, legend and caption of each figure, in the order of the page."""
    own = [p for p in results.passes if not p.is_plain and not p.is_peer]
    simd = sorted({p.isa for p in own}, key=isa_rank)
    modes = sorted({p.mode for p in own if p.mode != "exact"})
    runs = [("plain", None, "naive"), ("autovec", None, "autovec")]
    runs += [("narrow" if isa == "avx2" else "wide", None, isa_text(isa)) for isa in simd]
    runs += [("other", None, " and ".join(modes))] * bool(modes)
    runs += [("peer", None, "other libraries")] * any(p.is_peer for p in results.passes)
    repeated = any(p.benchmark and p.benchmark.spread for p in results.passes)
    try:
        net = net_text(figures.layered_net(results))
    except figures.Absent:
        net = "A network"
    return {
        "speedup": (
            "How much faster than plain loops", runs,
            "Times faster than naive, one thread, per image. naive: the reference, plain C loops. autovec: the same loops under -O3 -ffast-math "
            "and the CPU’s flags, vectorised by the compiler." + (" Whiskers: fastest and slowest repetition." if repeated else "")),
        "training": (
            "How much faster networks learn", runs[:1] + [r for r in runs[2:] if r[0] in ("narrow", "wide")],
            "Steps of training: forward, loss, gradients of all weights, update with momentum. Times faster than naive, one thread, per image." +
            (" Whiskers: fastest and slowest repetition." if repeated else "")),
        "peers": (
            "Other libraries against Lanewise",
            [("narrow", "dot", "times longer than mode exact"), ("other", "diamond", "times longer than mode fast"), ("ink", "mark", "the same")],
            "Right of the line Lanewise is faster. Both took turns in one process, on the same input, threads, cores and state of the caches; a dot "
            "is the median of the quotients of neighbouring runs, its line the interval: 95 % in a round, the hull over rounds. Where that holds 1, "
            "noise hides which is faster. The number on the right is that of mode fast, or of exact where both are one."),
        "layers": (
            f"{net}, layer by layer, against its roof",
            [("wide", None, "bound by arithmetic (FMA)"), ("memory", None, "bound by memory"),
             ("ink", "mark", "the roof: no faster on this machine")],
            "Bars: time of each layer. Mark: the time that its arithmetic at the measured FMA peak, or its weights at the measured bandwidth, "
            "would take, whichever is longer. Percent: the roof’s share of the time. Above 100 % the roof was measured in a worse moment, or "
            "the algorithm needs fewer operations than are counted."),
        "roofline": (
            "The roofline of this machine",
            [("wide", "line", "FMA peak"), ("memory", "line", "read bandwidth"), ("ink", "dot", f"layers of {net}"),
             ("other", "diamond", "whole passes"), ("soft", None, "single kernels, hot")],
            "Both axes are logarithmic. To the right: more arithmetic for each byte of inputs, weights and outputs. A point can be no higher "
            "than the lines of the level that its data comes from. Rest the mouse on a point for its numbers."),
        "scaling": (
            "More threads", [],
            "Of each network the fastest pass. Dashed: how the machine’s own ceilings grow, the most that arithmetic or memory could gain."),
        "caches": (
            "Hot against cold caches",
            [("wide", "dot", "hot: run again and again"), ("memory", "dot", "cold: caches flushed before every run")],
            "Single kernels on one thread, time on a logarithmic axis. Inside a network a layer is somewhere between: its weights are cold "
            "where all weights together exceed the cache, its input has just been written.")}


def page(results):
    title = f"What SIMD buys on {cpu(results.context)[0]}"
    anchors = (("speedup", "Speed-up"), ("training", "Training"), ("peers", "Other libraries"), ("layers", "Layers"), ("roofline", "Roofline"), ("scaling", "Threads"), ("caches", "Caches"),
               ("tables", "Every number"))
    body = [element("header", element("h1", title), element("p", f"{stamp(results)}. {checked(results)}", class_="lead")), *notices(results),
            tiles(results), facts(results), element("nav", *(element("a", text, href=f"#{to}") for to, text in anchors), aria_label="Sections"),
            *(node for name, words in explained(results).items() for node in figure(results, name, *words)), *sections.all_tables(results)]
    head = element("head", element("meta", charset="utf-8"), element("meta", name="viewport", content="width=device-width, initial-scale=1"),
                   element("meta", name="generator", content="Lanewise bench/report/page.py"), element("title", title),
                   element("style", STYLE.read_text(encoding="utf-8")))
    return html(element("html", head, element("body", element("main", *body)), lang="en"))


def colours(style):
    """The rules of page.css that set variables, for light and dark."""
    rules = re.findall(r"(@media screen and \(prefers-color-scheme: dark\) \{\s*)?:root \{(.*?)\}", style, re.DOTALL)
    return "".join(f"@media (prefers-color-scheme: dark) {{ svg {{{body}}} }} " if dark else f"svg {{{body}}} " for dark, body in rules)


def key_shape(shape, x, y, colour):
    """The mark of a legend as SVG; x, y: its left and its middle."""
    style = f"fill: var(--{colour})"
    if shape == "dot":
        return element("circle", cx=x + 5, cy=y, r="5", style=style)
    width, height = {"mark": (2, 14), "line": (14, 2)}.get(shape, (10, 10))
    turn = f"rotate(45 {x + 5} {y})" if shape == "diamond" else None
    return element("rect", x=x, y=y - height / 2, width=width, height=height, style=style, transform=turn)


def card(results, name):
    """One figure for other documents: its colours are in it, and it stands on a card, so that it can be read on any ground."""
    heading, keys, _ = explained(results)[name]
    canvas, description = FIGURES[name](results, BROAD)
    figure_svg = canvas.svg(name, heading, description)
    margin, head, foot = 20, 44 + 24 * bool(keys), 30
    width, height = canvas.width + 2 * margin, canvas.height + head + foot
    figure_svg.attrib.update({"x": str(margin), "y": str(head), "overflow": "visible"})
    legend_row, x = [], margin
    for colour, shape, text in keys:
        legend_row += [key_shape(shape, x, 48, colour), element("text", text, x=x + 18, y=52, style="font: 12px var(--font); fill: var(--soft)")]
        x += 44 + 7 * len(text)
    root = element("svg", element("style", colours(STYLE.read_text(encoding="utf-8"))),
                   element("rect", x="0.5", y="0.5", width=width - 1, height=height - 1, rx="10", style="fill: var(--paper); stroke: var(--faint)"),
                   element("text", heading, x=margin, y="28", style="font: 600 16px var(--font); fill: var(--ink)"), *legend_row, figure_svg,
                   element("text", f"{cpu(results.context)[0]} · {stamp(results)}", x=margin, y=height - 12,
                           style="font: 11px var(--font); fill: var(--soft)"),
                   xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", width=width, height=height)
    return ET.tostring(root, encoding="unicode") + "\n"


# ------------------------------------------------------------------------------------------------------------------- program

def write_whole(path, text):
    """The file appears whole or not at all."""
    path = pathlib.Path(path)
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as f:
            f.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(part, 0o666 & ~umask)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def main():
    parser = argparse.ArgumentParser(prog="page.py", description=__doc__)
    parser.add_argument("--out", required=True, help="the file to write")
    parser.add_argument("--figure", choices=FIGURES, help="only this figure, as SVG")
    parser.add_argument("roof", help="JSON of bench_roof")
    parser.add_argument("nets", help="JSON of bench_nets")
    parser.add_argument("ops", nargs="?", help="JSON of bench_ops")
    arguments = parser.parse_args()
    try:
        results = Results(arguments.roof, arguments.nets, arguments.ops)
        write_whole(arguments.out, card(results, arguments.figure) if arguments.figure else page(results))
    except BadResults as error:
        sys.exit(f"page.py: {error}")
    except figures.Absent as reason:
        sys.exit(f"page.py: --figure {arguments.figure}: {reason}")
    except OSError as error:
        sys.exit(f"page.py: {arguments.out}: {error.strerror}")


if __name__ == "__main__":
    main()
