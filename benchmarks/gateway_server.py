"""A gateway that approves every purchase and knows every transaction, as cheaply as Python can.

With ``--noting`` it keeps which transaction was asked for when; ``GET /noted`` tells it once.
"""

import asyncio
import json
import sys
import time
import uuid
from typing import ClassVar

STATUS_PATH = "/api/v1/server-to-server-interface/transaction/status/"
MERCHANT_ID = "JP12345678"
MERCHANT = {"legal_name": "Example", "mid": MERCHANT_ID}
_ID = "ab8444e7-fec0-40dd-994d-0ad813785f74"
_REF = "PO" + "X" * 32  # as long as every reference
_OWN_REF = "X" * len(_ID)  # a transaction that nobody paid for here is named after itself

# In the shape of the vendor's sample of a status answer.
REPLY = {
    "success": True,
    "status_code": 200,
    "is_live": False,
    "transaction_type": "CAPTURE",
    "gateway_response": {"version": "1", "type": "INFO", "message": "Payment Successful.", "code": "INFO0000"},
    "merchant_details": MERCHANT | {"merchant_txn_ref": "order-1042"},
    "payment_details": {
        "amount": 1000,
        "response_code": 0,
        "responseDescription": "The transaction was completed successfully.",
        "auth_code": "917290",
        "currency": "JPY",
        "payment_method": "ECMC-SSL",
        "scheme": "MASTERCARD",
        "card": {"name": "John Doe", "number": "520000******1005", "exp_month": "12", "exp_year": "29"},
        "additional_data": {"payment_data_source": {"type": "card"}},
    },
    "transaction_details": {
        "id": _ID,
        "ref": 74797,
        "timestamp": "2024-11-25T07:22:48.000Z",
        "billing_details": {
            "billing_address": {
                "country": "JP",
                "email": "billing@example.com",
                "phone_number": "8112345678",
                "address1": "1-2-3 Shinjuku",
                "city": "Shinjuku-ku",
                "state": "Tokyo",
                "postal_code": "1600022",
            }
        },
    },
    "risk_details": {"risk_score": None},
}


def _template(reply: dict[str, object], *parts: str) -> list[bytes]:
    """The bytes of an answer, cut where one transaction differs from another."""
    body = json.dumps(reply).encode()
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-amzn-RequestId: 8f14e45f-ceea-467f\r\n"
        b"Date: Mon, 25 Nov 2024 07:22:48 GMT\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    rest, pieces = head + body, []
    for part in parts:
        before, _, rest = rest.partition(part.encode())
        pieces.append(before)
    return [*pieces, rest]


class _Gateway(asyncio.Protocol):
    _path = STATUS_PATH.encode()
    _status = _template(REPLY | {"merchant_details": MERCHANT | {"merchant_txn_ref": _OWN_REF}}, _OWN_REF, _ID)
    _charge = _template(REPLY | {"merchant_details": MERCHANT | {"merchant_txn_ref": _REF}}, _REF, _ID)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or (head.startswith(b"POST") and body[-1:] != b"}"):
            return
        if body:
            ref = json.loads(body)["merchant_txn_ref"].encode()
            before, between, after = self._charge
            self._transport.write(before + ref + between + str(uuid.uuid4()).encode() + after)
        else:
            start = head.index(self._path) + len(self._path)
            before, between, after = self._status
            transaction_id = head[start : start + len(_ID)]
            self._transport.write(before + transaction_id + between + transaction_id + after)
        self._read = b""


class _NotingGateway(_Gateway):
    """Notes the second, and the transaction, of each question that arrives."""

    _noted: ClassVar[list[str]] = []

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /noted "):
            body = "".join(self._noted).encode()
            self._noted.clear()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        if data.startswith(b"GET "):
            start = data.index(self._path) + len(self._path)
            self._noted.append(f"{time.monotonic():.6f} {data[start : start + len(_ID)].decode()}\n")
        super().data_received(data)


async def main(*, noting: bool) -> None:
    protocol = _NotingGateway if noting else _Gateway
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(noting="--noting" in sys.argv))
