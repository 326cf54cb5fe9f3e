#include "page_html.h"

namespace clink_twin {

std::string_view page_style() {
    return R"css(
:root {
  color-scheme: light dark;
  --ground: #ffffff; --side: #f4f5f8; --ink: #171a21; --soft: #5d6472; --line: #dcdfe6; --field: #ffffff;
  --accent: #3d4fd8; --accent-ink: #ffffff; --accent-soft: #eceefc;
  --good: #12704a; --good-soft: #e3f4ec; --bad: #a8261e; --bad-soft: #fcebea; --wait: #8a5a00; --wait-soft:
  #fdf3de;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14161c; --side: #1b1e27; --ink: #eceef3; --soft: #a0a7b8; --line: #343947; --field: #1b1e27;
    --accent: #8d9aff; --accent-ink: #11131a; --accent-soft: #262b45;
    --good: #6fd3a5; --good-soft: #16332a; --bad: #ff9b93; --bad-soft: #3c201f; --wait: #f2c46b;
    --wait-soft: #37290f;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; color: var(--ink); background: var(--ground);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
a { color: inherit; }
h1, h2, p, dl, dd, ul, fieldset { margin: 0; padding: 0; }
.page { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); min-height: 100vh; }
.side { background: var(--side); border-right: 1px solid var(--line); }
.side > *, .main > * { width: 100%; max-width: 27rem; }
.side, .main { display: flex; flex-direction: column; gap: 1.75rem; padding: 3.25rem 3.5rem 2rem; }
.side { align-items: flex-end; }
.merchant { display: flex; align-items: center; gap: .75rem; }
.mark {
  flex: none; display: grid; place-items: center; width: 2.25rem; height: 2.25rem; border-radius: 50%;
  background: var(--accent); color: var(--accent-ink); font-weight: 650;
}
.merchant strong { overflow-wrap: anywhere; line-height: 1.25; }
.test {
  margin-left: auto; padding: .1rem .5rem; border-radius: .35rem; background: var(--wait-soft); color:
  var(--wait);
  font-size: .6875rem; font-weight: 700; letter-spacing: .06em; text-transform: uppercase; white-space:
  nowrap;
}
.leave { margin-bottom: -.75rem; color: var(--soft); font-size: .875rem; }
.leave a { text-decoration: none; }
.leave a:hover { color: var(--ink); text-decoration: underline; }
.label { color: var(--soft); font-size: .9375rem; }
.amount {
  font-size: 2.5rem; font-weight: 680; letter-spacing: -.025em; line-height: 1.15; overflow-wrap:
  anywhere;
}
.amount span { font-size: 1.125rem; font-weight: 550; letter-spacing: 0; color: var(--soft); }
.items { list-style: none; display: grid; gap: 1rem; }
.items li, .sums div { display: flex; gap: 1rem; justify-content: space-between; }
.items li > :first-child { min-width: 0; overflow-wrap: anywhere; font-weight: 550; }
.items small { display: block; color: var(--soft); font-size: .8125rem; font-weight: 400; }
.items li > :last-child, .sums dd { white-space: nowrap; }
.sums {
  display: grid; gap: .5rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size:
  .9375rem;
}
.sums dt { color: var(--soft); }
.sums .due { padding-top: .75rem; border-top: 1px solid var(--line); font-weight: 650; font-size: 1rem; }
.sums .due dt { color: inherit; }
.fine { color: var(--soft); font-size: .8125rem; overflow-wrap: anywhere; }
.main h1 { font-size: 1.25rem; letter-spacing: -.01em; line-height: 1.3; }
.status { padding: .75rem .9rem; border-radius: .6rem; font-size: .9375rem; background: var(--accent-soft);
  color: var(--ink); }
.status[data-status="open"] { padding: 0; background: none; color: var(--soft); font-size: .875rem; }
.status[data-status="failed"], .notice { background: var(--bad-soft); color: var(--bad); }
.status[data-status="expired"] { background: var(--wait-soft); color: var(--wait); }
.status[data-status="processing"] { background: var(--wait-soft); color: var(--wait); }
.status[data-status="paid"] { background: var(--good-soft); color: var(--good); }
.notice { padding: .75rem .9rem; border-radius: .6rem; font-size: .9375rem; }
.head { display: grid; gap: .6rem; }
form { display: grid; gap: 1.25rem; }
fieldset { border: 0; min-width: 0; display: grid; gap: .5rem; }
legend, label.over { padding: 0; font-size: .875rem; font-weight: 600; }
.stack { display: grid; gap: .4rem; }
.stack legend { margin-bottom: .4rem; }
input[type=text], input[type=email], select {
  width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: inherit; background:
  var(--field);
  border: 1px solid var(--line); border-radius: .55rem;
}
input[readonly] { background: transparent; color: var(--soft); }
.methods { display: grid; border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
.methods label { display: flex; align-items: center; gap: .7rem; min-height: 2.9rem; padding: .4rem .85rem;
  cursor: pointer; }
.methods label + label { border-top: 1px solid var(--line); }
.methods label:has(:checked) { background: var(--accent-soft); font-weight: 600; }
.methods input { width: 1.05rem; height: 1.05rem; margin: 0; accent-color: var(--accent); }
.card { grid-template-columns: 1fr 1fr; gap: .75rem; }
.card .wide { grid-column: 1 / -1; }
.card legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
form:has(.methods input:checked:not([value="CARD"])) .card { display: none; }
.promo { display: grid; grid-template-columns: 1fr auto; gap: .6rem; }
button, .button {
  display: block; width: 100%; min-height: 3rem; padding: .6rem 1rem; border: 1px solid transparent;
  border-radius: .6rem; font: inherit; font-weight: 620; text-align: center; text-decoration: none; cursor:
  pointer;
}
.primary { background: var(--accent); color: var(--accent-ink); }
.primary:hover { filter: brightness(1.08); }
.plain {
  min-height: 2.6rem; background: transparent; color: inherit; border-color: var(--line);
  font-weight: 550;
}
.plain:hover { background: var(--accent-soft); }
.promo button { width: auto; min-height: 2.75rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
details { border: 1px dashed var(--line); border-radius: .6rem; color: var(--soft); font-size: .875rem; }
summary { padding: .6rem .85rem; cursor: pointer; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0 .85rem .85rem; }
.controls button {
  flex: 1 0 auto; width: auto; min-height: 2.4rem; padding: .35rem .75rem; font-size: .8125rem;
}
.done { display: grid; gap: 1.1rem; justify-items: start; padding-top: 1rem; }
.sign { display: grid; place-items: center; width: 3.25rem; height: 3.25rem; border-radius: 50%; }
.sign svg { width: 1.6rem; height: 1.6rem; fill: none; stroke: currentColor; stroke-width: 2.4;
stroke-linecap: round;
  stroke-linejoin: round; }
.sign.paid { background: var(--good-soft); color: var(--good); }
.sign.expired, .sign.processing { background: var(--wait-soft); color: var(--wait); }
.foot { margin-top: auto; padding-top: 1rem; }
.alone { display: grid; place-items: center; min-height: 100vh; padding: 2rem; text-align: center; }
.alone div { display: grid; gap: .75rem; justify-items: center; max-width: 26rem; }
@media (max-width: 820px) {
  .page { grid-template-columns: minmax(0, 1fr); align-content: start; }
  .side, .main { align-items: stretch; gap: 1.25rem; padding: 1.25rem 1.15rem; }
  .side { border-right: 0; border-bottom: 1px solid var(--line); }
  .side > *, .main > * { max-width: 34rem; margin-inline: auto; }
  .amount { font-size: 2.1rem; }
  .leave { margin-bottom: -.25rem; }
  .side .fine { display: none; }
}
)css";
}

} // namespace clink_twin
