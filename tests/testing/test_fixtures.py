"""What the fixtures of the plugin do, asked for as any test asks for them."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from paymentoptions_async import Address, Money, Payment, PaymentOptions, PaymentStatus
from paymentoptions_async.sandbox import Clock, Settings
from paymentoptions_async.testing.clients import PUBLIC_URL, START

Pay = Callable[..., Awaitable[Payment]]
Link = Callable[..., Awaitable[Payment]]
ADDRESS = Address(
    country="JP",
    email="buyer@example.com",
    phone_number="0312345678",
    address1="1-1 Chiyoda",
    city="Chiyoda",
    state="Tokyo",
    postal_code="100-0001",
)


@pytest.fixture
def pay(paymentoptions_gateway: PaymentOptions, paymentoptions_card) -> Pay:
    async def pay(card="approved", **more) -> Payment:
        return await paymentoptions_gateway.purchase(
            Money("1000", "JPY"),
            card=paymentoptions_card(card),
            billing_address=ADDRESS,
            customer_ip="203.0.113.7",
            idempotency_key="1042:1",
            **more,
        )

    return pay


@pytest.fixture
def link(paymentoptions_gateway: PaymentOptions) -> Link:
    async def link(**more) -> Payment:
        return await paymentoptions_gateway.hosted_page(
            Money("1000", "JPY"),
            merchant_email="shop@example.com",
            billing_address=ADDRESS,
            idempotency_key="1042:1",
            **more,
        )

    return link


@pytest.fixture
def status(paymentoptions_gateway: PaymentOptions, paymentoptions_webhooks):
    """What the payment is once the webhooks are delivered."""

    async def status(payment: Payment) -> PaymentStatus:
        await paymentoptions_webhooks.deliver()
        return (await paymentoptions_gateway.payment(payment.ref)).status

    return status


class TestTheBuyer:
    async def test_approves_on_the_3d_secure_page(self, pay, paymentoptions_buyer, status):
        payment = await pay("challenge")
        assert (await paymentoptions_buyer.approve(payment)).startswith(f"{PUBLIC_URL}/return/success/{payment.ref}/")
        assert await status(payment) is PaymentStatus.APPROVED

    async def test_declines_on_the_3d_secure_page(self, pay, paymentoptions_buyer, status):
        payment = await pay("challenge")
        assert (await paymentoptions_buyer.decline(payment.redirect_url)).startswith(f"{PUBLIC_URL}/return/decline/")
        assert await status(payment) is PaymentStatus.DECLINED

    async def test_leaves_the_3d_secure_page_and_may_come_back(self, pay, paymentoptions_buyer, status):
        payment = await pay("challenge")
        assert await paymentoptions_buyer.cancel(payment) is None
        assert await status(payment) is PaymentStatus.ACTION_REQUIRED
        await paymentoptions_buyer.approve(payment)
        assert await status(payment) is PaymentStatus.APPROVED

    async def test_abandons_the_3d_secure_page(self, pay, paymentoptions_buyer, paymentoptions_sandbox, status):
        payment = await pay("challenge")
        await paymentoptions_buyer.abandon(payment)
        assert await paymentoptions_buyer.approve(payment) is None  # too late
        assert await status(payment) is PaymentStatus.ACTION_REQUIRED
        assert paymentoptions_sandbox.books.charges() == []

    async def test_pays_on_the_hosted_page(self, link, paymentoptions_buyer, status):
        payment = await link()
        assert (await paymentoptions_buyer.approve(payment)).startswith(f"{PUBLIC_URL}/return/success/")
        assert await status(payment) is PaymentStatus.APPROVED

    async def test_is_led_from_the_hosted_page_to_3d_secure(self, link, paymentoptions_buyer, status):
        payment = await link()
        page = await paymentoptions_buyer.approve(payment, card="challenge")
        await paymentoptions_buyer.approve(page)
        assert await status(payment) is PaymentStatus.APPROVED

    async def test_is_declined_on_the_hosted_page(self, link, paymentoptions_buyer, paymentoptions_sandbox, status):
        payment = await link()
        await paymentoptions_buyer.decline(payment)
        assert await status(payment) is PaymentStatus.ACTION_REQUIRED  # and may try another card
        assert [one.outcome.name for one in paymentoptions_sandbox.books.transactions] == ["declined"]

    @pytest.mark.parametrize("wallet", [{}, {"method": "gcash"}])
    async def test_goes_back_to_the_shop(self, link, paymentoptions_buyer, paymentoptions_sandbox, wallet):
        payment = await link(**wallet)
        assert (await paymentoptions_buyer.cancel(payment)).startswith(f"{PUBLIC_URL}/return/cancel/")
        assert [one.cancelled for one in paymentoptions_sandbox.links.all] == [1]

    async def test_lets_the_hosted_page_lapse(self, link, paymentoptions_buyer, paymentoptions_sandbox):
        payment = await link()
        await paymentoptions_buyer.abandon(payment)
        [left] = paymentoptions_sandbox.links.all
        assert paymentoptions_sandbox.links.state(left) == "expired"

    @pytest.mark.parametrize(
        ("answer", "outcome"), [("approve", PaymentStatus.APPROVED), ("decline", PaymentStatus.DECLINED)]
    )
    async def test_answers_a_wallet(self, link, paymentoptions_buyer, paymentoptions_sandbox, answer, outcome):
        payment = await link(method="gcash")
        await getattr(paymentoptions_buyer, answer)(payment)
        assert paymentoptions_sandbox.books.transactions[0].outcome.name == outcome

    async def test_has_nothing_to_answer_where_a_payment_leads_to_no_page(self, pay, paymentoptions_buyer):
        payment = await pay()
        with pytest.raises(ValueError, match=f"payment {payment.ref} is approved: it leads its buyer to no page"):
            await paymentoptions_buyer.approve(payment)
        with pytest.raises(ValueError, match="no such page"):
            await paymentoptions_buyer.approve("http://127.0.0.1/integration/3ds?_token=made-up")


class TestWebhooks:
    async def test_wait_until_the_test_delivers_them(self, pay, paymentoptions_gateway, paymentoptions_webhooks):
        payment = await pay("approved")
        assert [entry.event for entry in await paymentoptions_gateway.history(payment.ref)] == ["opened", "answered"]
        [delivery] = await paymentoptions_webhooks.deliver()
        assert (delivery.merchant_txn_ref, delivery.attempts[-1].status) == (payment.ref, 200)
        assert await paymentoptions_webhooks.deliver() == []

    async def test_come_again(self, pay, paymentoptions_sandbox, paymentoptions_webhooks):
        await pay()
        with pytest.raises(ValueError, match="nothing was delivered yet"):
            await paymentoptions_webhooks.deliver_again()
        [delivery] = await paymentoptions_webhooks.deliver()
        asked = len(paymentoptions_sandbox.requests)
        assert await paymentoptions_webhooks.deliver_again() == 200
        assert await paymentoptions_webhooks.deliver_again(delivery) == 200
        assert len(paymentoptions_sandbox.requests) == asked  # a repetition of what is settled asks nothing

    async def test_that_are_refused_are_answered_as_a_handler_would(self, pay, paymentoptions_webhooks):
        await pay()
        [delivery] = await paymentoptions_webhooks.deliver()
        delivery.url = delivery.url[:-1] + ("A" if delivery.url[-1] != "A" else "B")
        assert await paymentoptions_webhooks.deliver_again(delivery) == 404

    async def test_go_to_an_application(
        self, pay, paymentoptions_gateway, paymentoptions_buyer, paymentoptions_webhooks
    ):
        seen = []

        async def webhook(request):
            seen.append((request.method, request.headers["content-type"]))
            ref, token = request.path_params["ref"], request.path_params["token"]
            await paymentoptions_gateway.webhooks.receive(
                ref, token, headers=request.headers, body=await request.body()
            )
            return Response(status_code=204)

        paymentoptions_webhooks.send_to(Starlette(routes=[Route("/webhook/{ref}/{token}", webhook, methods=["POST"])]))
        payment = await pay("challenge")
        await paymentoptions_buyer.approve(payment)
        [delivery] = await paymentoptions_webhooks.deliver()
        assert delivery.attempts[-1].status == 204
        assert seen == [("POST", "application/json")]
        assert (await paymentoptions_gateway.payment(payment.ref)).status is PaymentStatus.APPROVED

    async def test_bring_to_light_what_the_application_raises(self, pay, paymentoptions_webhooks):
        async def webhook(_):
            raise RuntimeError("the shop has a bug")

        paymentoptions_webhooks.send_to(Starlette(routes=[Route("/webhook/{ref}/{token}", webhook, methods=["POST"])]))
        await pay()
        with pytest.raises(RuntimeError, match="the shop has a bug"):
            await paymentoptions_webhooks.deliver()
        assert await paymentoptions_webhooks.deliver() == []  # said once; the next attempt is due later

    async def test_go_to_another_client_of_the_merchant(self, pay, paymentoptions_env, paymentoptions_webhooks):
        payment = await pay()
        async with PaymentOptions.from_env() as other:
            paymentoptions_webhooks.send_to(other)
            [delivery] = await paymentoptions_webhooks.deliver()
            assert delivery.attempts[-1].status == 200
            [notice] = await other._journal.notices(payment.ref)
            assert notice.transaction_ids == (payment.transaction_id,)

    async def test_that_do_not_name_the_inbox_say_so(self, pay, paymentoptions_webhooks):
        from paymentoptions_async import ReturnUrls

        shop = "http://127.0.0.1:8000/shop"
        urls = ReturnUrls(
            webhook_url=f"{shop}?ref={{ref}}&token={{token}}", success_url=f"{shop}/yes", decline_url=f"{shop}/no"
        )
        await pay(return_urls=urls)
        with pytest.raises(ValueError, match="send_to the application instead"):
            await paymentoptions_webhooks.deliver()

    async def test_hand_over_to_on_payment(self, pay, handled, paymentoptions_buyer, paymentoptions_webhooks):
        payment = await pay("challenge")
        await paymentoptions_buyer.approve(payment)
        assert handled == []
        await paymentoptions_webhooks.deliver()
        assert handled == [(payment.ref, PaymentStatus.APPROVED)]

    @pytest.fixture
    def handled(self) -> list[tuple[str, PaymentStatus]]:
        return []

    @pytest.fixture
    def paymentoptions_gateway_options(self, handled):
        async def on_payment(event):
            handled.append((event.payment.ref, event.payment.status))

        return {"on_payment": on_payment}


class TestWebhooksOverHttp:
    @pytest.fixture
    def listening(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            yield listening

    @pytest.fixture
    def paymentoptions_gateway_options(self, listening):
        return {"public_url": f"http://127.0.0.1:{listening.getsockname()[1]}/shop"}

    async def test_reach_an_application_that_listens(
        self, pay, paymentoptions_gateway, paymentoptions_webhooks, listening
    ):
        async def webhook(request):
            ref, token = request.match_info["ref"], request.match_info["token"]
            await paymentoptions_gateway.webhooks.receive(
                ref, token, headers=request.headers, body=await request.read()
            )
            return web.Response(status=202)

        app = web.Application()
        app.router.add_post("/shop/webhook/{ref}/{token}", webhook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            await pay()
            paymentoptions_webhooks.send_over_http()
            [delivery] = await paymentoptions_webhooks.deliver()
        finally:
            await runner.cleanup()
        assert delivery.attempts[-1].status == 202


class TestOptions:
    @pytest.fixture
    def paymentoptions_sandbox_options(self):
        return {"seed": 9, "settings": Settings(decline_status=412), "clock": Clock(START + timedelta(days=1))}

    @pytest.fixture
    def paymentoptions_gateway_options(self):
        return {"public_url": "http://127.0.0.1:9000/pay"}

    async def test_reach_the_sandbox_and_the_client(self, pay, paymentoptions_sandbox, paymentoptions_gateway):
        await pay("declined")
        [transaction] = paymentoptions_sandbox.books.transactions
        assert transaction.order.urls["webhook_url"].startswith("http://127.0.0.1:9000/pay/webhook/")
        assert transaction.created == START + timedelta(days=1)
        assert paymentoptions_sandbox.requests[-1].status == 412

    async def test_reach_the_environment(self, paymentoptions_env, paymentoptions_sandbox):
        assert os.environ["PAYMENTOPTIONS_PUBLIC_URL"] == "http://127.0.0.1:9000/pay"


class TestTheEnvironment:
    @pytest.fixture(autouse=True)
    def of_a_developer(self, monkeypatch):
        monkeypatch.setenv("PAYMENTOPTIONS_ENVIRONMENT", "live")
        monkeypatch.setenv("PAYMENTOPTIONS_PROXY", "http://proxy.example:3128")

    def test_replaces_what_was_set(self, of_a_developer, paymentoptions_env):
        now = {name: text for name, text in os.environ.items() if name.startswith("PAYMENTOPTIONS_")}
        assert now == paymentoptions_env
        assert (now["PAYMENTOPTIONS_ENVIRONMENT"], "PAYMENTOPTIONS_PROXY" in now) == ("sandbox", False)

    def test_names_the_port_of_a_sandbox_that_is_served(self, paymentoptions_env, paymentoptions_sandbox_url):
        assert paymentoptions_env["PAYMENTOPTIONS_SANDBOX_URL"] == paymentoptions_sandbox_url


def test_a_card_that_is_none_is_named(paymentoptions_card):
    with pytest.raises(ValueError, match="no test card is named 'gold'; there are approved, "):
        paymentoptions_card("gold")


async def test_the_clock_stands_still_until_it_is_moved(paymentoptions_sandbox, paymentoptions_gateway, pay):
    payment = await pay("pending")
    assert paymentoptions_sandbox.clock.now() == START
    await paymentoptions_sandbox.advance(61)
    assert paymentoptions_sandbox.clock.now() > START + timedelta(seconds=60)
    assert (await paymentoptions_gateway.resolve(payment.ref)).status is PaymentStatus.APPROVED


async def test_a_served_sandbox_delivers_by_itself(paymentoptions_sandbox_url, request):
    with pytest.raises(pytest.fail.Exception, match="leave out paymentoptions_webhooks or paymentoptions_sandbox_url"):
        request.getfixturevalue("paymentoptions_webhooks")


async def test_respx_stands_in_for_the_gateway(paymentoptions_respx):
    route = paymentoptions_respx.get(path__regex="/transaction/status/").respond(404, json={"message": "no"})
    async with PaymentOptions(
        api_key="a", x_api_key="b", merchant_id="JP00000001", environment="development"
    ) as gateway:
        asked = await gateway.status("ab8444e7-fec0-40dd-994d-0ad813785f74")
    assert route.called
    assert asked.status is PaymentStatus.UNKNOWN
