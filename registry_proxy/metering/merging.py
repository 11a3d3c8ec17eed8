"""Several workers' pages as one: every sample gets the label of its worker, every family is told of once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

LABEL = "worker"


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def merge_pages(pages: Mapping[str, bytes], own: Iterable[Metric] = ()) -> bytes:
    """One page from the workers' pages by name, with `own` families of the parent. What is no page is left out."""
    families: dict[str, Metric] = {}
    for worker, page in pages.items():
        for family in _parse(page):
            merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                labels = {LABEL: worker, **sample.labels}
                merged.add_sample(sample.name, labels, sample.value)
    registry = CollectorRegistry()
    registry.register(_Collected([*own, *families.values()]))
    return generate_latest(registry)


def _parse(page: bytes) -> list[Metric]:
    try:
        return list(text_string_to_metric_families(page.decode("utf-8")))
    except ValueError:
        return []
