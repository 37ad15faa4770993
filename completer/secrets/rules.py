"""Tokens that are known by their form, one rule for each kind; NOTICE says whose rules they are.

They are written for `re`: each begins with a literal, which is found about as fast as `str.find`
finds it, and what repeats is bounded or possessive, so that a text is gone through in linear time.
They ask for the least that tells a token; `tokens.py` goes on to the end of the run that it is in.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecretRule:
    """A form of secret. The group `secret`, or else the whole match, is what has to go.

    `backwards`: the match begins inside the secret, whose run reaches further back.
    """

    name: str
    pattern: re.Pattern[str]
    backwards: bool = False


def _rule(name: str, pattern: str, *, backwards: bool = False) -> SecretRule:
    return SecretRule(name, re.compile(pattern, re.ASCII), backwards)


_DISCORD_USER = "|".join(rf"(?<=[MNO][\w-]{{{length}}}\.)" for length in range(22, 28))
_PRIVATE_KEY_IN_BASE64 = r"(?:UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW)"

# After detect-secrets 1.5.0.
_OF_DETECT_SECRETS = (
    _rule("Artifactory key", r"AKCp[A-Za-z0-9]{20}"),
    _rule("AWS access key id", r"A(?:KIA|SIA|(?:BIA|CCA)(?=[A-Z]{0,15}[0-9]))[A-Z0-9]{16}"),
    _rule("Azure storage key", r"AccountKey=(?P<secret>[A-Za-z0-9+/]{20})"),
    _rule(
        "Basic authentication",
        r"""://(?P<secret>[^\s:/?#@"'<>{}()\[\]\\`|%]{1,256}+:[^\s/?#@"'<>{}()\[\]\\`|]{1,256}+)@""",
    ),
    _rule(
        "Discord bot token",
        rf"\.(?:{_DISCORD_USER})[\w-]{{6}}\.[\w-]{{27}}",
        backwards=True,
    ),
    _rule("GitLab token", r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[\w-]{20}"),
    _rule("GitLab runner token", r"GR1348941[\w-]{20}"),
    _rule(
        "JSON web token",
        r"\.eyJ(?<=[\w-]{10}\.eyJ)[\w-]{8,}+(?:\.[\w-]*+)?",
        backwards=True,
    ),
    _rule("Mailchimp key", r"-us(?<=[0-9a-f]{32}-us)[0-9]{1,2}", backwards=True),
    _rule("PyPI token", r"pypi-(?:AgE[\w-]{40}|(?=[A-Za-z_]{0,59}[0-9])[A-Za-z0-9_]{60})"),
    _rule("Square secret", r"sq0(?:csp|atp)-[\w-]{20}"),
    _rule("Telegram bot token", r":(?<=[0-9]{8}:)[\w-]{35}", backwards=True),
    _rule("Twilio account", r"AC(?=[a-z]{0,31}[0-9])[a-z0-9]{32}"),
    _rule("Twilio key", r"SK(?=[a-z]{0,31}[0-9])[a-z0-9]{32}"),
)

# After the recommended rules of secretlint 13.1.0.
_OF_SECRETLINT = (
    _rule("1Password token", r"ops_ey[A-Za-z0-9+/]{40}"),
    _rule("Anthropic key", r"sk-ant-[\w-]{20}"),
    _rule("Cloudflare token", r"cf(?:k|ut|at)_[A-Za-z0-9]{40}"),
    _rule("Databricks token", r"dapi[A-Fa-f0-9]{32}"),
    _rule("Docker token", r"dckr_pat_[\w-]{20}"),
    _rule("Figma token", r"figd_[\w-]{30}"),
    _rule("GitHub token", r"gh[pousr]_[A-Za-z0-9_]{30}"),
    _rule("GitHub fine-grained token", r"github_pat_[A-Za-z0-9_]{30}"),
    _rule("Grafana token", r"gl(?:sa|c)_[A-Za-z0-9+/]{30}"),
    _rule("Groq key", r"gsk_[A-Za-z0-9]{40}"),
    _rule("Hugging Face token", r"hf_[A-Za-z]{34}"),
    _rule("Linear key", r"lin_api_[A-Za-z0-9_]{30}"),
    _rule("Notion token", r"ntn_[0-9]{11}[A-Za-z0-9]{30}"),
    _rule("npm token", r"npm_[A-Za-z0-9]{36}"),
    _rule("npm password", r"_authToken=(?P<secret>[\w+/=.-]{16,}+)"),
    _rule(
        "OpenAI key",
        r"sk-(?<![A-Za-z0-9]sk-)(?:(?:proj|svcacct|admin|or)-[\w-]{20}"
        r"|(?=[A-Za-z]{0,31}[0-9])[A-Za-z0-9]{32})",
    ),
    _rule("SendGrid key", r"SG\.[\w-]{16,32}+\.[\w-]{16,}+"),
    _rule("Shopify token", r"shp(?:pa|ca|at|ss)_[A-Za-z0-9]{30}"),
    _rule("Slack token", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10}"),
    _rule("Slack app token", r"xapp-[0-9]-[A-Za-z0-9-]{10}"),
    _rule(
        "Slack webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[\w+/-]{20,}+)",
    ),
    _rule("Stripe key", r"k_(?<=[rs]k_)(?:live|test)_[A-Za-z0-9]{16}", backwards=True),
    _rule("Tailscale key", r"tskey-[a-z]{2,20}-[\w-]{20}"),
    _rule("Vault token", r"hv[sbr]\.[\w-]{40}"),
    _rule("Vercel token", r"vc[piark]_[A-Za-z0-9]{20}"),
)

# After what their issuers document.
_OF_ISSUERS = (
    _rule("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{40}"),
    _rule(
        "AWS secret key beside its id",
        r"A[KS]IA[A-Z0-9]{16}\b[^\n]{1,80}?(?<![\w/+])(?P<secret>[A-Za-z0-9/+]{40})(?![\w/+])",
    ),
    _rule("Azure shared access key", r"SharedAccessKey=(?P<secret>[A-Za-z0-9+/]{20})"),
    _rule("DigitalOcean token", r"do[por]_v1_[a-f0-9]{32}"),
    _rule("Google API key", r"AIza[\w-]{35}"),
    _rule("Google OAuth secret", r"GOCSPX-[\w-]{20}"),
    _rule("Google OAuth token", r"ya29\.[\w-]{20}"),
    _rule("Heroku key", r"HRKU-[\w-]{30}"),
    *(
        _rule(
            "Heroku key by its name",
            rf"{name}[^\n]{{0,40}}?(?P<secret>[0-9A-Fa-f]{{8}}-(?:[0-9A-Fa-f]{{4}}-){{3}}[0-9A-Fa-f]{{12}})",
        )
        for name in ("eroku", "EROKU")
    ),
    _rule(
        "Private key in base64",
        rf"LS0tLS1CRUdJTi[A-Za-z0-9+/]{{0,60}}?{_PRIVATE_KEY_IN_BASE64}[A-Za-z0-9+/=]{{20}}",
    ),
    _rule("Stripe webhook secret", r"whsec_[A-Za-z0-9+/]{24}"),
)

RULES: tuple[SecretRule, ...] = (*_OF_DETECT_SECRETS, *_OF_SECRETLINT, *_OF_ISSUERS)
