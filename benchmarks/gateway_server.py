"""A gateway that approves every purchase and knows every transaction, as cheaply as Python can."""

import asyncio
import json
import uuid

STATUS_PATH = "/api/v1/server-to-server-interface/transaction/status/"
MERCHANT_ID = "JP12345678"
MERCHANT = {"legal_name": "Example", "mid": MERCHANT_ID}
_ID = "ab8444e7-fec0-40dd-994d-0ad813785f74"
_REF = "PO" + "X" * 32  # as long as every reference

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
    _status = _template(REPLY, _ID)
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
            before, after = self._status
            self._transport.write(before + head[start : start + len(_ID)] + after)
        self._read = b""


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Gateway, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
