"""Files as they arrive: with lines that were lost, cut, doubled or overwritten."""

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A text with one to three damaged lines."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["lost", "cut", "twice", "replaced"]))
        if kind == "replaced":
            lines[at] = draw(st.text(max_size=12).filter(lambda line: not set(line) & set("\r\n")))
        elif kind == "cut":
            lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
        else:
            lines[at : at + 1] = [lines[at]] * (2 if kind == "twice" else 0)
        lines = lines or [""]
    return "\n".join(lines)
