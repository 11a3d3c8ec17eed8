"""The pages before the work: sign in, second factor, recovery codes; and the pages of refusals."""

from __future__ import annotations

from dataclasses import dataclass

from jit_access.web.viewmodels.parts import Action, Field, Hidden, Notice


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A form that leads to an identity provider."""

    label: str
    post_href: str


@dataclass(frozen=True, slots=True)
class LeavingPage:
    """The last page before an identity provider's: it says where one is sent."""

    name: str
    href: str
    back: Action


@dataclass(frozen=True, slots=True)
class GatePage:
    """One narrow form with one question."""

    title: str
    lead: str
    fields: tuple[Field, ...]
    verb: str
    post_href: str
    notice: Notice | None = None
    hidden: tuple[Hidden, ...] = ()
    links: tuple[Action, ...] = ()
    can_sign_out: bool = False
    elsewhere: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True, slots=True)
class SetupPage:
    """Enrolment of an authenticator app: the QR code, the same secret as text, one code to prove it."""

    qr_svg: str
    secret_groups: tuple[str, ...]
    otpauth_uri: str
    code: Field
    post_href: str
    notice: Notice | None = None
    hidden: tuple[Hidden, ...] = ()


@dataclass(frozen=True, slots=True)
class CodesPage:
    """Recovery codes, shown once."""

    codes: tuple[str, ...]
    text: str
    done: Action


@dataclass(frozen=True, slots=True)
class RefusalPage:
    """What happened, what it means, what to do."""

    status: int
    title: str
    sentence: str
    code: str
    actions: tuple[Action, ...]
    request_id: str = ""
