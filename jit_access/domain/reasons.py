"""Every reason code the product gives, with the sentence people read.

The set is closed: a refusal without a code here cannot be written. Codes are kebab-case and never
change their meaning; sentences say what happened, then what to do.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A closed code that says why something was allowed, refused or ended."""

    # allowed
    GRANTED = "granted"
    APPROVED = "approved"
    NO_APPROVAL_NEEDED = "no-approval-needed"
    AUTO_APPROVED = "auto-approved"
    INSIDE_ENVELOPE = "inside-envelope"

    # who is asking
    TOKEN_MISSING = "token-missing"
    TOKEN_MALFORMED = "token-malformed"
    TOKEN_UNKNOWN = "token-unknown"
    TOKEN_EXPIRED = "token-expired"
    TOKEN_REVOKED = "token-revoked"
    TOKEN_ELSEWHERE = "token-elsewhere"
    TOKEN_SPENT = "token-spent"
    TOKEN_REPLACED = "token-replaced"
    TOKEN_COPIED = "token-copied"
    TOKEN_LEAKED = "token-leaked"
    TOKEN_COLLECTED = "token-collected"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_INVALID = "signature-invalid"
    SIGNATURE_EXPIRED = "signature-expired"
    PAYLOAD_UNSIGNED = "payload-unsigned"
    SIGN_IN_FAILED = "sign-in-failed"
    SIGN_IN_LOCKED = "sign-in-locked"
    SIGNED_OUT = "signed-out"
    DEVICE_CHANGED = "device-changed"
    SECOND_FACTOR_MISSING = "second-factor-missing"
    SECOND_FACTOR_STALE = "second-factor-stale"
    SECOND_FACTOR_WRONG = "second-factor-wrong"
    SECOND_FACTOR_REUSED = "second-factor-reused"
    SECOND_FACTOR_LOCKED = "second-factor-locked"
    PASSKEY_REFUSED = "passkey-refused"
    PASSKEY_UNKNOWN = "passkey-unknown"
    PASSKEY_NEEDED = "passkey-needed"
    PASSKEY_COPIED = "passkey-copied"
    SLACK_SIGNATURE_WRONG = "slack-signature-wrong"
    SLACK_REQUEST_STALE = "slack-request-stale"
    SLACK_REQUEST_REPEATED = "slack-request-repeated"
    SLACK_OTHER_WORKSPACE = "slack-other-workspace"
    SLACK_GUEST = "slack-guest"
    SLACK_NOT_LINKED = "slack-not-linked"
    SLACK_ALREADY_LINKED = "slack-already-linked"
    SLACK_CODE_WRONG = "slack-code-wrong"
    RESET_TOO_EARLY = "reset-too-early"
    RESET_CODE_NEEDED = "reset-code-needed"
    RESET_CODE_WRONG = "reset-code-wrong"
    SIGN_ON_REFUSED = "sign-on-refused"
    IDENTITY_UNKNOWN = "identity-unknown"
    IDENTITY_TAKEN = "identity-taken"
    SIGNED_OUT_EVERYWHERE = "signed-out-everywhere"
    WORKLOAD_REFUSED = "workload-refused"
    WIDER_THAN_TRUSTED = "wider-than-trusted"
    TRUST_ENDED = "trust-ended"
    OWN_TRUST = "own-trust"
    KEY_PROOF_MISSING = "key-proof-missing"
    KEY_PROOF_REFUSED = "key-proof-refused"
    ACCOUNT_LOCKED = "account-locked"
    LOCKED = "locked"
    CSRF_FAILED = "csrf-failed"
    NOT_FOR_AGENTS = "not-for-agents"
    SCOPE_TOO_NARROW = "scope-too-narrow"
    CLIENT_UNKNOWN = "client-unknown"
    CLIENT_NOT_ALLOWED = "client-not-allowed"
    CODE_REFUSED = "code-refused"
    CONSENT_DENIED = "consent-denied"
    DEVICE_GRANT_OFF = "device-grant-off"
    AGENTS_NOT_OPEN = "agents-not-open"
    TOO_MANY_AGENTS = "too-many-agents"
    AGENT_SUSPENDED = "agent-suspended"
    AGENT_WITHOUT_OWNER = "agent-without-owner"
    AGENT_RETIRED = "agent-retired"
    OWNER_CHANGED = "owner-changed"
    OFFER_CLOSED = "offer-closed"

    # what the grant says
    GRANT_NOT_STARTED = "grant-not-started"
    GRANT_EXPIRED = "grant-expired"
    GRANT_REVOKED = "grant-revoked"
    GRANT_SUSPENDED = "grant-suspended"
    GRANT_RELINQUISHED = "grant-relinquished"
    GRANT_EXTENDED = "grant-extended"
    GRANT_NOT_ACTIVE = "grant-not-active"
    OUT_OF_SCOPE = "out-of-scope"
    OPERATION_NOT_GRANTED = "operation-not-granted"
    REFERENCE_NOT_GRANTED = "reference-not-granted"
    FILE_NOT_GRANTED = "file-not-granted"
    MOUNT_SOURCE_NOT_GRANTED = "mount-source-not-granted"
    FILE_TYPE_REFUSED = "file-type-refused"
    BUDGET_SPENT = "budget-spent"
    REQUEST_BUDGET_SPENT = "request-budget-spent"
    GROUP_MEMBERSHIP_LOST = "group-membership-lost"
    EXPOSED_ELSEWHERE = "exposed-elsewhere"

    # what policy says
    NO_RULE_ALLOWS = "no-rule-allows"
    FORBIDDEN_BY_RULE = "forbidden-by-rule"
    POLICY_MISSING = "policy-missing"
    POLICY_BROKEN = "policy-broken"
    POLICY_TIGHTENED = "policy-tightened"
    SECOND_PERSON_NEEDED = "second-person-needed"
    OWN_PROPOSAL = "own-proposal"
    POLICY_MOVED_ON = "policy-moved-on"
    PROPOSAL_CHANGED = "proposal-changed"
    PROPOSAL_CLOSED = "proposal-closed"
    POLICY_CHANGED_ALONE = "policy-changed-alone"
    OWN_MEMBERSHIP = "own-membership"
    LAST_OF_SECURITY = "last-of-security"
    REVIEW_CLOSED = "review-closed"
    REVOKED_IN_REVIEW = "revoked-in-review"
    NOT_REVIEWED = "not-reviewed"
    TIER_RAISED = "tier-raised"
    LASTS_TOO_LONG = "lasts-too-long"
    NO_APPROVER = "no-approver"
    OWN_REQUEST = "own-request"
    NOT_AN_APPROVER = "not-an-approver"
    BREAK_GLASS = "break-glass"
    BREAK_GLASS_NOT_OFFERED = "break-glass-not-offered"
    BREAK_GLASS_SPENT = "break-glass-spent"
    OUTSIDE_ENVELOPE = "outside-envelope"
    ENVELOPE_ENDED = "envelope-ended"
    ENVELOPE_EXPIRED = "envelope-expired"
    ENVELOPE_REVOKED = "envelope-revoked"
    ENVELOPE_SUSPENDED = "envelope-suspended"
    ENVELOPE_UNREVIEWED = "envelope-unreviewed"
    WORKLOAD_NEEDED = "workload-needed"
    BREAK_GLASS_UNREVIEWED = "break-glass-unreviewed"
    APPROVE_ON_PAGE = "approve-on-page"
    NOT_YET_ASKED = "not-yet-asked"
    NEEDED_LATER = "needed-later"
    APPROVER_CHANGED = "approver-changed"
    OWN_RIGHTS = "own-rights"

    # the workflow
    NOT_FOUND = "not-found"
    ALREADY_ANSWERED = "already-answered"
    ALREADY_DECIDED = "already-decided"
    ANSWER_TOO_LATE = "answer-too-late"
    START_TOO_LATE = "start-too-late"
    START_TOO_EARLY = "start-too-early"
    PAYLOAD_CHANGED = "payload-changed"
    NARROWED = "narrowed"
    WIDER_THAN_ASKED = "wider-than-asked"
    TICKET_CLOSED = "ticket-closed"
    NOT_A_TICKET_SYSTEM = "not-a-ticket-system"
    BUNDLE_HELD = "bundle-held"
    BUNDLE_ENDED = "bundle-ended"
    COMMENTS_CLOSED = "comments-closed"
    TOO_MANY_COMMENTS = "too-many-comments"
    DENIED_BY_PERSON = "denied-by-person"
    WITHDRAWN = "withdrawn"
    STATE_CHANGED = "state-changed"
    INVALID_INPUT = "invalid-input"
    DUPLICATE_REQUEST = "duplicate-request"
    VERSION_CHANGED = "version-changed"
    KEY_REUSED = "key-reused"
    STILL_RUNNING = "still-running"
    OUTCOME_UNKNOWN = "outcome-unknown"
    SECRET_SHOWN_ONCE = "secret-shown-once"
    WEBHOOK_EXISTS = "webhook-exists"
    WEBHOOK_FAILING = "webhook-failing"
    WEBHOOK_OF_ANOTHER_OWNER = "webhook-of-another-owner"
    RATE_LIMITED = "rate-limited"

    # the request line and its framing
    MALFORMED_REQUEST = "malformed-request"
    TLS_ON_PLAIN_PORT = "tls-on-plain-port"
    REQUEST_TOO_LARGE = "request-too-large"
    REQUEST_TOO_SLOW = "request-too-slow"
    STREAM_IDLE = "stream-idle"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    ROUTE_UNKNOWN = "route-unknown"
    NAME_INVALID = "name-invalid"
    DIGEST_INVALID = "digest-invalid"
    UPLOAD_UNKNOWN = "upload-unknown"
    FORM_BODY_REFUSED = "form-body-refused"
    TARGET_UNKNOWN = "target-unknown"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    TOO_MANY_STREAMS = "too-many-streams"

    # parts that are away or lie
    UPSTREAM_AWAY = "upstream-away"
    SLACK_AWAY = "slack-away"
    SLACK_REFUSED = "slack-refused"
    PROVIDER_AWAY = "provider-away"
    ISSUER_AWAY = "issuer-away"
    UPSTREAM_REFUSED_CREDENTIAL = "upstream-refused-credential"
    UPSTREAM_BROKEN = "upstream-broken"
    UPSTREAM_REDIRECT_REFUSED = "upstream-redirect-refused"
    DIGEST_MISMATCH = "digest-mismatch"
    CONTROL_PLANE_LOST = "control-plane-lost"
    AUDIT_UNAVAILABLE = "audit-unavailable"
    DATABASE_AWAY = "database-away"
    CLIENT_WENT_AWAY = "client-went-away"
    DRAINING = "draining"
    PROXY_LOST = "proxy-lost"
    INTERNAL_ERROR = "internal-error"


_SENTENCES: dict[Reason, str] = {
    Reason.GRANTED: "A live grant covers this.",
    Reason.APPROVED: "Everyone who had to agree did.",
    Reason.NO_APPROVAL_NEEDED: "Policy asks nobody's approval for this.",
    Reason.INSIDE_ENVELOPE: "Inside an envelope that people approved before.",
    Reason.AUTO_APPROVED: "A rule approved this by itself; its page says why.",
    Reason.TOKEN_MISSING: "No access token was sent. Sign in with the token of your grant.",
    Reason.TOKEN_MALFORMED: "That is not one of our access tokens. Copy the whole token again.",
    Reason.TOKEN_UNKNOWN: "This access token is not known here, or its grant has ended.",
    Reason.TOKEN_EXPIRED: "This access token has run out. Get a new one for your grant.",
    Reason.TOKEN_REVOKED: "This access token was revoked. Get a new one, or ask again.",
    Reason.TOKEN_ELSEWHERE: "This token is not for the address that it came from.",
    Reason.TOKEN_SPENT: "This token was used as often as it may be. Ask its owner for another one.",
    Reason.TOKEN_REPLACED: "A newer token took the place of this one.",
    Reason.TOKEN_COPIED: "Two had this token, so it and all that follow it are locked. Its owner makes a new one.",
    Reason.TOKEN_LEAKED: "This token was found where others could read it, so it was revoked.",
    Reason.TOKEN_COLLECTED: "The next token was collected already. If its answer was lost, ask once more in a while.",
    Reason.SIGNATURE_MISSING: "The request is not signed. Use all three values of your access, not its token alone.",
    Reason.SIGNATURE_INVALID: "The signature does not match. Copy all three values of your access again.",
    Reason.SIGNATURE_EXPIRED: "The signature is too old, or the clock of this machine is wrong.",
    Reason.PAYLOAD_UNSIGNED: "Over plain HTTP the body has to be signed. Use the gateway's https address.",
    Reason.SIGN_IN_FAILED: "Name or password does not match.",
    Reason.SIGN_IN_LOCKED: "Too many tries. Wait 15 minutes, then try again.",
    Reason.SIGNED_OUT: "Your session ended. Sign in again.",
    Reason.DEVICE_CHANGED: "This session belongs to another device, so it was ended. Sign in again.",
    Reason.SECOND_FACTOR_MISSING: "A second factor is needed. Set one up, then go on.",
    Reason.SECOND_FACTOR_STALE: "Prove it is you, then this goes on.",
    Reason.SECOND_FACTOR_WRONG: "That code does not match. Codes change every 30 s; wait for the next one.",
    Reason.SECOND_FACTOR_REUSED: "That code was used already. Wait for the next one.",
    Reason.SECOND_FACTOR_LOCKED: "Too many codes were tried. Wait 15 minutes, then try again.",
    Reason.PASSKEY_REFUSED: "That passkey's answer could not be used. Try once more, or type a code instead.",
    Reason.PASSKEY_UNKNOWN: "That passkey is not one of yours here. Use another one, or type a code instead.",
    Reason.PASSKEY_NEEDED: "This needs a passkey, not a code. Use yours, or add one in Security settings.",
    Reason.PASSKEY_COPIED: "That passkey may have been copied, so it is refused. Remove it and tell the security team.",
    Reason.SLACK_SIGNATURE_WRONG: "This did not come from Slack, or was changed on its way.",
    Reason.SLACK_REQUEST_STALE: "This left Slack more than 5 minutes ago, or a clock is wrong.",
    Reason.SLACK_REQUEST_REPEATED: "Slack sent this before. It counted once.",
    Reason.SLACK_OTHER_WORKSPACE: "This came from another Slack workspace or app, which does not count here.",
    Reason.SLACK_GUEST: "Guests, bots and people of other workspaces do not count here.",
    Reason.SLACK_NOT_LINKED: "This Slack account is not linked to anybody here. Link yours in Security settings.",
    Reason.SLACK_ALREADY_LINKED: "This Slack account is linked to somebody already.",
    Reason.SLACK_CODE_WRONG: "That code does not match, or its time is over. Make a new one in Security settings.",
    Reason.RESET_TOO_EARLY: "The owner of the account has some time to object. Confirm it when that is over.",
    Reason.RESET_CODE_NEEDED: "Your second factor was reset. Type the code that your colleague has for you.",
    Reason.RESET_CODE_WRONG: "That code does not match, or its time is over. Ask your colleagues for another reset.",
    Reason.SIGN_ON_REFUSED: "The identity provider's answer could not be used. Begin the sign-in again.",
    Reason.IDENTITY_UNKNOWN: "Nobody here is linked to that account. Sign in by password, then link it in Settings.",
    Reason.IDENTITY_TAKEN: "That account, or yours, is linked to another one already. Unlink it first.",
    Reason.SIGNED_OUT_EVERYWHERE: "The identity provider ended the session of this. Sign in, then ask again.",
    Reason.WORKLOAD_REFUSED: "This token of a workload is not accepted here. The log says why.",
    Reason.WIDER_THAN_TRUSTED: "The trust in this workload does not go that far. Ask for less.",
    Reason.TRUST_ENDED: "The trust in this workload is over. Ask the agent's owner.",
    Reason.OWN_TRUST: "You answer for this agent. Another person of operators or security confirms it.",
    Reason.KEY_PROOF_MISSING: "This token belongs to a key. Send it as DPoP, with a proof by that key.",
    Reason.KEY_PROOF_REFUSED: "The proof of the key cannot be used. Make a new one for this very request.",
    Reason.ACCOUNT_LOCKED: "This account is locked. Ask the security team.",
    Reason.LOCKED: "The security team has locked this for now. Ask them.",
    Reason.CSRF_FAILED: "This did not come from a page of ours, or the page was too old. Load it again, then repeat.",
    Reason.NOT_FOR_AGENTS: "Only a person can do this.",
    Reason.SCOPE_TOO_NARROW: "This token may only read. Sign in again with a scope that may act.",
    Reason.CLIENT_UNKNOWN: "This client is not known here, or its secret is wrong.",
    Reason.CLIENT_NOT_ALLOWED: "This client may not do that here.",
    Reason.CODE_REFUSED: "That code was used, has run out, or was made for something else. Sign in again.",
    Reason.CONSENT_DENIED: "You said no, so nothing was given to the client.",
    Reason.DEVICE_GRANT_OFF: "Signing in with a code from another device is switched off here. Sign in with a browser.",
    Reason.AGENTS_NOT_OPEN: "None of your groups may own service accounts. Ask the operators.",
    Reason.TOO_MANY_AGENTS: "You own as many service accounts as one person may. Retire one, or hand one over.",
    Reason.AGENT_SUSPENDED: "This service account is suspended. Its owner can take it up again.",
    Reason.AGENT_WITHOUT_OWNER: "Nobody answers for this service account now. Security names a new owner.",
    Reason.AGENT_RETIRED: "This service account was retired, for good.",
    Reason.OWNER_CHANGED: "Another person answers for this service account now.",
    Reason.OFFER_CLOSED: "This offer is not open any more.",
    Reason.GRANT_NOT_STARTED: "This grant has not started. Start it in My access.",
    Reason.GRANT_EXPIRED: "The time of this grant ran out. Ask again.",
    Reason.GRANT_REVOKED: "This session was revoked.",
    Reason.GRANT_SUSPENDED: "This grant is paused. Ask the security team.",
    Reason.GRANT_RELINQUISHED: "You ended this grant. Ask again when you need it.",
    Reason.GRANT_EXTENDED: "A longer grant took over.",
    Reason.GRANT_NOT_ACTIVE: "This grant is not active.",
    Reason.OUT_OF_SCOPE: "Your grant does not cover this repository.",
    Reason.OPERATION_NOT_GRANTED: "Your grant does not cover this operation.",
    Reason.REFERENCE_NOT_GRANTED: "Your grant does not cover this tag or digest.",
    Reason.FILE_NOT_GRANTED: "Your grant does not cover this file.",
    Reason.MOUNT_SOURCE_NOT_GRANTED: "Copying a layer from there needs a pull grant on its source.",
    Reason.FILE_TYPE_REFUSED: "A rule refuses this kind of file. Take the safetensors file, or leave this one out.",
    Reason.BUDGET_SPENT: "The byte budget of this grant is used up. End the grant in My access, then ask again.",
    Reason.REQUEST_BUDGET_SPENT: "This grant may make no more requests. End it in My access, then ask again.",
    Reason.GROUP_MEMBERSHIP_LOST: "The group that gave this access no longer counts you in.",
    Reason.EXPOSED_ELSEWHERE: "An earlier access to this target could not be revoked yet. New grants wait for it.",
    Reason.NO_RULE_ALLOWS: "No rule opens this to you.",
    Reason.FORBIDDEN_BY_RULE: "A rule forbids this.",
    Reason.POLICY_MISSING: "No policy is loaded, so nothing is open.",
    Reason.POLICY_BROKEN: "The policy could not be evaluated, so nothing is open.",
    Reason.TIER_RAISED: "It, or something in it, counts as more serious now; the rules for that do not allow this.",
    Reason.POLICY_TIGHTENED: "The policy was tightened and no longer allows this.",
    Reason.SECOND_PERSON_NEEDED: "A policy counts when a second person of security signed it. Propose it instead.",
    Reason.OWN_PROPOSAL: "You proposed this. Somebody else of security has to sign it.",
    Reason.POLICY_MOVED_ON: "Another policy counts since this was proposed. Propose it again, against that one.",
    Reason.PROPOSAL_CHANGED: "What you signed is not what is proposed. Read it again.",
    Reason.PROPOSAL_CLOSED: "This proposal is not open any more.",
    Reason.LAST_OF_SECURITY: "Nobody would be left in security. Let somebody else in first.",
    Reason.OWN_MEMBERSHIP: "Nobody reviews what they hold themselves. Somebody else has to say.",
    Reason.REVIEW_CLOSED: "This was decided already, or the review is closed.",
    Reason.REVOKED_IN_REVIEW: "A review took the membership away.",
    Reason.NOT_REVIEWED: "Nobody said by the deadline whether this is still needed.",
    Reason.POLICY_CHANGED_ALONE: "A policy was made to count without a second person, at the console.",
    Reason.LASTS_TOO_LONG: "That is longer than the rule allows.",
    Reason.NO_APPROVER: "Nobody could approve this, so it cannot be asked.",
    Reason.OWN_REQUEST: "Nobody approves their own request.",
    Reason.NOT_AN_APPROVER: "You are not among the people who may answer this.",
    Reason.APPROVE_ON_PAGE: "This can be approved on our page only. Review it there.",
    Reason.NOT_YET_ASKED: "Others decide this first. You are told when it is your turn.",
    Reason.NEEDED_LATER: "Only you can answer a later stage of this, so somebody else answers this one.",
    Reason.APPROVER_CHANGED: "Whom this asks was changed, so an approval given before counts no more.",
    Reason.OWN_RIGHTS: "Nobody gives a right like this to themselves. Another operator does it.",
    Reason.BREAK_GLASS: "Opened at once, without approval. Security reviews it.",
    Reason.BREAK_GLASS_NOT_OFFERED: "No rule opens this by break-glass. Ask in the ordinary way.",
    Reason.BREAK_GLASS_SPENT: "You used break-glass as often as one day allows. Ask in the ordinary way.",
    Reason.OUTSIDE_ENVELOPE: "The envelope does not hold this any more. Ask again; people decide what is outside.",
    Reason.ENVELOPE_ENDED: "The envelope that this rests on is over. Ask again; people decide.",
    Reason.ENVELOPE_EXPIRED: "The envelope ran out. Its owner proposes another one.",
    Reason.ENVELOPE_REVOKED: "The envelope was revoked, and what it opened ended with it.",
    Reason.ENVELOPE_SUSPENDED: "The envelope is suspended. It goes on when those who approved it sign its review.",
    Reason.ENVELOPE_UNREVIEWED: "Nobody reviewed the envelope in time, so it is suspended.",
    Reason.WORKLOAD_NEEDED: "This access is for one workload. Come with its token.",
    Reason.BREAK_GLASS_UNREVIEWED: "The review of your last break-glass is overdue. Ask Security to do it first.",
    Reason.NOT_FOUND: "There is nothing here that you may see.",
    Reason.ALREADY_ANSWERED: "You answered this already.",
    Reason.ALREADY_DECIDED: "This request was decided already.",
    Reason.ANSWER_TOO_LATE: "Nobody answered in time, so this request ended.",
    Reason.START_TOO_LATE: "The time to start this grant has passed. Ask again.",
    Reason.START_TOO_EARLY: "This was asked for later, and cannot start before that.",
    Reason.PAYLOAD_CHANGED: "This request changed while you read. Read it again.",
    Reason.NARROWED: "An approver offered less than was asked.",
    Reason.WIDER_THAN_ASKED: "An approver can offer less than was asked, never more or something else.",
    Reason.TICKET_CLOSED: "Its ticket was closed. Ask again with one that is open.",
    Reason.NOT_A_TICKET_SYSTEM: "Only the service account of a ticket system says which tickets are closed.",
    Reason.BUNDLE_HELD: "Agreed on. It is granted when everything that was asked with it is.",
    Reason.BUNDLE_ENDED: "It was asked as all or nothing, and something asked with it is not granted.",
    Reason.COMMENTS_CLOSED: "This was over a week ago, so nothing is added to it any more.",
    Reason.TOO_MANY_COMMENTS: "This request has as many comments as it may have. Talk to each other directly.",
    Reason.DENIED_BY_PERSON: "An approver denied this.",
    Reason.WITHDRAWN: "The requester withdrew this.",
    Reason.STATE_CHANGED: "This changed in the meantime. Load it again.",
    Reason.INVALID_INPUT: "Some of what was sent cannot be used.",
    Reason.DUPLICATE_REQUEST: "The same request is open already.",
    Reason.VERSION_CHANGED: "This is not the version that you saw. Load it again.",
    Reason.KEY_REUSED: "This Idempotency-Key belongs to another request. Take a new one.",
    Reason.STILL_RUNNING: "The first request with this Idempotency-Key is not done. Send it again in a moment.",
    Reason.OUTCOME_UNKNOWN: "Nobody knows how this ended. Look whether it was made, then take a new Idempotency-Key.",
    Reason.SECRET_SHOWN_ONCE: "This was made, and its secret was shown once. Revoke it, then make another one.",
    Reason.WEBHOOK_EXISTS: "This agent has a webhook already. Change its address or remove it.",
    Reason.WEBHOOK_FAILING: "This address took no message for three days, or said that it is gone. Give another.",
    Reason.WEBHOOK_OF_ANOTHER_OWNER: "Somebody else gave this address when the agent was theirs. Give your own.",
    Reason.RATE_LIMITED: "Too many requests. Wait a little.",
    Reason.MALFORMED_REQUEST: "The gateway could not read this request without doubt, so it refused it.",
    Reason.TLS_ON_PLAIN_PORT: "This port speaks plain HTTP, and the client tried TLS.",
    Reason.REQUEST_TOO_LARGE: "The request is larger than the gateway accepts.",
    Reason.REQUEST_TOO_SLOW: "The request did not arrive in time.",
    Reason.STREAM_IDLE: "Nothing moved for too long, so the connection was ended. Connect again.",
    Reason.METHOD_NOT_ALLOWED: "This method is not allowed here.",
    Reason.ROUTE_UNKNOWN: "The gateway does not serve this address.",
    Reason.NAME_INVALID: "That is not a repository name.",
    Reason.DIGEST_INVALID: "That is not a digest.",
    Reason.UPLOAD_UNKNOWN: "That upload was not begun with this access, or is over. Begin it again.",
    Reason.FORM_BODY_REFUSED: "Uploads do not take form bodies.",
    Reason.TARGET_UNKNOWN: "Your grant does not cover this repository.",
    Reason.TOO_MANY_CONNECTIONS: "Too many connections. Wait a little.",
    Reason.TOO_MANY_STREAMS: "Too many transfers run under this grant at once. Wait until one has ended.",
    Reason.UPSTREAM_AWAY: "The registry behind the gateway does not answer. Nothing on your side is wrong.",
    Reason.SLACK_AWAY: "Slack does not answer. Messages wait and come later.",
    Reason.SLACK_REFUSED: "Slack refused a message. Tell the operators.",
    Reason.PROVIDER_AWAY: "The identity provider does not answer as it should. Sign in by password, or try again.",
    Reason.ISSUER_AWAY: "Who issued this workload's token does not answer as it should. Try again in a minute.",
    Reason.UPSTREAM_REFUSED_CREDENTIAL: "The registry refused the gateway's credential. Tell the operators.",
    Reason.UPSTREAM_BROKEN: "The registry behind the gateway sent something that cannot be passed on.",
    Reason.UPSTREAM_REDIRECT_REFUSED: "The registry pointed to a place the gateway does not follow.",
    Reason.DIGEST_MISMATCH: "The bytes did not match their digest, so they were withheld.",
    Reason.CONTROL_PLANE_LOST: "The gateway lost its control plane, so it lets nothing new through.",
    Reason.AUDIT_UNAVAILABLE: "The gateway cannot record this, so it does not do it. Try again soon.",
    Reason.DATABASE_AWAY: "The gateway's database does not answer. Try again soon.",
    Reason.CLIENT_WENT_AWAY: "The client closed the connection.",
    Reason.DRAINING: "This gateway process is shutting down. Try again.",
    Reason.PROXY_LOST: "The gateway process was lost before it could say how this ended.",
    Reason.INTERNAL_ERROR: "Something broke on our side. The request was refused.",
}


def explain(reason: Reason) -> str:
    """The sentence for people that belongs to a code."""
    return _SENTENCES[reason]
