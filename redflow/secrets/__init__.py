"""Secrets that nodes use: named in a definition, kept elsewhere, looked up while a step runs.

May import crypto, model and errors; knows neither Redis nor workers: the store of secrets in Redis
is in store/secrets.py, client/_async/secrets.py and worker/secrets.py. Read first: `reference.py`
(what a definition says), then `chain.py` (where a value comes from), `values.py`, `masking.py`.
"""

from redflow.secrets.chain import Secrets as Secrets
from redflow.secrets.chain import SecretSource as SecretSource
from redflow.secrets.chain import providers_from as providers_from
from redflow.secrets.environment import EnvSecrets as EnvSecrets
from redflow.secrets.files import FileSecrets as FileSecrets
from redflow.secrets.masking import Mask as Mask
from redflow.secrets.reference import Secret as Secret
from redflow.secrets.values import SecretInfo as SecretInfo
from redflow.secrets.values import SecretNotFound as SecretNotFound
from redflow.secrets.values import SecretProvider as SecretProvider
from redflow.secrets.values import SecretValue as SecretValue
