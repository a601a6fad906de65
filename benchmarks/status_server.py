"""A gateway that answers every status query with the same approved payment, as cheaply as Python can."""

import asyncio
import json

STATUS_PATH = "/api/v1/server-to-server-interface/transaction/status/"
MERCHANT_ID = "JP12345678"
_ID = "ab8444e7-fec0-40dd-994d-0ad813785f74"

# In the shape of the vendor's sample of a status answer.
REPLY = {
    "success": True,
    "status_code": 200,
    "is_live": False,
    "transaction_type": "CAPTURE",
    "gateway_response": {"version": "1", "type": "INFO", "message": "Payment Successful.", "code": "INFO0000"},
    "merchant_details": {"legal_name": "Example", "mid": MERCHANT_ID, "merchant_txn_ref": "order-1042"},
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


class _Gateway(asyncio.Protocol):
    _body = json.dumps(REPLY).encode()
    _head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-amzn-RequestId: 8f14e45f-ceea-467f\r\n"
        b"Date: Mon, 25 Nov 2024 07:22:48 GMT\r\nContent-Length: %d\r\n\r\n" % len(_body)
    )
    _before, _after = (_head + _body).split(_ID.encode())
    _path = STATUS_PATH.encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._read.endswith(b"\r\n\r\n"):
            start = self._read.index(self._path) + len(self._path)
            self._transport.write(self._before + self._read[start : start + len(_ID)] + self._after)
            self._read = b""


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(_Gateway, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
