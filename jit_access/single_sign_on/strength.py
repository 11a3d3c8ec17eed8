"""How strong a provider's proof is here. Without a mapping it is a password's strength: words are not comparable.

Source: OpenID Connect Core 2 (`acr`, `amr`); RFC 8176 says what `amr` values may mean, each provider what they do.
"""

from __future__ import annotations

from jit_access.mfa.assurance import Level
from jit_access.single_sign_on.models import Provider
from jit_access.single_sign_on.tokens import SignOn


def strength_of(provider: Provider, told: SignOn) -> Level:
    """The strongest level that an operator mapped one of the token's words to."""
    words = {f"acr:{told.acr}"} | {f"amr:{word}" for word in told.amr}
    levels = [level for word, level in provider.strength.items() if word in words and level in set(Level)]
    return Level(max(levels, default=Level.PASSWORD))


def is_strength_mapped(provider: Provider) -> bool:
    """True when a step-up at this provider can be worth anything."""
    return any(level >= Level.SECOND_FACTOR for level in provider.strength.values())


def asked_acr_values(provider: Provider) -> str:
    """The `acr` values to ask for, strongest first."""
    ranked = sorted(provider.strength.items(), key=lambda item: -item[1])
    return " ".join(word.removeprefix("acr:") for word, _ in ranked if word.startswith("acr:"))
