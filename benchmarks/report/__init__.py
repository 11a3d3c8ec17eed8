"""The report: Markdown and pictures drawn from the results alone, so that it can be drawn again without measuring."""
