"""The one settings file. Everything that differs between places comes from the environment."""

import sys
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config.appearance import UNFOLD as UNFOLD
from config.environment import (
    BASE_DIR,
    GATEWAYS,
    USUAL_ADDRESS,
    data_dir,
    demo_secret,
    problems,
    refuse_to_start,
    served_at,
)

env = environ.Env()
refuse_to_start(problems(env))

DEMO = env.bool("DEMO", default=False)
DATA_DIR = data_dir(env)
BASE_URL = (env.str("BASE_URL", default="") or (served_at(DATA_DIR) if DEMO else USUAL_ADDRESS)).rstrip("/")
SECRET_KEY = env.str("SECRET_KEY", default="") or demo_secret(DATA_DIR)
DEBUG = False
PAYMENT_GATEWAYS = GATEWAYS
PAYMENT_GATEWAY = env.str("PAYMENT_GATEWAY", default="sandbox")
# How many renewals all processes together charge at the provider.
CHARGES_PER_SECOND = env.int("CHARGES_PER_SECOND", default=25)
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="").strip()
STRIPE_PUBLISHABLE_KEY = env.str("STRIPE_PUBLISHABLE_KEY", default="").strip()
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="").strip()
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")  # a stand-in for tests; Stripe itself when it is empty

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=LOOPBACK if DEMO else [urlsplit(BASE_URL).hostname])
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "tenants",
    "licensing",
    "policies",
    "commerce",
    "config.apps.SiteConfig",
    "unfold.apps.BasicAppConfig",
    "config.apps.ProcurementAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "django_countries",
    "csp",
]

MIDDLEWARE = [
    "config.loopback.OnlyFromThisMachine",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "commerce.views.card_fields.CardFieldsPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.slashes.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.signin.middleware.ActingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.acting",
            ],
        },
    },
]

# --- Database: the owner of the tables migrates; everything else runs as a role without DDL.
OWNER_COMMANDS = {"migrate", "makemigrations", "sqlmigrate", "showmigrations", "squashmigrations", "dbshell"}
APPLICATION_DATABASE_URL = env.str("DATABASE_URL", default="postgresql:///seatwise")
OWNER_DATABASE_URL = env.str("MIGRATE_DATABASE_URL", default=APPLICATION_DATABASE_URL)
APPLICATION_ROLE = env.db_url_config(APPLICATION_DATABASE_URL).get("USER", "")
AS_OWNER = env.bool("AS_OWNER", default=bool(OWNER_COMMANDS & set(sys.argv[1:2])))

database = env.db_url_config(OWNER_DATABASE_URL if AS_OWNER else APPLICATION_DATABASE_URL)
database["OPTIONS"] = {"application_name": "seatwise", "connect_timeout": 5} | database.get("OPTIONS", {})
database["HOST"] = database["HOST"] or database["OPTIONS"].pop("host", "")  # a socket's folder
database["CONN_HEALTH_CHECKS"] = True
if env.bool("DATABASE_POOL", default=False):  # the web server sets it: its threads share their connections
    database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 10, "timeout": 10}
DATABASES = {
    "default": database,
    # A second connection to the same database: the sandbox gateway's ledger commits apart from our transactions.
    "sandbox": database | {"OPTIONS": dict(database["OPTIONS"]), "TEST": {"MIRROR": "default"}},
}

# --- Broker, cache, jobs
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    },
}

# --- People and sessions
AUTH_USER_MODEL = "tenants.User"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True

# --- Transport: a demo speaks plain HTTP on loopback, everything else only HTTPS.
SECURE = urlsplit(BASE_URL).scheme == "https"
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# --- API
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "tenants.api.schema.Schema",
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.scopes.TokenAllows"],
    "EXCEPTION_HANDLER": "tenants.api.problem.handle",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Seatwise",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "MemberStateEnum": "tenants.directory.models.MemberState",
        "MemberKindEnum": "tenants.directory.models.MemberKind",
        "InvoiceKindEnum": "commerce.models.invoice.InvoiceKind",
        "OrderKindEnum": "commerce.models.order.OrderKind",
        "ChangeStateEnum": "commerce.api.change_shapes.STATES",
        "CaseKindEnum": "commerce.models.support.CaseKind",
        "GovernanceKindEnum": "policies.models.governance.GovernanceKind",
        "PolicyValueEnum": "policies.models.policy.PolicyValue",
        "PolicyLevelEnum": "policies.api.values.LEVELS",
        "LimitLevelEnum": "policies.models.limit.LimitLevel",
        "LimitModeEnum": "policies.models.limit.LimitMode",
        "TakeOverModeEnum": "commerce.models.takeover.TakeOverMode",
        "OutcomeEnum": "policies.models.decision.Outcome",
        "ApprovalStateEnum": "policies.models.approval.ApprovalState",
        "LicenseRequestStateEnum": "policies.models.request.RequestState",
        "RequestedPersonStateEnum": "policies.models.request.PersonState",
        "WebhookEndpointStateEnum": "tenants.delivery.webhooks.models.EndpointState",
        "WebhookDeliveryStateEnum": "tenants.delivery.webhooks.models.DeliveryState",
    },
}
OAUTH2_PROVIDER = {
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # tokens are stored hashed
    # The rest of today's best practice, before the library makes it the default.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "oauth2_provider.AccessToken"  # noqa: S105 (a table, said out loud since migrations refer to it)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- The journal: what each app calls the ids that its events hold
JOURNAL_NAMES = [
    "tenants.naming.NAMES",
    "licensing.naming.NAMES",
    "policies.naming.NAMES",
    "commerce.naming.NAMES",
]
# --- What a purchase would cost: policies weigh it, commerce, which lies above them, knows it
PURCHASE_COSTS = "commerce.operations.pricing.costs"

# --- Words, files, mail, logs
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default="") or None
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from the apps themselves: no build step stands between a change and the page.
WHITENOISE_USE_FINDERS = True

if DEMO:
    EMAIL_CONFIG = env.email("EMAIL_URL", default=f"filemail:///{DATA_DIR / 'mail'}")
else:
    EMAIL_CONFIG = env.email("EMAIL_URL", default="smtp://localhost:25")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Seatwise <no-reply@seatwise.example>")
EMAIL_TIMEOUT = 10

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # A filter that the admin refuses is an answer, not an incident: any reader could fill the log with it.
        "django.security.DisallowedModelAdminLookup": {"level": "CRITICAL"},
        "httpx": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "fpdf": {"level": "ERROR"},  # of each letter that no font has
    },
}
