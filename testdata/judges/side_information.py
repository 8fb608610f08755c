"""What scales and zero points of fewer bits, finer zero points and a table of uneven levels are worth: mean squared error of bell-shaped
weights of variance 1 in blocks of 32, each scale searched and rounded as it would be stored. Prints a table.

Formats of 4 bits differ in bits and in error; `excess` has both in one number: the bits that a format takes beyond those at which
an ideal code has its error (D = 4^-R, the rate-distortion function of Gaussian sources: Cover and Thomas, Elements of Information
Theory, 10.3.2). Of two formats the one with less excess is better, and 0.1 bits of it are 13 % of the error.
"""

import numpy as np

BLOCK = 32
BLOCKS = 20_000
# Scales tried, as parts of the even one.
SPREADS = np.arange(0.7, 1.2, 0.02)
# llama.cpp's levels of IQ4_NL (ggml-common.h, `kvalues_iq4nl`).
UNEVEN = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]) / 127


def rounded(scales, significant):
    """The numbers with so many significant bits at or below, and above."""
    fraction, exponent = np.frexp(scales)
    unit = 2.0**significant
    near = np.floor(fraction * unit)
    return [np.ldexp((near + step) / unit, exponent) for step in (0, 1)]


def even_levels(weights, bits, zero_points, significant):
    """Error of whole codes from 0 to `2^bits - 1`; a zero point may be any of these numbers."""
    top = 2**bits - 1
    even = 2 * np.abs(weights).max(1) / top
    best = np.full(len(weights), np.inf)
    for spread in SPREADS:
        for zero_point in zero_points:
            steps = np.clip(np.round(weights / (spread * even)[:, None] + zero_point), 0, top) - zero_point
            scale = (steps * weights).sum(1) / np.maximum((steps * steps).sum(1), 1e-9)
            for scale in rounded(np.maximum(scale, 1e-9), significant):
                codes = np.clip(np.round(weights / scale[:, None] + zero_point), 0, top) - zero_point
                best = np.minimum(best, ((codes * scale[:, None] - weights) ** 2).sum(1))
    return best.mean() / BLOCK


def uneven_levels(weights, significant):
    """Error of UNEVEN, as they are and mirrored."""
    middles = (UNEVEN[1:] + UNEVEN[:-1]) / 2
    best = np.full(len(weights), np.inf)
    for side in (weights, -weights):
        largest = np.abs(side).max(1)
        for spread in SPREADS:
            levels = UNEVEN[np.searchsorted(middles, side / (spread * largest)[:, None])]
            scale = (levels * side).sum(1) / (levels * levels).sum(1)
            for scale in rounded(np.maximum(scale, 1e-9), significant):
                levels = UNEVEN[np.searchsorted(middles, side / scale[:, None])]
                best = np.minimum(best, ((levels * scale[:, None] - side) ** 2).sum(1))
    return best.mean() / BLOCK


def main():
    weights = np.random.default_rng(1).standard_normal((BLOCKS, BLOCK))
    quarters = np.arange(4, 12.01, 0.25)
    rows = [
        ("zero points 0 to 15, scales of 8 bits: ours", 8, 4, even_levels(weights, 4, range(3, 14), 5)),
        ("none (8)", 8, 0, even_levels(weights, 4, [8], 5)),
        ("7 or 8", 8, 1, even_levels(weights, 4, [7, 8], 5)),
        ("6 to 9", 8, 2, even_levels(weights, 4, range(6, 10), 5)),
        ("6 to 9, scales of 6 bits", 6, 2, even_levels(weights, 4, range(6, 10), 4)),
        ("quarters from 0 to 15.75", 8, 6, even_levels(weights, 4, quarters, 5)),
        ("uneven levels, and mirrored", 8, 1, uneven_levels(weights, 5)),
    ]
    print("| | bits a weight | error | excess, bits |\n|---|---:|---:|---:|")
    for name, scale, zero_point, error in rows:
        bits = 4 + (scale + zero_point) / BLOCK
        print(f"| {name} | {bits:.3f} | {error:.5f} | {bits + np.log(error) / np.log(4):.3f} |", flush=True)


main()
