"""Style and script of the HTML page."""

__all__ = ['POLICY', 'SCRIPT', 'STYLE']

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""What a browser lets the page load: nothing but what is in it."""

# Blue of Okabe and Ito's palette for colour-blind readers; best and second are told by weight and line, not by colour.
STYLE = """\
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --soft: #59636e; --paper: #ffffff; --band: #f4f6f8; --line: #d0d7de; --accent: #0072b2;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0f1419; --band: #182028; --line: #313b46; --accent: #56b4e9; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 4rem; max-width: 84rem;
  background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 0.5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.5rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); }
p { margin: 0.5rem 0; max-width: 60rem; overflow-wrap: anywhere; }
header p, .remark, .notes, figcaption { color: var(--soft); font-size: 0.875rem; }
a { color: var(--accent); }
pre { background: var(--band); padding: 0.6rem 0.8rem; border-radius: 6px; overflow-x: auto; font-size: 0.85rem; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; }
.scroll { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; min-width: 40rem; }
caption { text-align: left; color: var(--soft); padding: 0 0 0.35rem; }
th, td { padding: 0.35rem 0.75rem; text-align: left; font-weight: 400; vertical-align: top; max-width: 34rem; }
th[scope=row] { min-width: 11rem; }
td.number, th.number { text-align: right; white-space: nowrap; }
sup { line-height: 0; }
thead th { border-bottom: 2px solid var(--ink); font-weight: 600; vertical-align: bottom; }
tbody tr { border-bottom: 1px solid var(--line); }
tbody tr:hover:not(.heading) { background: var(--band); }
tr.heading th { color: var(--soft); font-style: italic; padding-top: 0.9rem; }
strong { font-weight: 700; }
u { text-decoration-thickness: 0.1em; text-underline-offset: 0.2em; }
.notes { list-style: none; padding: 0; margin: 0.5rem 0; }
thead button {
  all: unset; cursor: pointer; font: inherit; white-space: nowrap; padding: 0 0.15rem; border-radius: 3px;
}
thead button:hover { color: var(--accent); }
:focus-visible, thead button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
thead button::after { content: '\\2195'; color: var(--soft); padding-left: 0.3em; font-weight: 400; }
th[aria-sort=ascending] button::after { content: '\\2191'; color: var(--accent); }
th[aria-sort=descending] button::after { content: '\\2193'; color: var(--accent); }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1rem; }
figure { margin: 0; flex: 0 1 auto; max-width: 100%; break-inside: avoid; }
img { max-width: 100%; height: auto; display: block; background: #fff; border-radius: 4px; }
@page { size: landscape; margin: 12mm; }
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --band: #fff; --line: #bbb; --accent: #000; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  nav, thead button::after { display: none; }
  .scroll { overflow: visible; }
  table { min-width: 0; font-size: 8pt; }
  th, td { padding: 0.2rem 0.4rem; }
  td.number, th.number, thead button { white-space: normal; }
  tr, figure { break-inside: avoid; }
  h2, caption { break-after: avoid; }
}
"""

SCRIPT = """\
'use strict';
// A button in every heading; rows are sorted within their block, so that what is not ranked stays below.
for (const table of document.querySelectorAll('table')) {
  const heads = [...table.tHead.rows[0].cells];
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.sort === undefined) return cell.textContent.trim();
    return cell.dataset.sort === '' ? null : Number(cell.dataset.sort);
  };
  const compare = (a, b) => typeof a === 'number' ? a - b : a.localeCompare(b, 'en', {numeric: true});
  const sort = (column, sign) => {
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter(row => !row.classList.contains('heading'));
      rows.map(row => [keyOf(row, column), row]).sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);  // unknown last, either way
        return sign * compare(a, b);
      }).forEach(([, row]) => body.append(row));
    }
  };
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.title = 'sort by this column';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      const order = before === null ? head.dataset.first : before === 'ascending' ? 'descending' : 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', order);
      sort(column, order === 'ascending' ? 1 : -1);
    });
  });
}
"""
