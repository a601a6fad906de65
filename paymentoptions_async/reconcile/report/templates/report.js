"use strict";
// The charts, and the table of findings: sorted, filtered, paged. What ledger and gateway say is only ever set as text.

const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// Charts --------------------------------------------------------------------------------------------------------------

const config = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };

function draw({ key, data, layout }) {
  const place = byId(`chart-${key}`);
  const font = { family: getComputedStyle(document.body).fontFamily, size: 13 };
  // With a view box, paper may scale what was drawn for the screen.
  place.addEventListener("plotly-drawn", () => {
    for (const svg of place.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  });
  Plotly.newPlot(place, data, { ...layout, font }, config).then((plot) => {
    const drawn = () => place.dispatchEvent(new Event("plotly-drawn"));
    plot.on("plotly_afterplot", drawn);
    drawn();
  });
}

// Findings ------------------------------------------------------------------------------------------------------------

const PER_PAGE = 50;
const ON_PAPER = 500;
const NAMES = {
  line: "Line", verdict: "Verdict", flags: "All that is true", reason: "Reason", transaction_id: "Transaction",
  reference: "Reference", order_name: "Order", kind: "Kind", at: "Time in the ledger", ledger_status: "Ledger's status",
  gateway_status: "Gateway's status", journal_status: "Journal's status", ledger_amount: "Ledger's amount",
  ledger_currency: "Ledger's currency", gateway_amount: "Gateway's amount", gateway_currency: "Gateway's currency",
  difference: "Gateway less ledger", ledger_refunded: "Refunded, says the ledger",
  gateway_refunded: "Refunded, says the gateway", gateway_type: "Gateway's type", gateway_time: "Time at the gateway",
  source: "Who said so", ref: "Journal's reference",
};

const { columns, rows, labels, groups } = read("data");
const precedence = Object.keys(labels);
const findings = rows.map((cells, place) => {
  const finding = Object.fromEntries(columns.map((name, n) => [name, cells[n]]));
  const words = cells.concat(labels[finding.verdict]).filter((cell) => cell !== null);
  return { ...finding, place, haystack: words.join("\n").toLowerCase() };
});

const number = (text) => (text === null ? null : Number(text));
const sortable = {
  line: (f) => f.line,
  verdict: (f) => precedence.indexOf(f.verdict),
  payment: (f) => f.reference ?? f.order_name ?? f.transaction_id,
  at: (f) => f.at ?? f.gateway_time,
  ledger: (f) => number(f.ledger_amount),
  gateway: (f) => number(f.gateway_amount),
  difference: (f) => number(f.difference),
};

const view = { sort: null, descending: false, page: 0, found: findings };
const body = document.querySelector("#table tbody");
const controls = { verdict: byId("verdict"), currency: byId("currency"), text: byId("text") };
const grouped = (count) => count.toLocaleString("en");

function money(amount, currency) {
  if (amount === null) return "";
  const [whole, part] = amount.split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part === undefined ? "" : `.${part}`);
  return currency ? `${text} ${currency}` : text;
}

function compare(a, b) {
  const [left, right] = [sortable[view.sort](a), sortable[view.sort](b)];
  if (left === null || right === null) return (left === null) - (right === null) || a.place - b.place;
  const order = left < right ? -1 : left > right ? 1 : 0;
  return (view.descending ? -order : order) || a.place - b.place;
}

function find() {
  const wanted = controls.text.value.trim().toLowerCase();
  const { verdict, currency } = { verdict: controls.verdict.value, currency: controls.currency.value };
  view.found = findings.filter((f) =>
    (!verdict || f.verdict === verdict)
    && (!currency || f.ledger_currency === currency || f.gateway_currency === currency)
    && (!wanted || f.haystack.includes(wanted)));
  if (view.sort) view.found.sort(compare);
  view.page = 0;
  show();
}

function show() {
  const first = view.page * PER_PAGE;
  const last = Math.min(first + PER_PAGE, view.found.length);
  fill(view.found.slice(first, last));
  const pages = Math.max(1, Math.ceil(view.found.length / PER_PAGE));
  byId("page").textContent = `Page ${view.page + 1} of ${pages}`;
  byId("previous").disabled = view.page === 0;
  byId("next").disabled = view.page + 1 >= pages;
  byId("status").textContent = view.found.length === 0 ? "Nothing matches."
    : `${grouped(first + 1)} to ${grouped(last)} of ${grouped(view.found.length)} that match.`;
}

function fill(some) {
  body.replaceChildren(...some.map(row));
}

function row(finding) {
  const tr = make("tr");
  tr.setAttribute("role", "row");
  tr.append(
    cell("line", "Line", [make("span", finding.line === null ? "" : grouped(finding.line))]),
    cell("verdict", "Verdict", verdict(finding)),
    cell("payment", "Payment", payment(finding, tr)),
    cell("at", "Time", [make("span", (finding.at ?? finding.gateway_time ?? "").slice(0, 16))]),
    cell("ledger", "Ledger", side(finding.ledger_amount, finding.ledger_currency, finding.ledger_status)),
    cell("gateway", "Gateway", side(finding.gateway_amount, finding.gateway_currency, finding.gateway_status)),
    cell("difference", "Difference", [make("span", money(finding.difference))]),
  );
  return tr;
}

function cell(name, label, parts) {
  const td = make("td", undefined, name);
  td.setAttribute("role", "cell");
  td.dataset.label = label;
  const inside = make("div");
  inside.append(...parts);
  if (!inside.textContent) {
    inside.textContent = "–";
    td.classList.add("none");
  }
  td.append(inside);
  return td;
}

function verdict(finding) {
  const parts = [make("strong", labels[finding.verdict], `mark ${groups[finding.verdict]}`)];
  const others = finding.flags.split(" ").filter((flag) => flag && flag !== finding.verdict);
  if (others.length) parts.push(make("small", `also: ${others.map((flag) => (labels[flag] ?? flag).toLowerCase()).join(", ")}`));
  if (finding.reason) parts.push(make("small", finding.reason, "reason"));
  return parts;
}

function payment(finding, tr) {
  const names = [finding.reference, finding.order_name, finding.transaction_id].filter((name) => name !== null);
  const parts = [make("span", names[0] ?? "not named", "name"), ...names.slice(1).map((name) => make("small", name, "name"))];
  const button = make("button", "Details", "more");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) tr.nextSibling.remove();
    else tr.after(details(finding));
  });
  return [...parts, button];
}

function side(amount, currency, status) {
  return [make("span", money(amount, currency)), make("small", (status ?? "").replaceAll("_", " "))];
}

function details(finding) {
  const tr = make("tr", undefined, "details");
  tr.setAttribute("role", "row");
  const td = make("td");
  td.colSpan = 7;
  td.setAttribute("role", "cell");
  const list = make("dl");
  for (const name of columns) {
    const value = finding[name];
    if (value === null || value === "") continue;
    const item = make("div");
    item.append(make("dt", NAMES[name] ?? name), make("dd", name === "verdict" ? labels[value] : String(value)));
    list.append(item);
  }
  td.append(list);
  tr.append(td);
  return tr;
}

// What the reader does --------------------------------------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    const again = view.sort === button.dataset.sort;
    view.descending = again && !view.descending;
    view.sort = button.dataset.sort;
    for (const th of document.querySelectorAll("#table th")) th.setAttribute("aria-sort", "none");
    button.parentElement.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
    find();
  });
}
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    byId("filters").reset();
    controls.verdict.value = button.dataset.show;
    find();
    byId("findings").focus();
  });
}
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("reset", () => setTimeout(find));
for (const control of Object.values(controls)) control.addEventListener("input", find);
function turn(step) {
  view.page += step;
  show();
  byId("findings").scrollIntoView();
}
byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));

// On paper there are no pages to turn: what matches is all there, up to a bound; without a filter, what does not agree.
function onPaper() {
  const filtered = Object.values(controls).some((control) => control.value);
  const wanted = filtered ? view.found : view.found.filter((f) => groups[f.verdict] !== "agreed");
  fill(wanted.slice(0, ON_PAPER));
  const whole = `${grouped(wanted.length)} of the ${grouped(findings.length)} findings here${filtered ? "" : ": all but those that agree"}.`;
  byId("status").textContent = wanted.length <= ON_PAPER ? whole
    : `The first ${grouped(ON_PAPER)} of ${grouped(wanted.length)}; the others are in findings.csv.`;
}
const paper = matchMedia("print");
paper.addEventListener("change", () => (paper.matches ? onPaper() : show()));
addEventListener("beforeprint", onPaper);
addEventListener("afterprint", show);

show();
read("figures").forEach(draw);
