"""Ready commands of `aws` for grants at an S3 store. Each is whole, and none holds a secret.

The three values of a grant are pasted as one line and kept in a file of this grant alone, as a profile. A profile that
is named in the command wins over whatever AWS_ACCESS_KEY_ID a shell has; for Python, that is taken out of the way.
"""

from __future__ import annotations

from shlex import quote

from django.conf import settings

from jit_access.credentials.services import IssuedToken
from jit_access.credentials.signing import signing_keys
from jit_access.domain.file_rules import globs_of
from jit_access.domain.operations import Operation
from jit_access.domain.scopes import ResourceScope, parse_scope
from jit_access.grants.models import Grant
from jit_access.web.commands import login_path
from jit_access.web.viewmodels.my_access import ClientTab, UseStep
from jit_access.web.viewmodels.parts import Command

CLIENT = "aws"
PROFILE = "jit"
LOGIN_TITLE = "Sign in once: paste the three values of this grant, then Enter"
# Without the version, `aws s3 presign` and boto3 presign in version 2, which carries no proof that the gateway takes.
_VERSION = "s3=\\n signature_version=s3v4"
_VALUES = "aws_access_key_id=%s\\naws_secret_access_key=%s\\naws_session_token=%s\\n"
_FORM = f"[{PROFILE}]\\nregion=us-east-1\\n{_VERSION}\\n{_VALUES}"
_OTHERS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def store_tabs(anchor: str = "") -> tuple[ClientTab, ...]:
    """One client; a tab all the same, so that the card says which."""
    return (ClientTab(CLIENT, anchor or "?", is_current=True),)


def store_secret(issued: IssuedToken) -> str:
    """Key id, secret and token in one line, shown once like every token."""
    keys = signing_keys(issued.lease)
    return f"{keys.access_key_id} {keys.secret_access_key.reveal()} {issued.token.reveal()}"


def store_steps(grant: Grant) -> tuple[UseStep, ...]:
    """Keep the values, then each thing the grant allows on each prefix, then the same for Python."""
    parts = parse_scope(grant.scope).resources
    steps = [UseStep(LOGIN_TITLE, Command(_login(grant)))]
    for part in parts:
        of = "" if len(parts) == 1 else f" {part.repository}"
        for title, operation, words in _uses(part, globs_of(tuple(grant.refused_files))):
            if operation in part.operations:
                steps.append(UseStep(f"{title}{of}", Command((*_aws(grant), *words))))
    return (*steps, UseStep('In Python: boto3.client("s3")', Command(_python(grant))))


def _uses(part: ResourceScope, without: tuple[str, ...]) -> tuple[tuple[str, Operation, tuple[str, ...]], ...]:
    """Without the files that a rule refuses: the command would fail for them."""
    excluded = tuple(f"--exclude {quote(pattern)}" for pattern in without)
    place, folder = quote(f"s3://{part.repository}/"), quote(part.repository.rpartition("/")[2])
    return (
        ("List", Operation.PULL, ("ls", "--recursive", place)),
        ("Download", Operation.PULL, ("cp", "--recursive", place, folder, *excluded)),
        ("Upload", Operation.PUSH, ("cp", "--recursive", folder, place, *excluded)),
    )


def _file(grant: Grant) -> str:
    return f"{login_path(grant)}.s3"


def _endpoint(grant: Grant) -> str:
    return f"{settings.GATEWAY_URL.rstrip('/')}/s3/{grant.target.slug}"


def _login(grant: Grant) -> tuple[str, ...]:
    """Nothing is shown while it is typed, and nobody else may read the file."""
    keep = f'printf \'{_FORM}\' "$k" "$s" "$t" > {_file(grant)}'
    return ("(umask 077;", "mkdir -p ~/.config/jit;", "read -rs k s t;", f"{keep})")


def _aws(grant: Grant) -> tuple[str, ...]:
    return (
        f"AWS_SHARED_CREDENTIALS_FILE={_file(grant)}", "aws", f"--profile {PROFILE}",
        f"--endpoint-url {_endpoint(grant)}", "s3",
    )  # fmt: skip


def _python(grant: Grant) -> tuple[str, ...]:
    return (
        "env", *(f"-u {name}" for name in _OTHERS), f"AWS_SHARED_CREDENTIALS_FILE={_file(grant)}",
        f"AWS_PROFILE={PROFILE}", f"AWS_ENDPOINT_URL_S3={_endpoint(grant)}", "python3",
    )  # fmt: skip
