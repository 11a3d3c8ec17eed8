"""Helpers that `kubectl` and the tools of AWS start: the token of a live grant in the form that they read.

Nothing but the answer may stand on stdout. Both tools keep what they get until its end, so that end is never later than
the grant's.
"""

from __future__ import annotations

import argparse
import json
import os

from jit_access.cli.helping import grant_at, note_others, quiet_session, tokens_of
from jit_access.cli.kinds import GrantToken
from jit_access.cli.session import Session
from jit_access.cli.troubles import Exit, Trouble

EXEC_VERSION = "client.authentication.k8s.io/v1"
# kubectl before 1.22, as Debian 12 has it. What is answered is the same in both.
_EXEC_VERSIONS = (EXEC_VERSION, "client.authentication.k8s.io/v1beta1")
EXEC_INFO = "KUBERNETES_EXEC_INFO"


def kube_credential(options: argparse.Namespace, session: Session) -> int:
    """An exec plugin of client-go. Source: kubernetes.io, client authentication (v1)."""
    version = _version(os.environ.get(EXEC_INFO, ""))
    token = _token(options, session)
    status = {"token": token.token, "expirationTimestamp": token.until}
    session.terminal.data.write(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))
    return Exit.DONE


def aws_credential(options: argparse.Namespace, session: Session) -> int:
    """A `credential_process`. Source: AWS CLI user guide, sourcing credentials with an external process (Version 1)."""
    token = _token(options, session)
    if not token.secret_access_key:
        raise Trouble(f"{token.target} is not a store, so there is nothing to sign with.", Exit.USAGE)
    answer = {
        "Version": 1,
        "AccessKeyId": token.access_key_id,
        "SecretAccessKey": token.secret_access_key,
        "SessionToken": token.token,
        "Expiration": token.until,
    }
    session.terminal.data.write(json.dumps(answer))
    return Exit.DONE


def _token(options: argparse.Namespace, session: Session) -> GrantToken:
    tokens = tokens_of(quiet_session(address=options.addr))
    found, others = grant_at(tokens, options.target, wanted=options.grant)
    if note := note_others(found, others):
        session.terminal.talk.write(note)
    return tokens.token(found)


def _version(info: str) -> str:
    """What `kubectl` says it can read. Raises: Trouble when that is not what is written here."""
    if not info:
        return EXEC_VERSION
    try:
        version = str(json.loads(info)["apiVersion"])
    except (ValueError, KeyError, TypeError):
        raise Trouble(f"{EXEC_INFO} is not an ExecCredential.", Exit.USAGE) from None
    if version not in _EXEC_VERSIONS:
        raise Trouble(
            f"kubectl asks for {version}, and jit speaks {EXEC_VERSION}. Set it in the kubeconfig.", Exit.USAGE
        )
    return version
