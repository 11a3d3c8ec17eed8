"""The pages before anything else: sign-in, second factor, refusals."""

from __future__ import annotations

import segno

from jit_access.web.viewmodels import gate
from jit_access.web.viewmodels.parts import Action, Field, Notice


def sign_in_page() -> gate.GatePage:
    return gate.GatePage(
        "Sign in",
        "Then prove your second factor.",
        (
            Field("username", "User name", "ada", autocomplete="username", is_focused=True),
            Field("password", "Password", kind="password", autocomplete="current-password"),
        ),
        "Sign in",
        "/sign-in",
        Notice("Name or password does not match.", "Check both and try again.", "stop", "alert", code="sign-in-failed"),
    )


def prove_page() -> gate.GatePage:
    return gate.GatePage(
        "Prove it is you",
        "Your last proof is 42 min old; critical weights need one from the last 15 min. What you typed is kept.",
        (Field("code", "Code from your authenticator", kind="code", hint="6 digits. Pasting works.", is_focused=True),),
        "Go on",
        "/second-factor",
        links=(Action("Use a recovery code", "/second-factor/recovery"),),
        can_sign_out=True,
    )


def setup_page() -> gate.SetupPage:
    uri = "otpauth://totp/jit%20access:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=jit%20access"
    svg = segno.make(uri, error="m").svg_inline(svgclass="qr__svg", lineclass="qr__line", omitsize=True, border=0)
    return gate.SetupPage(
        svg,
        ("JBSW", "Y3DP", "EHPK", "3PXP", "JBSW", "Y3DP", "EHPK", "3PXP"),
        uri,
        Field("code", "Code", kind="code", hint="6 digits. Pasting works."),
        "/second-factor/set-up",
    )


def codes_page() -> gate.CodesPage:
    codes = tuple(f"k7q2-m4vt-{n}zd3-w5ya" for n in range(10))
    return gate.CodesPage(codes, "\n".join(codes), Action("I have saved them", "/access"))


def refusal_page() -> gate.RefusalPage:
    return gate.RefusalPage(
        404,
        "There is nothing here that you may see.",
        "Either this address does not exist, or it is not yours. Both look the same from here.",
        "not-found",
        (Action("My access", "/access", "grid"),),
        "b1946ac92492d2347c6235b4d2611184",
    )
