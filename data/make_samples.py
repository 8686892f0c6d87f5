#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes data/samples: a landscape that looks like a photograph, and handwritten-like digits. Everything comes from numpy's PCG64 with
the seed below; nothing is taken from elsewhere.

usage: /usr/bin/python3 data/make_samples.py      (Debian: python3-numpy, python3-pil)
"""
import hashlib
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SEED = 20261124
FOLDER = pathlib.Path(__file__).resolve().parent / "samples"


def ridge(rng, width, base, rough, height):
    """A hill line by midpoint displacement."""
    points = np.array([0.0, 0.0])
    scale = height
    while len(points) < width:
        middle = (points[:-1] + points[1:]) / 2 + rng.normal(0, scale, len(points) - 1)
        points = np.insert(points, range(1, len(points)), middle)
        scale *= rough
    return base + np.interp(np.linspace(0, 1, width), np.linspace(0, 1, len(points)), points)


def smooth_noise(rng, height, width, cell):
    grid = rng.random((height // cell + 2, width // cell + 2)).astype(np.float32)
    image = Image.fromarray(grid).resize((width, height), Image.BICUBIC)
    return np.asarray(image)


def scene(rng, width=640, height=480):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    horizon = int(height * 0.62)
    t = np.clip(y / horizon, 0, 1)[..., None]
    sky = (1 - t) * np.array([70, 120, 190]) + t * np.array([250, 200, 150])
    sun = np.exp(-((x - 0.7 * width) ** 2 + (y - 0.42 * height) ** 2) / (2 * 34.0**2))[..., None]
    glow = np.exp(-((x - 0.7 * width) ** 2 + (y - 0.42 * height) ** 2) / (2 * 150.0**2))[..., None]
    picture = sky + glow * np.array([70, 40, 0]) + sun * np.array([200, 190, 120])
    clouds = sum(smooth_noise(rng, height, width, cell) * weight for cell, weight in ((96, .5), (48, .3), (24, .15), (12, .05)))
    cover = np.clip((clouds - 0.52) * 5, 0, 1)[..., None] * np.clip(1 - y / horizon, 0, 1)[..., None]
    picture = picture * (1 - 0.7 * cover) + 0.7 * cover * np.array([255, 240, 230])
    for base, rough, amount, colour in ((.50, .55, 40, (120, 130, 160)), (.55, .55, 30, (85, 105, 115)), (.60, .6, 18, (50, 80, 60))):
        line = np.minimum(ridge(rng, width, base * height, rough, amount), horizon - 2)
        mask = y >= line[None, :]
        texture = (smooth_noise(rng, height, width, 6) - 0.5) * 24
        shade = np.array(colour) + (texture + (line[None, :] - y) * 0.12)[..., None]
        picture = np.where((mask & (y < horizon))[..., None], shade, picture)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(46):  # trees along the shore
        cx, size = rng.uniform(0, width), rng.uniform(14, 46)
        if abs(cx - 0.68 * width) < 70:
            continue
        green = (int(rng.uniform(15, 45)), int(rng.uniform(45, 80)), int(rng.uniform(20, 45)))
        for k in range(5):
            half = size * (0.28 - 0.045 * k)
            top = horizon - size * (0.35 + 0.16 * k)
            draw.polygon([(cx - half, top + size * 0.3), (cx + half, top + size * 0.3), (cx, top)], fill=green)
        draw.line([(cx, horizon), (cx, horizon - size * 0.3)], fill=(50, 35, 25), width=max(1, int(size / 14)))
    picture = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6))).astype(np.float32)
    for row in range(horizon, height):  # the lake mirrors what is above it, rippled
        depth = row - horizon
        source = max(0, horizon - 1 - int(depth * 1.25))
        shift = (np.sin(row * 0.9 + x[0] * 0.05) * (1 + depth * 0.05) + rng.normal(0, 0.6)).astype(int)
        columns = np.clip(np.arange(width) + shift, 0, width - 1)
        picture[row] = picture[source, columns] * (0.78 - 0.0012 * depth) + np.array([4, 12, 20])
    foreground = ridge(rng, width, height * 0.97, .6, 10)
    grass = np.array([40, 60, 25]) + (smooth_noise(rng, height, width, 3)[..., None] - 0.5) * 60
    picture = np.where((y >= foreground[None, :])[..., None], grass, picture)
    vignette = 1 - 0.25 * (((x - width / 2) / width) ** 2 + ((y - height / 2) / height) ** 2)[..., None] * 2
    picture = picture * vignette + rng.normal(0, 3.2, (height, width, 1)) + rng.normal(0, 1.2, (height, width, 3))  # film grain
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def arc(cx, cy, rx, ry, start, stop, count=24):
    a = np.radians(np.linspace(start, stop, count))
    return [(cx + rx * np.cos(t), cy + ry * np.sin(t)) for t in a]


# Strokes in the unit square, y downwards; angles clockwise from the right.
STROKES = {
    0: [arc(.5, .5, .27, .38, -90, 270, 40)],
    1: [[(.36, .28), (.54, .12), (.52, .88)]],
    2: [arc(.5, .34, .25, .22, -170, 40) + [(.28, .86), (.78, .84)]],
    3: [arc(.47, .31, .22, .19, -150, 85) + arc(.47, .68, .27, .2, -85, 150)],
    4: [[(.58, .12), (.24, .6), (.8, .6)], [(.62, .36), (.6, .9)]],
    5: [[(.74, .13), (.36, .14), (.32, .46)] + arc(.49, .64, .24, .23, -120, 140)],
    6: [arc(.72, .5, .44, .4, -115, -180) + arc(.5, .66, .22, .21, 180, 540, 36)],
    7: [[(.24, .16), (.77, .15), (.44, .88)]],
    8: [arc(.5, .31, .19, .18, 90, 450, 32), arc(.5, .69, .24, .2, -90, 270, 32)],
    9: [arc(.49, .35, .21, .2, 0, 360, 32) + [(.7, .35), (.66, .62), (.56, .89)]],
}


def digit(rng, value, size):
    """White strokes on black, slanted, jittered and of uneven width, drawn four times as large."""
    big = size * 4
    slant, turn, scale = rng.normal(0, .08), rng.normal(0, .06), rng.uniform(.74, .82)
    image = Image.new("L", (big, big), 0)
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[value]:
        points = np.array(stroke, dtype=float) - .5
        wobble = np.cumsum(rng.normal(0, .004, points.shape), axis=0)
        points = points + wobble - wobble.mean(axis=0)
        points[:, 0] -= slant * points[:, 1]
        c, s = np.cos(turn), np.sin(turn)
        points = points @ np.array([[c, s], [-s, c]]) * scale + .5
        dense = np.concatenate([np.linspace(a, b, 24) for a, b in zip(points[:-1], points[1:])]) * big
        widths = big * (.038 + .008 * np.sin(np.linspace(0, 3, len(dense)) + rng.uniform(0, 3)))
        for (px, py), r in zip(dense, widths):
            draw.ellipse([px - r, py - r, px + r, py + r], fill=255)
    return image.filter(ImageFilter.GaussianBlur(big / 90)).resize((size, size), Image.LANCZOS)


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(SEED)
    picture = scene(rng)
    picture.save(FOLDER / "scene.jpg", quality=88)
    small = picture.resize((96, 72), Image.LANCZOS)
    small.save(FOLDER / "scene_small.png", optimize=True)
    small.save(FOLDER / "scene_small.ppm")
    small.convert("L").save(FOLDER / "scene_small.pgm")
    for value in range(10):
        digit(rng, value, 28).save(FOLDER / f"digit_{value}.png", optimize=True)
    digit(rng, 3, 140).save(FOLDER / "digit_large.png", optimize=True)
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(FOLDER.glob("*.*")) if p.name != "SHA256SUMS"]
    (FOLDER / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
