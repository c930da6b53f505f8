"""What the pictures of the results have in common. matplotlib is imported only where one is drawn."""

from __future__ import annotations

import io
from typing import Any


def pyplot() -> Any:
    """matplotlib.pyplot, without a window."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot


def png(figure: Any) -> bytes:
    """The content of a .png file; nothing in it but the picture, so that the same figures make the same bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    pyplot().close(figure)
    return file.getvalue()
