"""Two hosts that come up at once load the same files at once. SQLite puts them in order by itself."""

from __future__ import annotations

import pytest

from jit_access.domain.actors import GATEWAY
from jit_access.policies.models import PolicyVersion
from jit_access.policies.services import load_policy
from tests.policies.samples import EXAMPLE, EXAMPLE_DIR
from tests.support.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def test_parallel_loads_of_the_same_files_make_one_version() -> None:
    versions = race([lambda: load_policy(actor=GATEWAY, directory=EXAMPLE_DIR)] * 8)
    assert {version.number for version in versions if isinstance(version, PolicyVersion)} == {1}
    row = PolicyVersion.objects.get()
    assert (row.is_active, row.digest) == (True, EXAMPLE.digest)
