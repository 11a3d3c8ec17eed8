"""What is never asked of the store: the list of buckets, and what a bucket is. It tells of the grant alone."""

from __future__ import annotations

from datetime import UTC, datetime

from jit_access.domain.plain_xml import Node, render
from registry_proxy.protocols.answers import Answer
from registry_proxy.protocols.s3.errors import XML
from registry_proxy.protocols.wanted import Admission

REGION = b"us-east-1"  # any region is taken in a signature; the store's own is nobody's business


def buckets_answer(admission: Admission) -> Answer:
    """Those of the grant, as old as the grant is: the store's own dates would say that they exist."""
    view = admission.view
    since = datetime.fromtimestamp(view.valid_from, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    names = sorted({item.repository.partition("/")[0] for item in view.scope.resources})
    buckets = tuple(Node("Bucket", children=(Node("Name", name), Node("CreationDate", since))) for name in names)
    owner = Node("Owner", children=(Node("ID", view.grant_id), Node("DisplayName", view.actor_name)))
    root = Node("ListAllMyBucketsResult", children=(owner, Node("Buckets", children=buckets)))
    return Answer(200, XML, render(root))


def location_answer() -> Answer:
    """An empty constraint is us-east-1."""
    return Answer(200, XML, render(Node("LocationConstraint")))


def bucket_answer() -> Answer:
    """For HEAD: the grant covers some of it."""
    return Answer(200, ((b"x-amz-bucket-region", REGION),))
