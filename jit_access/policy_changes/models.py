"""Changes of policy that wait for a second person, and who signed what."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jit_access.core.models import PublicModel, StatefulModel
from jit_access.domain.lifecycle import ProposalState


class PolicyProposal(StatefulModel):
    """A version that does not count yet, with what was found out about it when it was proposed."""

    ID_PREFIX = "pol"

    version_row = models.OneToOneField("policies.PolicyVersion", on_delete=models.PROTECT, related_name="proposal")
    base_number = models.PositiveIntegerField()  # the version that counted then; 0 for none
    state = models.CharField(max_length=10, choices=[(one.value, one.value) for one in ProposalState])
    # Nobody where the installation itself proposed: then two people sign.
    proposer = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    proposer_name = models.CharField(max_length=120)
    # Who answered for the service account that proposed, when it did: they never sign it, whoever owns it by now.
    proposer_owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    because = models.CharField(max_length=500)
    cases = models.JSONField(default=dict)  # file name -> YAML
    findings = models.JSONField(default=list)
    tests = models.JSONField(default=dict)
    effects = models.JSONField(default=dict)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=[one.value for one in ProposalState]), name="policy_proposal_state_known"
            )
        ]

    @property
    def digest(self) -> str:
        """What is signed."""
        return str(self.version_row.digest)

    @property
    def signatures_needed(self) -> int:
        """So many that two people stand behind it, whoever proposed."""
        return 2 if self.proposer_id is None else 1


class PolicySignature(PublicModel):
    """One person's word for one digest, proved by a fresh second factor."""

    ID_PREFIX = "sig"

    proposal = models.ForeignKey(PolicyProposal, on_delete=models.PROTECT, related_name="signatures")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    level = models.PositiveSmallIntegerField()
    factor_age_s = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["proposal", "signer"], name="policy_proposal_signed_once")
        ]
