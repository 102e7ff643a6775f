"""A bar chart as SVG."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 860, 230, 90, 30, 46


def bars(title: str, rows: Sequence[tuple[str, float]]) -> str:
    """Return a chart with a bar a row, the first at the top, each with its name and its figure."""
    most = max((figure for _, figure in rows), default=0) or 1
    height = _TOP + _ROW * len(rows) + 10
    drawn = [_bar(number, name, figure, figure / most) for number, (name, figure) in enumerate(rows)]
    box = f'viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" font-family="sans-serif" font-size="14">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="14" y="26" font-size="16">{escape(title)}</text>',
            *drawn,
            "</svg>\n",
        ]
    )


def _bar(number: int, name: str, figure: float, share: float) -> str:
    top = _TOP + _ROW * number
    width = max(1, round((_WIDTH - _LEFT - _RIGHT) * share))
    fill = "#1b5e8a" if name.startswith("asm-") else "#9db4c0"
    return (
        f'<text x="{_LEFT - 8}" y="{top + 16}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{width}" height="{_ROW - 8}" fill="{fill}"/>'
        f'<text x="{_LEFT + width + 6}" y="{top + 16}">{figure:,.0f}</text>'
    )
