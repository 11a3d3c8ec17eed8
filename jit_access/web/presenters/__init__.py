"""From rows to view-models: every word and figure of a page is made here. Reads what it is given, writes nothing."""
