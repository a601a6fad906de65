"""PaymentOptions: the one door. Each method reads as its story."""

from __future__ import annotations

from paymentoptions_async.client.asking import Asking
from paymentoptions_async.client.following import Following
from paymentoptions_async.client.linking import Linking
from paymentoptions_async.client.subscribing import Subscribing

__all__ = ["PaymentOptions"]


class PaymentOptions(Subscribing, Following, Linking, Asking):
    """A client of the PaymentOptions gateway for one merchant, on one event loop. Use it as ``async with``.

    Args:
        api_key: The API key, raw, or ready encoded (beginning with ``Basic``) as the portal shows it.
        x_api_key: The second key, which goes into ``x-api-key``.
        merchant_id: The DASMID.
        environment: ``live``, ``staging``, ``development`` or ``sandbox``. No default.
        journal: ``"memory:"`` or a `Journal`, which is then yours to close. Required outside sandbox and development;
            live payments need a durable one.
        signing_secrets: Sign return and webhook URLs. The first signs, all are accepted; 16 bytes or more each.
        public_url: Where the gateway and buyers reach this application; return and webhook URLs are made below it.
        sandbox_url: Where the sandbox listens, on loopback; for environment ``sandbox`` alone.
        transport: Any `httpx.AsyncBaseTransport` to send through instead of the default pool.
        connections: How many exchanges may be under way at once.
        proxy: URL of an HTTP proxy for the default pool.
        tls: TLS context for the default pool.
        on_payment: Coroutine function that is called with a `PaymentEvent` for each confirmed change, from whatever
            source, until it returns; fulfil there. At least once: keep ``event.id`` with what you did.
        clock: Gives Unix seconds.
        random: Gives the jitter of retries.

    Raises:
        ConfigurationError: A setting is missing or unsafe. Nothing was sent.
    """
