"""The protocols of the suite. `test_table.py` holds this against the table of dialects."""

from __future__ import annotations

from tests.conformance.profile import Profile
from tests.conformance.profiles import hf, mlflow, oci, s3

PROFILES: dict[str, Profile] = {item.PROFILE.kind: item.PROFILE for item in (oci, hf, s3, mlflow)}
