"use strict";

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

// Where in an element, 0 to 1, an event has happened.
function across(element, event) {
  const box = element.getBoundingClientRect();
  return clamp((event.clientX - box.left) / box.width, 0, 1);
}

// Number of the place that is nearest to x.
function nearest(places, x) {
  let best = 0;
  for (let k = 1; k < places.length; k++) {
    if (Math.abs(places[k] - x) < Math.abs(places[best] - x)) best = k;
  }
  return best;
}

// Before and after: the range input takes the keys, the whole picture takes mouse and finger.
function prepareSlider(compare) {
  const range = compare.querySelector("input");
  const [left, right] = compare.querySelectorAll(".tag");
  const show = () => {
    compare.style.setProperty("--at", `${range.value}%`);
    left.classList.toggle("away", range.value < 15);
    right.classList.toggle("away", range.value > 85);
  };
  const follow = (event) => {
    range.value = 100 * across(compare, event);
    show();
  };
  range.addEventListener("input", show);
  compare.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    compare.setPointerCapture(event.pointerId);
    range.focus({ preventScroll: true });
    follow(event);
  });
  compare.addEventListener("pointermove", (event) => {
    if (compare.hasPointerCapture(event.pointerId)) follow(event);
  });
}

// The frames to choose from. The one that is shown at first is in the page once, and is lent to its button.
function prepareStrip(looks) {
  const [before, after] = [looks.querySelector(".before"), looks.querySelector(".after")];
  const strip = looks.querySelector(".strip");
  const buttons = [...strip.children];
  const choose = (chosen) => {
    before.src = chosen.dataset.before;
    after.src = chosen.querySelector("img").src;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
    strip.scrollLeft = chosen.offsetLeft - (strip.clientWidth - chosen.offsetWidth) / 2;
  };
  for (const [index, button] of buttons.entries()) {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = buttons[clamp(index + step, 0, buttons.length - 1)];
      next.focus();
      choose(next);
    });
  }
  const cover = strip.querySelector('[aria-pressed="true"]');
  cover.dataset.before = before.src;
  cover.querySelector("img").src = after.src;
  choose(cover);
}

// A plot: the nearest point shows its label; a click shows the nearest frame that is in the page.
function preparePlot(canvas, buttons) {
  const points = JSON.parse(canvas.querySelector("script").textContent);
  const places = points.map((point) => point[0]);
  const [cross, dot, tip] = [".cross", ".dot", ".tip"].map((name) => canvas.querySelector(name));
  let at = -1;
  const showLabel = (index) => {
    at = clamp(index, 0, points.length - 1);
    const [x, y, text] = points[at];
    cross.hidden = dot.hidden = tip.hidden = false;
    cross.style.left = dot.style.left = `${100 * x}%`;
    dot.style.top = `${100 * (1 - y)}%`;
    tip.textContent = text;
    const half = Math.min(tip.offsetWidth, canvas.clientWidth) / 2;
    tip.style.left = `${clamp(x * canvas.clientWidth, half, canvas.clientWidth - half)}px`;
    canvas.setAttribute("aria-valuenow", at + 1);
    canvas.setAttribute("aria-valuetext", text);
  };
  const hideLabel = () => {
    cross.hidden = dot.hidden = tip.hidden = true;
  };
  const follow = (event) => showLabel(nearest(places, across(canvas, event)));
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerdown", follow);
  canvas.addEventListener("pointerleave", hideLabel);
  canvas.addEventListener("blur", hideLabel);
  canvas.addEventListener("click", (event) => {
    if (!buttons.length) return;
    buttons[nearest(buttons.map((button) => button.dataset.place), across(canvas, event))].click();
  });
  canvas.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: points.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    showLabel(to);
  });
}

function prepare(painting) {
  for (const compare of painting.querySelectorAll(".compare")) prepareSlider(compare);
  for (const strip of painting.querySelectorAll(".strip")) prepareStrip(strip.parentElement);
  const buttons = [...painting.querySelectorAll(".strip button")];
  for (const canvas of painting.querySelectorAll(".canvas")) preparePlot(canvas, buttons);
}

// There may be hundreds: what is folded up is made ready when it is opened, ...
for (const painting of document.querySelectorAll(".painting")) {
  if (painting.open) prepare(painting);
  else painting.addEventListener("toggle", () => prepare(painting), { once: true });
}

// ... and its small picture comes when it is scrolled to.
const thumbs = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    thumbs.unobserve(target);
    const picture = target.closest(".painting").querySelector(".after");
    if (picture) target.firstElementChild.src = picture.src;
  }
}, { rootMargin: "400px" });
for (const thumb of document.querySelectorAll(".thumb")) thumbs.observe(thumb);

const find = document.getElementById("find");
find?.addEventListener("input", () => {
  const wanted = find.value.trim().toLowerCase();
  for (const painting of document.querySelectorAll(".painting")) {
    painting.hidden = !painting.querySelector("h3").textContent.toLowerCase().includes(wanted);
  }
});

// Times are written in UTC; whoever reads sees their own.
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const range of document.querySelectorAll(".range")) {
  const [first, last] = [...range.querySelectorAll("time")].map((time) => new Date(time.dateTime));
  range.textContent = clock.formatRange(first, last);
}
for (const time of document.querySelectorAll("#silent time")) time.textContent = clock.format(new Date(time.dateTime));
for (const time of document.querySelectorAll("time.exact")) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString();
}

// While a run is at work the page is written again and again. Whoever has only opened it sees what is new; who has
// touched or scrolled it keeps what is on the screen, and has a link.
if (document.getElementById("again")) {
  let touched = false;
  for (const kind of ["pointerdown", "keydown", "wheel", "input"]) {
    addEventListener(kind, () => { touched = true; }, { passive: true });
  }
  // A run that was killed cannot say so: what it should have written by then is not there.
  const silent = document.getElementById("silent");
  const look = () => {
    const over = Date.now() > new Date(silent.dataset.since);
    silent.hidden = !over;
    silent.previousElementSibling.hidden = over;
  };
  look();
  setInterval(() => {
    look();
    if (!touched && scrollY === 0) location.reload();
  }, 30_000);
}
