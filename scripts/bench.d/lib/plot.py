"""Curves as an SVG file that reads on light and on dark pages. Standard library only."""
import math
import os
from xml.sax.saxutils import escape

COLOURS = ("#3b78c3", "#d1642b", "#3d9257", "#a052a8", "#b8902a", "#7a7f87", "#c23b54", "#2a9d9d")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 62, 190, 34, 44


def _decades(values):
    low, high = min(values), max(values)
    return range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)


def _short(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def curves(path, title, across, up, lines):
    """lines: {name: [(x, y), …]}, all above 0, on two logarithmic scales. The file appears whole or not at all."""
    points = [point for line in lines.values() for point in line]
    columns = sorted({x for x, _ in points})
    rows = _decades([y for _, y in points])
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    first, last = math.log10(columns[0]), math.log10(columns[-1])

    def x_of(value):
        return LEFT + wide * (math.log10(value) - first) / max(last - first, 1e-9)

    def y_of(value):
        return TOP + high - high * (math.log10(value) - rows[0]) / max(rows[-1] - rows[0], 1)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
           "<style>text{font:12px sans-serif;fill:#7a7f87}.g{stroke:#7a7f87;stroke-opacity:.3}.l{fill:none;stroke-width:2}</style>",
           f'<text x="{LEFT}" y="18">{escape(title)}</text>']
    for row in rows:
        y = y_of(10.0 ** row)
        out.append(f'<path class="g" d="M{LEFT} {y:.1f}H{LEFT + wide}"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(10.0 ** row)} {escape(up)}</text>')
    for column in columns:
        x = x_of(column)
        out.append(f'<path class="g" d="M{x:.1f} {TOP}V{TOP + high}"/>')
        out.append(f'<text x="{x:.1f}" y="{TOP + high + 17}" text-anchor="middle">{_short(column)}</text>')
    out.append(f'<text x="{LEFT + wide / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>')
    # Names stand at the ends of their curves, one line apart at least.
    floor = TOP
    for (name, line), colour in sorted(zip(lines.items(), COLOURS * 3), key=lambda one: y_of(one[0][1][-1][1])):
        steps = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in line)
        out.append(f'<path class="l" stroke="{colour}" d="M{steps}"/>')
        out += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in line]
        y = max(floor, y_of(line[-1][1]))
        floor = y + 14
        out.append(f'<text x="{LEFT + wide + 10}" y="{y + 4:.1f}" style="fill:{colour}">{escape(name)}</text>')
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n</svg>\n")
    os.replace(path + ".part", path)
