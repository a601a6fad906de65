from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.reconcile.database import MEMORY
from paymentoptions_async.reconcile.events import Written
from paymentoptions_async.reconcile.options import Rules, Selection
from paymentoptions_async.reconcile.report import Coverage, write_report
from paymentoptions_async.reconcile.report.charts import make_charts
from paymentoptions_async.reconcile.report.itemised import shares
from paymentoptions_async.reconcile.report.summary import Questions
from paymentoptions_async.reconcile.report.words import GROUP_OF, LABELS, MEANINGS, SHOWN, exact, money
from paymentoptions_async.reconcile.schemas import WHOLE_DIGITS
from paymentoptions_async.reconcile.threads import Stop, StoppedError
from paymentoptions_async.reconcile.verdicts import Verdict
from paymentoptions_async.reconcile.workspace import Workspace
from tests.reconcile.report_runs import BEGUN, ODDS, a_run, finding, october, report_of

HOSTILE = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "\uff1dA1", " =1", "\u00a0=1")


def paid(verdict: Verdict = Verdict.MATCHED, amount: str = "10", currency: str = "USD", **cells):
    sides = {"ledger_status": "approved", "ledger_amount": Decimal(amount), "ledger_currency": currency}
    sides |= {"gateway_status": "approved", "gateway_amount": Decimal(amount), "gateway_currency": currency}
    return finding(verdict, **(sides | {"difference": Decimal(0), "at": BEGUN} | cells))


@pytest.fixture
def make(tmp_path):
    runs: list[Workspace] = []

    def make(*findings, **about):
        runs.append(a_run(tmp_path / f"run-{len(runs)}", findings, **about))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


@pytest.fixture
def a_month(tmp_path):
    with october(tmp_path / "october") as run:
        yield run


def table_of(report):
    text = report.table.read_bytes().decode()
    assert text.startswith("\ufeff"), "Excel reads UTF-8 only after a byte order mark"
    return list(csv.DictReader(text[1:].splitlines(keepends=True)))


class TestFigures:
    def test_verdicts_and_flags_are_counted(self, make):
        twice = finding(Verdict.DUPLICATE_IN_LEDGER, flags=["duplicate_in_ledger", "amount_mismatch"])
        report = report_of(make(finding(), finding(), twice))
        assert report.verdicts == {Verdict.DUPLICATE_IN_LEDGER: 1, Verdict.MATCHED: 2}
        assert report.flags == {Verdict.DUPLICATE_IN_LEDGER: 1, Verdict.AMOUNT_MISMATCH: 1, Verdict.MATCHED: 2}
        assert report.differences == 1

    def test_a_month(self, a_month):
        report = report_of(a_month)
        assert report.verdicts == {verdict: ODDS[verdict] for verdict in Verdict}
        assert (report.differences, report.not_compared) == (137, 21)
        assert report.coverage == Coverage(
            rows=3204, invalid=7, outside=12, asked=2923, journal=173, earlier=87, unchecked=14
        )
        assert report.coverage.transactions == 2923 + 260 + 14

    def test_sums_are_exact_and_by_currency_and_kind(self, make):
        much = "0.1000"
        rows = [paid(amount=much) for _ in range(3)] + [paid(amount="3", currency="JPY", kind="refund")]
        rows += [paid(amount="3", currency="JPY")]
        report = report_of(make(*rows))
        found = [(one.currency, one.kind, one.rows, one.ledger, one.agreed) for one in report.amounts]
        assert found == [
            ("JPY", "refund", 1, Decimal(3), Decimal(3)),
            ("JPY", None, 1, Decimal(3), Decimal(3)),
            ("USD", None, 3, Decimal("0.3"), Decimal("0.3")),
        ]
        amounts = json.loads(report.summary.read_text())["amounts"]
        assert [one["ledger"] for one in amounts] == ["3", "3", "0.30"]

    def test_the_largest_amounts_add_up_too(self, make):
        most = WHOLE_DIGITS * "9"
        (jpy,) = report_of(make(*[paid(amount=most, currency="JPY") for _ in range(200)])).amounts
        assert jpy.ledger == jpy.agreed == 200 * int(most)

    def test_what_was_declined_is_no_money(self, make):
        report = report_of(make(paid(ledger_status="declined", gateway_status="declined")))
        (usd,) = report.amounts
        assert (usd.rows, usd.agreed_rows, usd.ledger + usd.agreed) == (1, 1, Decimal(0))

    def test_what_both_have_as_voided_is_no_money(self, make):
        (usd,) = report_of(make(paid(ledger_status="cancelled", gateway_status="authorized", difference=None))).amounts
        assert (usd.agreed_rows, usd.ledger, usd.agreed) == (1, Decimal(0), Decimal(0))

    @pytest.mark.parametrize(
        ("row", "worth"),
        [
            (paid(), {}),
            (paid(Verdict.AMOUNT_WITHIN_TOLERANCE, gateway_amount=Decimal("9.99"), difference=Decimal("-0.01")), {}),
            (paid(Verdict.TIMING_PENDING, gateway_status="pending"), {}),
            (paid(Verdict.UNCHECKED, gateway_status=None), {}),
            (paid(Verdict.AMOUNT_MISMATCH, gateway_amount=Decimal(7), difference=Decimal(-3)), {"USD": 3}),
            (paid(Verdict.REFUND_MISMATCH, ledger_refunded=Decimal(4)), {"USD": 4}),
            (paid(Verdict.STATUS_MISMATCH, gateway_status="declined", gateway_amount=None), {"USD": 10}),
            (paid(Verdict.STATUS_MISMATCH, ledger_status="pending", gateway_status="declined"), {}),
            (paid(Verdict.STALE_PENDING, ledger_status="pending", gateway_status="pending"), {"USD": 10}),
            (paid(Verdict.CURRENCY_MISMATCH, gateway_currency="EUR", difference=None), {"USD": 10}),
            (
                paid(Verdict.MISSING_IN_LEDGER, ledger_amount=None, ledger_currency=None, ledger_status=None),
                {"USD": 10},
            ),
        ],
    )
    def test_what_a_difference_is_about(self, make, row, worth):
        assert report_of(make(row)).in_question == worth

    def test_the_net_difference_keeps_its_sign(self, make):
        more = paid(Verdict.AMOUNT_MISMATCH, gateway_amount=Decimal(11), difference=Decimal(1))
        less = paid(Verdict.AMOUNT_MISMATCH, gateway_amount=Decimal(7), difference=Decimal(-3))
        (usd,) = report_of(make(more, less)).amounts
        assert (usd.in_question, usd.net) == (Decimal(4), Decimal(-2))

    @pytest.mark.parametrize("verdict", Verdict)
    def test_what_is_clean(self, make, verdict):
        assert report_of(make(finding(verdict))).is_clean is not verdict.is_difference

    def test_what_nobody_answered_is_not_clean(self, make):
        report = report_of(make(finding(), answers=[{}, {"outcome": "failed"}]))
        assert report.coverage.unchecked == 1
        assert not report.is_clean
        assert json.loads(report.summary.read_text())["clean"] is False

    def test_an_empty_ledger(self, make):
        report = report_of(make())
        assert report.is_clean
        assert table_of(report) == []
        assert "Clean" in report.page.read_text()

    @given(st.lists(st.integers(0, 3000), min_size=1, max_size=200))
    def test_percentiles_are_those_of_the_answers(self, times):
        counts = {time: times.count(time) for time in times}
        questions = Questions(outcomes={}, first=None, last=None, milliseconds=counts)
        for share, seconds in questions.percentiles.items():
            most = round(seconds * 1000)
            assert sum(time <= most for time in times) * 100 >= share * len(times)
            assert sum(time < most for time in times) * 100 < share * len(times)


class TestSummary:
    def test_what_it_is_about(self, make):
        since = datetime(2026, 10, 1, tzinfo=UTC)
        ledger = {"kind": "query", "url": "postgresql://books@db/books", "query": "SELECT 1"}
        run = make(finding(), ledger=ledger, selection=Selection(since=since), scope="corefy/sandbox/co/m-1")
        rules = Rules(tolerance=Decimal("0.05"), as_of=BEGUN + timedelta(days=9))
        found = json.loads(report_of(run, rules=rules).summary.read_text())
        assert found["scope"] == {"gateway": "corefy", "environment": "sandbox", "merchant_id": "co/m-1"}
        assert found["ledger"] == ledger
        assert found["selection"]["since"] == "2026-10-01T00:00:00+00:00"
        assert (found["rules"]["tolerance"], found["rules"]["as_of"]) == ("0.05", "2026-11-12T06:30:00+00:00")
        assert found["begun"] == "2026-11-03T06:30:00+00:00"
        assert "can't list" in found["coverage"]["limits"]

    def test_the_same_findings_give_the_same_files(self, a_month):
        def read():
            report = report_of(a_month)
            summary = json.loads(report.summary.read_text())
            written = summary.pop("written")
            assert datetime.fromisoformat(written).tzinfo is not None
            return summary, report.table.read_bytes(), report.page.read_text().count("Missing")

        assert read() == read()

    def test_each_file_is_told_of_when_it_is_there(self, make):
        told = []

        def on_event(event):
            assert isinstance(event, Written)
            told.append(event.path)

        run = make(finding())
        report = report_of(run, on_event=on_event)
        assert told == [str(report.table), str(report.summary), str(report.page)]
        assert list(run.path.glob("*.new")) == []

    def test_it_ends_when_it_is_told_to(self, make):
        run, stop = make(finding()), Stop()
        stop.set()
        with pytest.raises(StoppedError):
            write_report(run, run.path, stop, rules=Rules(), memory=MEMORY, on_event=lambda _: None)
        assert not (run.path / "report.html").exists()

    def test_another_directory_with_any_name(self, make, tmp_path):
        run = make(finding(), answers=[{}])
        out = tmp_path / "o'dd [1] *"
        out.mkdir()
        run.findings.rename(out / run.findings.name)
        report = write_report(run, out, Stop(), rules=Rules(), memory=MEMORY, on_event=lambda _: None)
        assert report.table.parent == out
        assert report.verdicts == {Verdict.MATCHED: 1}


class TestTable:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_cell_is_a_formula(self, make, text):
        (row,) = table_of(report_of(make(finding(reference=text, reason=f"x{text}"))))
        assert row["reference"] == "'" + text
        assert row["reason"] == f"x{text}"

    @pytest.mark.parametrize("end", [";", "; ", "\t", "\r\n"])
    def test_no_part_of_a_cell_is_a_formula_where_a_spreadsheet_parts_it(self, make, end):
        (row,) = table_of(report_of(make(finding(reference=f"a{end}=1{end}-2", order_name=f"\x00=1{end}b-c"))))
        assert row["reference"] == f"a{end}'=1{end}'-2"
        assert row["order_name"] == f"' =1{end}b-c"

    def test_no_cell_steers_a_terminal(self, make):
        (row,) = table_of(report_of(make(finding(reference="a\x1b[2J\x07\x9b\u202eb\u2066 é日"))))
        assert row["reference"] == "a [2J   b  é日"

    def test_numbers_stay_numbers(self, make):
        (row,) = table_of(report_of(make(paid(Verdict.AMOUNT_MISMATCH, difference=Decimal("-1.5")))))
        assert (row["difference"], row["line"]) == ("-1.50", "2")

    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [
            ("1000", "JPY", "1000"),
            ("1000.5", "JPY", "1000.5"),
            ("0", "JPY", "0"),
            ("100", "USD", "100.00"),
            ("0.001", "USD", "0.001"),
            ("1.25", "KWD", "1.250"),
            ("1.2345", "KWD", "1.2345"),
            ("1.5", "CLF", "1.5000"),
            ("7", "???", "7.00"),
        ],
    )
    def test_amounts_have_their_currencys_decimals(self, make, amount, currency, written):
        (row,) = table_of(report_of(make(paid(amount=amount, currency=currency))))
        assert (row["ledger_amount"], row["gateway_amount"]) == (written, written)
        assert exact(Decimal(amount), currency) == written

    def test_it_has_all_findings_with_all_columns_in_their_order(self, a_month):
        report = report_of(a_month)
        rows, findings = table_of(report), pq.read_table(report.findings)
        assert list(rows[0]) == findings.column_names
        assert [row["transaction_id"] or None for row in rows] == findings["transaction_id"].to_pylist()
        assert [row["flags"].split() for row in rows] == findings["flags"].to_pylist()
        assert all(re.fullmatch(r"(2026-\d\d-\d\d \d\d:\d\d:\d\d)?", row["at"]) for row in rows)

    def test_lines_and_quotes_stay_in_their_cell(self, make):
        text = 'a "b",\nc; d'
        (row,) = table_of(report_of(make(finding(order_name=text))))
        assert row["order_name"] == text


class TestPage:
    @given(st.dictionaries(st.sampled_from(list(Verdict)), st.integers(1, 900)), st.integers(0, 1000))
    def test_the_rows_of_the_page_are_shared_out(self, counts, limit):
        found = shares(counts, limit)
        assert sum(found.values()) == min(limit, sum(counts.values()))
        assert all(found[verdict] <= counts[verdict] for verdict in found)
        differences = sum(count for verdict, count in counts.items() if verdict.is_difference)
        assert sum(n for verdict, n in found.items() if verdict.is_difference) == min(limit, differences)
        cut = {verdict for verdict in counts if found.get(verdict, 0) < counts[verdict] and verdict.is_difference}
        most = max((found.get(verdict, 0) for verdict in counts if verdict.is_difference), default=0)
        assert all(most - found.get(verdict, 0) <= 1 for verdict in cut), "nobody is cut who has less than another"

    def test_each_verdict_is_spoken_of(self):
        assert set(LABELS) == set(MEANINGS) == set(GROUP_OF) == set(SHOWN) == set(Verdict)
        assert len(set(LABELS.values())) == len(Verdict)

    def test_the_guide_names_each_verdict_as_the_page_does(self):
        guide = (Path(__file__).parents[2] / "docs" / "report.md").read_text()
        assert re.findall(r"^\| `(\w+)` \| (.+) \|$", guide.split("## Amounts")[0], re.MULTILINE) == [
            (verdict.value, LABELS[verdict]) for verdict in Verdict
        ]

    def test_amounts_for_people(self):
        assert money(Decimal("-1234567.5"), "USD") == "-1,234,567.50"
        assert money(Decimal("1234567.0000"), "JPY") == "1,234,567"
        assert money(Decimal("12345678901234567890123456789012.3456"), None).endswith("012.3456")

    def test_only_what_the_policy_names_may_run(self, make):
        html = report_of(make(finding(reference="<script>alert(1)</script></script>"))).page.read_text()
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
        directives = dict(part.split(" ", 1) for part in policy.replace("&#39;", "'").split("; "))
        assert directives["default-src"] == "'none'"
        assert not any("unsafe" in value or "http" in value for value in directives.values())
        for kind, tag in (("script-src", "script"), ("style-src", "style")):
            for inline in re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL):
                digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
                assert f"'sha256-{digest}'" in directives[kind]

    @pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>"])
    def test_what_others_wrote_is_escaped(self, make, text):
        cells = dict.fromkeys(("reference", "order_name", "reason", "kind", "gateway_status", "gateway_type"), text)
        row = paid(Verdict.AMOUNT_MISMATCH, **cells, ledger_currency=text)
        run = make(row, ledger={"kind": "csv", "name": text}, scope=f"paymentoptions/live/{text}")
        html = report_of(run).page.read_text()
        assert text not in html
        found = json.loads(re.findall(r'id="data">(.*?)</script>', html)[0])
        assert dict(zip(found["columns"], found["rows"][0], strict=True))["reference"] == text

    def test_it_tells_how_many_it_does_not_show(self, make):
        rows = [finding(line=line) for line in range(5_003)] + [finding(Verdict.UNCHECKED, line=9_999)]
        report = report_of(make(*rows))
        html = report.page.read_text()
        found = json.loads(re.findall(r'id="data">(.*?)</script>', html)[0])
        assert len(found["rows"]) == 5_000
        assert found["rows"][0][1] == "unchecked"
        assert "4 more are in findings.csv" in html
        assert len(table_of(report)) == 5_004

    def test_plotly_knows_all_that_the_charts_say(self, a_month):
        from plotly.graph_objects import Figure

        from paymentoptions_async.reconcile.database import database, view
        from paymentoptions_async.reconcile.report.summary import summarise

        with database(a_month.spill) as db:
            view(db, "findings", a_month.findings)
            charts = make_charts(summarise(db, a_month, rules=Rules()))
        assert [chart.key for chart in charts] == ["verdicts", "currencies", "days", "ages", "latency"]
        for chart in charts:
            Figure(data=chart.data, layout=chart.layout)
        days = charts[2]
        assert sum(int(count) for _, count in days.rows) == 137 - ODDS[Verdict.MISSING_IN_LEDGER] + 12

    @pytest.mark.parametrize(("days", "step"), [(3, "day"), (200, "week"), (1000, "month"), (9000, "year")])
    def test_a_long_time_is_shown_in_longer_steps(self, make, days, step):
        first = paid(Verdict.UNKNOWN, at=BEGUN - timedelta(days=days))
        html = report_of(make(first, paid(Verdict.UNKNOWN), finding(Verdict.UNKNOWN, at=None))).page.read_text()
        assert f"Differences by {step}" in html
        assert "1 difference has no day" in html
