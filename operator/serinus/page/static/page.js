// Draws the charts, keeps times up to date, and asks for the page again when it has changed.
"use strict";

const body = document.body;
const ahead = Number(body.dataset.now || Date.now() / 1000) - Date.now() / 1000;
const now = () => Date.now() / 1000 + ahead;
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// --- Times

function spoken(seconds) {
  const total = Math.max(Math.round(seconds), 0);
  const parts = [[Math.floor(total / 3600), "h"], [Math.floor((total % 3600) / 60), "m"], [total % 60, "s"]];
  return parts.filter(([count]) => count).map(([count, unit]) => count + unit).join("") || "0s";
}

function tell(selector, text) {
  for (const each of document.querySelectorAll(selector)) {
    const said = text(each.dataset);
    if (each.textContent !== said) each.textContent = said;
  }
}

function tick() {
  tell("[data-since]", (data) => `${spoken(now() - data.since)} ago`);
  tell("[data-for]", (data) => spoken(now() - data.for));
  tell("[data-until]", (data) => spoken(data.until - now()));
}

// --- Charts

const drawn = new Map();
const HEIGHT = 140;
const clock = (_, times, __, ___, step) =>
  times.map((time) => new Date(time * 1000).toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit", second: step < 60 ? "2-digit" : undefined }));
const percent = (unit) => (_, values) => values.map((value) => `${+value.toPrecision(3)}${unit}`);

function options(chart, width) {
  const stroke = style("--faint");
  const axis = { stroke, grid: { stroke: style("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const dashes = { wanted: [5, 3], stable: [5, 3], copies: [2, 3] };
  const series = chart.lines.map(([label, kind]) => ({
    label,
    stroke: style(`--${kind}`),
    width: kind === "wanted" ? 1 : 2,
    dash: dashes[kind],
    points: { show: chart.times.length < 3, size: 5 },
    spanGaps: true,
    paths: chart.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
  }));
  // evidence beyond what is enough tells nothing more
  const top = (high) => (chart.enough ? Math.min(Math.max(high * 1.1, 115), 150) : high * 1.1 || 1);
  const highest = (_, low, high) => [0, top(high)];
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: highest } },
    axes: [{ ...axis, space: 90, size: 24, values: clock }, { ...axis, size: 52, gap: 8, values: percent(chart.unit) }],
    series: [{}, ...series],
    hooks: chart.enough ? { draw: [bound] } : {},
  };
}

function bound(plot) {
  const y = Math.round(plot.valToPos(100, "y", true));
  const { left, width } = plot.bbox;
  plot.ctx.save();
  plot.ctx.strokeStyle = style("--bad");
  plot.ctx.setLineDash([2, 4]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(left, y);
  plot.ctx.lineTo(left + width, y);
  plot.ctx.stroke();
  plot.ctx.restore();
}

function draw() {
  for (const [place, plot] of drawn) plot.destroy(), drawn.delete(place);
  for (const place of document.querySelectorAll("[data-chart]")) {
    const chart = JSON.parse(place.dataset.chart);
    const data = [chart.times, ...chart.lines.map(([, , values]) => values)];
    drawn.set(place, new uPlot(options(chart, place.clientWidth), data, place));
  }
}

function fit() {
  for (const [place, plot] of drawn) plot.setSize({ width: place.clientWidth, height: HEIGHT });
}

// --- Live

const live = document.querySelector("#rows, #rollout");
const warning = document.querySelector("#warning");

function warn(text) {
  warning.hidden = !text;
  if (warning.textContent !== text) warning.textContent = text;
}

let source;
function listen() {
  source?.close();
  // browsers have six connections to a host for all tabs, so only one that is looked at keeps one
  if (document.hidden) return;
  source = new EventSource(body.dataset.events);
  source.addEventListener("warning", (event) => warn(event.data));
  source.addEventListener("changed", () => htmx.trigger(live, "refresh"));
  source.addEventListener("error", () => {
    const since = new Date(now() * 1000).toISOString().slice(0, 19).replace("T", " ");
    if (warning.hidden) warn(`No connection since ${since} UTC. What is shown may have changed since then.`);
    // after an answer that is no stream the browser does not try again by itself
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    htmx.trigger(live, "refresh");
  });
}

// a screen reader is told what has changed, and not the same again with each look
let said = document.querySelector("[data-say]")?.textContent;
function say() {
  const text = document.querySelector("[data-say]")?.textContent;
  if (text && text !== said) document.querySelector("#say").textContent = said = text;
}

// what is shown already is not sent again
let tag = "";
document.addEventListener("htmx:configRequest", (event) => {
  if (tag) event.detail.headers["If-None-Match"] = tag;
});

let opened = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.shouldSwap) tag = event.detail.xhr.getResponseHeader("ETag") || "";
  opened = [...document.querySelectorAll("details[open]")].map((each) => each.id);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  tick();
  draw();
  say();
});
// logged out, deleted, or not to be seen any more: the page says which
document.addEventListener("htmx:responseError", (event) => {
  if ([401, 404].includes(event.detail.xhr.status)) location.reload();
});

// --- Theme

const button = document.querySelector("#theme");
button.hidden = false;
button.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  draw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

addEventListener("resize", fit);
setInterval(tick, 1000);
draw();
if (live) {
  listen();
  document.addEventListener("visibilitychange", () => {
    listen();
    if (!document.hidden) htmx.trigger(live, "refresh");
  });
}
