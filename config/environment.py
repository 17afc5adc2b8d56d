"""What the environment says, and what it may not say: problems are told by the name of the variable, all at once."""

import contextlib
import ipaddress
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ

USUAL_ADDRESS = "http://127.0.0.1:8000"
BASE_DIR = Path(__file__).resolve().parent.parent
# Every payment provider that there is, by the name that PAYMENT_GATEWAY may have.
GATEWAYS = {
    "sandbox": "commerce.gateways.sandbox.SandboxGateway",
    "stripe": "commerce.gateways.stripe.StripeGateway",
}

# What must be set where the demo does not stand in for it.
REQUIRED = {
    "SECRET_KEY": "a long random string that signs sessions and links",
    "DATABASE_URL": "the application's role, postgresql://…",
    "REDIS_URL": "the broker and cache, redis://…",
    "PAYMENT_GATEWAY": "the provider that takes the payments",
    "BASE_URL": "where people reach this site, https://…",
}

# What a provider cannot work without.
REQUIRED_BY_GATEWAY = {
    "stripe": {
        "STRIPE_SECRET_KEY": "charges cards, sk_… or rk_…",
        "STRIPE_PUBLISHABLE_KEY": "opens Stripe's own card fields in the browser, pk_…",
        "STRIPE_WEBHOOK_SECRET": "proves that an event comes from Stripe, whsec_…",
    },
}


def data_dir(env: environ.Env) -> Path:
    """The folder of everything that the embedded servers and the demo keep."""
    given = env.str("DATA_DIR", default="")
    return Path(given).absolute() if given else BASE_DIR / ".data"


def is_loopback(host: str) -> bool:
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def problems(env: environ.Env) -> list[str]:
    """Each a sentence that names the variable that is wrong."""
    return demo_problems(env) if env.bool("DEMO", default=False) else live_problems(env)


def demo_problems(env: environ.Env) -> list[str]:
    """A demo has known passwords and free cards: it must not be reachable from elsewhere."""
    found = [
        f"ALLOWED_HOSTS: {host!r} is not this machine's own address, and DEMO is served on no other"
        for host in env.list("ALLOWED_HOSTS", default=[])
        if not is_loopback(host)
    ]
    base_url = env.str("BASE_URL", default="")
    if base_url and not is_loopback(urlsplit(base_url).hostname or ""):
        found.append(f"BASE_URL: {base_url!r} is not this machine's own address, and DEMO is served on no other")
    return found + gateway_problems(env)


def live_problems(env: environ.Env) -> list[str]:
    found = [f"{name} is not set: {meaning}" for name, meaning in REQUIRED.items() if not env.str(name, default="")]
    if env.str("PAYMENT_GATEWAY", default="") == "sandbox":
        found.append("PAYMENT_GATEWAY is 'sandbox', whose cards are free: only a DEMO may use it")
    return found + gateway_problems(env)


def gateway_problems(env: environ.Env) -> list[str]:
    gateway = env.str("PAYMENT_GATEWAY", default="")
    if gateway and gateway not in GATEWAYS:
        return [f"PAYMENT_GATEWAY is {gateway!r}: it must be one of {', '.join(GATEWAYS)}"]
    required = REQUIRED_BY_GATEWAY.get(gateway, {})
    return [
        f"{name} is not set: {meaning}" for name, meaning in required.items() if not env.str(name, default="").strip()
    ]


def refuse_to_start(found: list[str]) -> None:
    """End the process with one line for each problem, and no traceback."""
    if found:
        sys.exit("\n".join(f"seatwise cannot start: {problem}" for problem in found))


def address_file(folder: Path) -> Path:
    return folder / "base_url"


def served_at(folder: Path) -> str:
    """Where this demo was served last: what its commands write into letters leads there. Else the usual address."""
    with contextlib.suppress(OSError):
        found = address_file(folder).read_text().strip()
        if is_loopback(urlsplit(found).hostname or ""):
            return found
    return USUAL_ADDRESS


def demo_secret(folder: Path) -> str:
    """The demo's own SECRET_KEY, made once, so that sessions outlive a restart."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"secret_key.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        # Whoever comes first wins, and everybody reads the same.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text()
