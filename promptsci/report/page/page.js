"use strict";
// The explorer of rows. Everything that comes from data goes through textContent, so that no text can become markup.

const data = JSON.parse(document.getElementById("payload").textContent);
const $ = (id) => document.getElementById(id);
const ROW_HEIGHT = 58; // as in the style sheet
const INVALID = -1;

// ---- what the rows say ------------------------------------------------------------------------------------------

const seen = new Set(data.seen);
const word = (place) => (place === INVALID ? "invalid" : data.words[place]);
const rightKnown = data.methods.every((method) => method.runs.every((run) => run.right !== null));
const scored = data.methods.every((method) => method.runs.every((run) => run.sure !== null));

function isRight(run, row) {
  if (run.right) return run.right[row] === 1;
  return run.answer[row] === data.gold[row];
}

/** The share of a method's runs that answer the row rightly. */
function rightShare(method, row) {
  let right = 0;
  for (const run of method.runs) right += isRight(run, row);
  return right / method.runs.length;
}

/** A method's answers to a row, the most frequent first: [[word, runs], ...]. */
function votes(method, row) {
  const counts = new Map();
  for (const run of method.runs) counts.set(run.answer[row], (counts.get(run.answer[row]) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

function answersDiffer(first, second, row) {
  if (first.runs.length === 1 && second.runs.length === 1) return first.runs[0].answer[row] !== second.runs[0].answer[row];
  const share = (method) => new Map(votes(method, row).map(([at, runs]) => [at, runs / method.runs.length]));
  const a = share(first), b = share(second);
  return a.size !== b.size || [...a].some(([at, part]) => b.get(at) !== part);
}

/** How sure all runs together are of wrong answers to a row, per mille; a high one may be a wrong label. */
function wrongSureness(row) {
  let sum = 0, runs = 0;
  for (const method of data.methods) {
    for (const run of method.runs) {
      runs += 1;
      if (!isRight(run, row)) sum += run.sure[row];
    }
  }
  return sum / runs;
}

// Joined and folded once, at the first search: a search then is one pass over strings.
let folded = null;
function searchable(row) {
  folded ??= data.ids.map((id, at) => [id, ...data.texts.map((column) => column[at])].join("\n").toLowerCase());
  return folded[row];
}

// ---- which rows are shown ---------------------------------------------------------------------------------------

const SHOWS = {
  all: { title: "all", test: () => true },
  differ: { title: "answers differ", pair: true, test: (row, a, b) => answersDiffer(a, b, row) },
  first: { title: "first better", pair: true, judged: true, test: (row, a, b) => rightShare(a, row) > rightShare(b, row) },
  second: { title: "second better", pair: true, judged: true, test: (row, a, b) => rightShare(b, row) > rightShare(a, row) },
  both: { title: "both wrong", pair: true, judged: true, test: (row, a, b) => rightShare(a, row) + rightShare(b, row) === 0 },
  none: { title: "no method right", judged: true, test: (row) => data.methods.every((one) => rightShare(one, row) === 0) },
  every: { title: "every method right", judged: true, test: (row) => data.methods.every((one) => rightShare(one, row) === 1) },
};

let cell = null; // {method, gold, answer} of a confusion matrix, or null
let rows = []; // the rows shown
let chosen = 0; // position in rows

function inCell(row) {
  if (data.gold[row] !== cell.gold) return false;
  return data.methods[cell.method].runs.some((run) => run.answer[row] === cell.answer);
}

function selectRows() {
  const show = SHOWS[$("show").value];
  const first = data.methods[$("first").value], second = data.methods[$("second").value];
  const gold = $("gold").value, wanted = $("seen").value, query = $("query").value.trim().toLowerCase();
  rows = [];
  for (let row = 0; row < data.ids.length; row += 1) {
    if (gold !== "" && data.gold[row] !== Number(gold)) continue;
    if (wanted !== "all" && seen.has(row) !== (wanted === "seen")) continue;
    if (cell && !inCell(row)) continue;
    if (!show.test(row, first, second)) continue;
    if (query && !searchable(row).includes(query)) continue;
    rows.push(row);
  }
  if ($("order").value === "surest") {
    const sureness = new Map(rows.map((row) => [row, wrongSureness(row)]));
    rows.sort((a, b) => sureness.get(b) - sureness.get(a) || a - b);
  }
}

function refresh() {
  const before = rows[chosen];
  selectRows();
  chosen = Math.max(0, rows.indexOf(before));
  $("window").style.height = `${rows.length * ROW_HEIGHT}px`;
  const total = data.ids.length.toLocaleString("en");
  $("count").textContent = `${rows.length.toLocaleString("en")} of ${total} rows${cell ? `: ${cellName()}` : ""}`;
  $("clear").hidden = !cell;
  reveal();
  draw();
  showRow();
}

function cellName() {
  return `${data.methods[cell.method].name} calls ${word(cell.gold)} ${word(cell.answer)}`;
}

// ---- drawing ----------------------------------------------------------------------------------------------------

function element(name, kind, ...content) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...content);
  return made;
}

function isolated(text) {
  return element("bdi", "", text);
}

function verdict(right) {
  if (!rightKnown) return "";
  return element("span", right ? "right" : "wrong", right ? " ✓" : " ✗");
}

function firstText(row) {
  for (const column of data.texts) if (column[row].trim()) return column[row].slice(0, 300);
  return data.ids[row];
}

function spoken(method, row) {
  const parts = [];
  for (const [at, runs] of votes(method, row)) {
    const example = method.runs.find((run) => run.answer[row] === at);
    parts.push(parts.length ? ", " : "", isolated(word(at).slice(0, 80)), method.runs.length > 1 ? ` ${runs}` : "", verdict(isRight(example, row)));
  }
  return parts;
}

function item(position) {
  const row = rows[position];
  const text = element("div", "", firstText(row));
  text.dir = "auto";
  const meta = element("div", "meta", isolated(word(data.gold[row]).slice(0, 80)), " · ");
  const pair = [...new Set([$("first").value, $("second").value])].map((at) => data.methods[at]);
  for (const [at, method] of pair.entries()) meta.append(at ? " · " : "", isolated(method.name), ": ", ...spoken(method, row));
  const made = element("div", "item", text, meta);
  made.id = `item-${position}`;
  made.setAttribute("role", "option");
  made.setAttribute("aria-posinset", position + 1);
  made.setAttribute("aria-setsize", rows.length);
  made.setAttribute("aria-selected", position === chosen);
  made.style.top = `${position * ROW_HEIGHT}px`;
  made.addEventListener("click", () => choose(position));
  return made;
}

/** Draws only the rows in view, and a few around them: ten thousand rows cost no more than ten. */
function draw() {
  const list = $("list");
  const from = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - 5);
  const to = Math.min(rows.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW_HEIGHT) + 5);
  const items = [];
  for (let position = from; position < to; position += 1) items.push(item(position));
  $("window").replaceChildren(...items);
  if (rows.length && chosen >= from && chosen < to) list.setAttribute("aria-activedescendant", `item-${chosen}`);
  else list.removeAttribute("aria-activedescendant");
}

function reveal() {
  const list = $("list"), top = chosen * ROW_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_HEIGHT - list.clientHeight;
}

function choose(position) {
  if (!rows.length) return;
  chosen = Math.min(Math.max(position, 0), rows.length - 1);
  reveal();
  draw();
  showRow();
}

/** The text with what is searched for marked. */
function marked(text) {
  const query = $("query").value.trim().toLowerCase();
  const lower = text.toLowerCase();
  // Folding may change a text's length (İ); places would then be wrong.
  if (!query || lower.length !== text.length) return [text];
  const parts = [];
  let at = 0;
  for (let found = lower.indexOf(query); found >= 0 && parts.length < 200; found = lower.indexOf(query, at)) {
    parts.push(text.slice(at, found), element("mark", "", text.slice(found, found + query.length)));
    at = found + query.length;
  }
  return [...parts, text.slice(at)];
}

function percent(perMille) {
  return `${(perMille / 10).toFixed(1)} %`;
}

function answerTable(row) {
  const head = element("tr", "", element("th", "words", "method"), element("th", "words", "answer"));
  if (scored) head.append(element("th", "", "P(answer)"), element("th", "", "P(right)"));
  const body = element("tbody", "");
  for (const method of data.methods) {
    for (const run of method.runs) {
      const name = element("th", "words", isolated(method.name));
      if (run.name) name.append(element("span", "faint", " ", isolated(run.name)));
      const line = element("tr", "", name, element("td", "words", isolated(word(run.answer[row])), verdict(isRight(run, row))));
      if (scored) line.append(element("td", "", percent(run.sure[row])), element("td", "", percent(run.goldSure[row])));
      body.append(line);
    }
  }
  return element("table", "", element("thead", "", head), body);
}

function showRow() {
  if (!rows.length) {
    $("row").replaceChildren(element("p", "faint", "No row fits."));
    return;
  }
  const row = rows[chosen];
  const gold = element("p", "", "Right answer: ", element("strong", "", isolated(word(data.gold[row]))));
  if (seen.has(row)) gold.append(element("span", "faint", " · also stands in train"));
  const parts = [element("h3", "", isolated(data.ids[row])), gold];
  for (const [at, field] of data.fields.entries()) {
    const text = element("div", "text", ...marked(data.texts[at][row]));
    text.dir = "auto";
    if (data.fields.length > 1) parts.push(element("div", "field", field));
    parts.push(text);
  }
  $("row").replaceChildren(...parts, answerTable(row));
  $("row").scrollTop = 0;
}

// ---- what people do ---------------------------------------------------------------------------------------------

function option(value, title) {
  const made = element("option", "", title);
  made.value = value;
  return made;
}

function fillFilters() {
  const pairs = data.methods.length > 1;
  for (const [name, show] of Object.entries(SHOWS)) {
    if ((show.pair && !pairs) || (show.judged && !rightKnown)) continue;
    $("show").append(option(name, show.title));
  }
  for (const part of ["first", "second"]) {
    $(part).append(...data.methods.map((method, at) => option(at, method.name)));
    $(part).closest("label").hidden = !pairs;
  }
  $("second").value = Number(pairs);
  $("gold").append(option("", "any"), ...data.words.slice(0, data.labels).map((label, at) => option(at, label)));
  $("gold").closest("label").hidden = !data.labels;
  $("order").closest("label").hidden = !(scored && rightKnown);
}

function setCell(next) {
  cell = next;
  for (const button of document.querySelectorAll(".confusion button")) {
    const own = cellOf(button);
    const is = cell && own.method === cell.method && own.gold === cell.gold && own.answer === cell.answer;
    button.setAttribute("aria-pressed", Boolean(is));
  }
  refresh();
}

function cellOf(button) {
  const { gold, answer } = button.parentElement.dataset;
  return { method: Number(button.closest("table").dataset.method), gold: Number(gold), answer: Number(answer) };
}

/** Turns each number of the confusion matrices into a button that shows its rows. */
function openCells() {
  for (const place of document.querySelectorAll(".confusion td[data-gold]")) {
    if (place.textContent === "·") continue;
    const button = element("button", "", place.textContent);
    button.type = "button";
    place.replaceChildren(button);
    const own = cellOf(button);
    button.setAttribute("aria-label", `${button.textContent}: ${word(own.gold)} called ${word(own.answer)}`);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      for (const filter of ["gold", "query"]) $(filter).value = "";
      $("show").value = "all";
      $("seen").value = "all";
      $("first").value = own.method;
      chosen = 0;
      setCell(own);
      $("rows").scrollIntoView();
      $("list").focus({ preventScroll: true });
    });
  }
}

function moveByKey(event) {
  const page = Math.max(1, Math.floor($("list").clientHeight / ROW_HEIGHT) - 1);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length };
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  choose(chosen + steps[event.key]);
}

// ---- light and dark ---------------------------------------------------------------------------------------------

const THEMES = ["auto", "light", "dark"];

function remembered() {
  try {
    return localStorage.getItem("promptsci-theme");
  } catch {
    return null; // a browser may forbid storage to a file
  }
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").textContent = `Colours: ${theme}`;
  $("theme").value = theme;
  try {
    localStorage.setItem("promptsci-theme", theme);
  } catch {
    // Not remembered, then.
  }
}

// ---- begin ------------------------------------------------------------------------------------------------------

fillFilters();
openCells();
for (const name of ["show", "first", "second", "gold", "seen", "order"]) $(name).addEventListener("change", refresh);
$("query").addEventListener("input", refresh);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("clear").textContent = "Show all cells";
$("clear").addEventListener("click", () => setCell(null));
$("list").addEventListener("scroll", draw, { passive: true });
$("list").addEventListener("keydown", moveByKey);
window.addEventListener("resize", draw);
$("theme").hidden = false;
$("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf($("theme").value) + 1) % THEMES.length]));
setTheme(THEMES.includes(remembered()) ? remembered() : "auto");
$("explorer").hidden = false;
refresh();
