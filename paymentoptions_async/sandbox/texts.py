"""The words of the buyer's pages, in English and Japanese."""

from __future__ import annotations

from decimal import Decimal

from .books import decimals_of

LANGUAGES = ("en", "ja")

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "bank": "Sandbox Bank",
        "title": "Confirm your payment",
        "intro": "Your bank asks you to confirm this purchase.",
        "merchant": "Merchant",
        "amount": "Amount",
        "card": "Card",
        "date": "Date",
        "code": "One-time code",
        "code_hint": "This is a test page: any 6 digits will do.",
        "code_wrong": "Enter the 6 digits of the code.",
        "confirm": "Confirm payment",
        "decline": "This was not me: decline",
        "leave": "Leave without answering",
        "test": "Test page. No real money moves.",
        "other_language": "日本語",
        "expires": "This page closes at",
        "approved_title": "Payment confirmed",
        "approved": "You can go back to the shop.",
        "unsuccessful_title": "Payment not made",
        "unsuccessful": "The card was not charged.",
        "pending_title": "Thank you",
        "pending": "The shop will be told as soon as the result is known.",
        "already": "This page has been answered already. Nothing more was charged.",
        "expired_title": "This page has expired",
        "expired": "Nothing was charged. Start again from the shop.",
        "left_title": "You left without answering",
        "left": "Nothing was charged, and the shop is told nothing.",
        "back": "Go back and answer",
        "unknown_title": "No such page",
        "unknown": "This link is not one of ours, or the sandbox was started anew.",
        "shop": "Back to the shop",
    },
    "ja": {
        "bank": "サンドボックス銀行",
        "title": "お支払いの確認",
        "intro": "カード発行会社がご本人によるお支払いかどうかを確認しています。",
        "merchant": "加盟店",
        "amount": "金額",
        "card": "カード",
        "date": "日付",
        "code": "ワンタイムパスコード",
        "code_hint": "テスト用の画面です。6桁の数字であれば何でも使えます。",
        "code_wrong": "6桁の数字を入力してください。",
        "confirm": "支払いを確定する",
        "decline": "身に覚えがないので拒否する",
        "leave": "回答せずに離れる",
        "test": "テスト用の画面です。実際の請求は発生しません。",
        "other_language": "English",
        "expires": "この画面の有効期限",
        "approved_title": "お支払いが確認されました",
        "approved": "ショップの画面にお戻りください。",
        "unsuccessful_title": "お支払いは行われませんでした",
        "unsuccessful": "カードへの請求はありません。",
        "pending_title": "ありがとうございます",
        "pending": "結果が分かり次第、ショップに通知されます。",
        "already": "この画面はすでに回答済みです。追加の請求はありません。",
        "expired_title": "有効期限が切れました",
        "expired": "請求は行われていません。ショップからやり直してください。",
        "left_title": "回答せずに離れました",
        "left": "請求は行われず、ショップへの通知もありません。",
        "back": "戻って回答する",
        "unknown_title": "画面が見つかりません",
        "unknown": "無効なリンクか、サンドボックスが再起動されています。",
        "shop": "ショップに戻る",
    },
}


def language(wanted: str | None, accept: str) -> str:
    """Choose the page's language: `wanted` (the `lang` parameter) if we have it, else the first of Accept-Language."""
    if wanted in LANGUAGES:
        return wanted
    ranked = []
    for position, part in enumerate(accept.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            ranked.append((-float(quality or 1), position, tag.strip().lower()[:2]))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(ranked) if tag in LANGUAGES), "en")


def shown_amount(amount: Decimal, currency: str) -> str:
    """Write an amount (major units) for a buyer: grouped, with the currency's decimals and its code."""
    return f"{amount:,.{decimals_of(currency) or 0}f} {currency}"
