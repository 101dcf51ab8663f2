// Draws one Vega-Lite picture: a new drawing replaces the old one when it is ready, new rows flow into the one shown.

const ROWS = "rows";
const INK = "currentColor"; // labels take the page's own colour, so light and dark need no redrawing
const LOOK = {
  axis: { labelColor: INK, titleColor: INK, domainColor: INK, tickColor: INK, gridColor: "#808080" },
  legend: { labelColor: INK, titleColor: INK },
  header: { labelColor: INK, titleColor: INK },
  title: { color: INK, subtitleColor: INK },
  text: { color: INK },
  rule: { color: INK },
  background: "transparent",
};

// The runtime is held once per page: the first picture asks its kernel for it, all others wait for the same promise.
function runtime(model) {
  globalThis.protocolVega ??= ask(model).catch((error) => {
    globalThis.protocolVega = undefined; // the next picture may ask again
    throw error;
  });
  return globalThis.protocolVega;
}

function ask(model) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no answer from the kernel within 30 seconds")), 30_000);
    const answer = (message, buffers) => {
      if (!message.runtime) return;
      clearTimeout(late);
      model.off("msg:custom", answer);
      const address = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      import(address).then(resolve, reject).finally(() => URL.revokeObjectURL(address));
    };
    model.on("msg:custom", answer);
    model.send({ need: "runtime" });
  });
}

// Vega reads dates and numbers only in rows that come with the drawing; as a transform it reads those that follow too.
function readEveryRow(vegaSpec) {
  for (const source of vegaSpec.data.filter(({ name, format }) => name === ROWS && format?.parse)) {
    const reading = Object.entries(source.format.parse).map(([field, type]) => ({
      type: "formula",
      as: field,
      expr: `to${type[0].toUpperCase()}${type.slice(1)}(datum[${JSON.stringify(field)}])`,
    }));
    source.transform = [...reading, ...(source.transform ?? [])];
    delete source.format.parse;
  }
  return vegaSpec;
}

// A figure offers points to drag by the parameter "drag" (see Chart.dragged) and a mark named "handles".
const dragOf = (spec) => spec?.params?.find(({ name }) => name === "drag")?.value;

const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 };

const copied = (rows) => rows.map((row) => ({ ...row })); // Vega writes into the rows it is given
const same = (ours, theirs) => ours === theirs || (typeof ours === "string" && Date.parse(ours) === +theirs);

function render({ model, el }) {
  el.classList.add("pw-chart");
  let shown; // what vega-embed returned for the drawing on the screen
  let box;
  let queue = Promise.resolve();
  let redraw = true; // the drawing on the screen is not the model's
  let due = true; // something has arrived that the screen does not show yet
  let ended = false;
  let offer; // the drawing's "drag"
  let held; // the point that is being moved, until the kernel has answered: { name, value }
  let asked; // what was sent and has no answer yet; one message at a time, or the kernel would lag behind the pointer
  const handles = new Map(); // a slider over each point, by the point's name; it outlives the drawings below it

  const isVisible = () => el.clientWidth > 0;

  function say(error) {
    clear();
    box = document.createElement("div");
    box.className = "pw-chart-problem";
    box.setAttribute("role", "alert");
    const detail = document.createElement("small");
    detail.textContent = error.message ?? String(error);
    box.append(`${model.get("_apology")} ${model.get("description")}`, detail);
    el.append(box);
  }

  function clear() {
    shown?.finalize();
    box?.remove();
    shown = box = undefined;
  }

  async function pick() {
    await shown.view.runAsync();
    const fields = shown.view.signal("pick")?.vlPoint?.or?.at(-1) ?? {};
    const names = Object.keys(fields);
    const row = model.get("_rows").find((one) => names.every((name) => same(one[name], fields[name])));
    model.send({ picked: names.length && row ? row : {} });
  }

  const chosen = () => {
    try {
      return shown?.view.data("pick_store");
    } catch {
      return undefined; // this drawing offers no selection
    }
  };

  async function draw() {
    const { vegaEmbed } = await runtime(model);
    const spec = structuredClone(model.get("_drawing"));
    spec.description ??= model.get("description");
    spec.datasets = { ...spec.datasets, [ROWS]: copied(model.get("_rows")) };
    const next = document.createElement("div");
    next.className = "pw-chart-drawing pw-chart-next";
    el.append(next);
    let result;
    try {
      result = await vegaEmbed(next, spec, { renderer: "svg", actions: false, config: LOOK, patch: readEveryRow });
    } catch (error) {
      next.remove();
      throw error;
    }
    if (ended) {
      result.finalize();
      return;
    }
    const kept = chosen();
    clear();
    [shown, box, offer] = [result, next, dragOf(spec)];
    next.classList.remove("pw-chart-next");
    if (offersPick(spec)) {
      if (kept?.length) await shown.view.data("pick_store", copied(kept)).runAsync();
      shown.view.addEventListener("click", () => guarded(pick));
    }
    fit();
    placeHandles();
    hideNameless();
    silenceParts();
  }

  // Vega gives the role of a symbol to lines that say nothing; the picture's own name stands for them.
  function hideNameless() {
    for (const part of box.querySelectorAll('[role="graphics-symbol"]:not([aria-label])'))
      part.setAttribute("aria-hidden", "true");
  }

  // Vega names every part with English words and the names of columns; elsewhere the picture's own name is all that is
  // said, and its data stand in a table.
  function silenceParts() {
    if (model.get("_language") !== "en") box.setAttribute("role", "img");
  }

  function placeHandles() {
    if (!offer && !handles.size) return;
    const frame = el.getBoundingClientRect();
    const found = new Set();
    for (const point of offer ? box.querySelectorAll(".handles_marks path") : []) {
      const { datum } = point.__data__;
      const [name, value, at] = [datum[offer.name], datum[offer.field], point.getBoundingClientRect()];
      if (!handles.has(name)) handles.set(name, makeHandle(name));
      const handle = handles.get(name);
      handle.style.left = `${at.x + at.width / 2 - frame.x + el.scrollLeft}px`;
      handle.style.top = `${at.y + at.height / 2 - frame.y}px`;
      handle.setAttribute("aria-valuenow", value);
      handle.setAttribute("aria-valuetext", value.toFixed(offer.digits));
      found.add(name);
    }
    for (const [name, handle] of handles)
      if (!found.has(name)) {
        handle.remove();
        handles.delete(name);
      }
  }

  function makeHandle(name) {
    const handle = document.createElement("div");
    handle.className = "pw-chart-handle";
    handle.tabIndex = 0;
    const says = { "aria-label": `${offer.title} ${name}`, "aria-valuemin": offer.least, "aria-valuemax": offer.most };
    for (const [what, value] of Object.entries({ role: "slider", "aria-orientation": "vertical", ...says }))
      handle.setAttribute(what, value);
    const now = () => Number(handle.getAttribute("aria-valuenow"));
    let from;
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      from = { y: event.clientY, value: now() };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const scale = shown.view.scale("y");
      move(name, from.value + (from.y - event.clientY) / (scale(0) - scale(1)), now());
    });
    handle.addEventListener("keydown", (event) => {
      const pages = { PageUp: offer.page, PageDown: -offer.page, Home: offer.least - now(), End: offer.most - now() };
      const by = pages[event.key] ?? STEPS[event.key] * offer.step;
      if (Number.isNaN(by)) return;
      event.preventDefault();
      event.stopPropagation();
      move(name, now() + by, now());
    });
    el.append(handle);
    return handle;
  }

  function move(name, wanted, before) {
    const rounded = Math.round(wanted / offer.step) * offer.step;
    const value = Number(Math.min(Math.max(rounded, offer.least), offer.most).toFixed(offer.digits));
    if (value === before) return;
    held = { name, value };
    handles.get(name).setAttribute("aria-valuenow", value); // a second key may come before the picture is drawn
    guarded(showRows);
    if (!asked) ask();
  }

  function ask() {
    asked = held;
    model.send({ dragged: asked });
  }

  function answered(message) {
    if (!message.dragged) return;
    const done = asked === held;
    asked = undefined;
    if (!done) return ask();
    held = undefined;
    guarded(showRows);
  }

  // The rows of the model, with the moved point where the pointer is.
  function rowsNow() {
    const rows = copied(model.get("_rows"));
    if (held && offer) for (const row of rows) if (row[offer.name] === held.name) row[offer.field] = held.value;
    return rows;
  }

  async function showRows() {
    if (!shown) return;
    await shown.view.data(ROWS, rowsNow()).runAsync();
    placeHandles();
    hideNameless();
  }

  const offersPick = (part) =>
    Boolean(part.params?.some(({ name }) => name === "pick")) ||
    ["layer", "hconcat", "vconcat", "concat"].some((key) => part[key]?.some(offersPick)) ||
    Boolean(part.spec && offersPick(part.spec));

  function fit() {
    if (shown?.spec.width === "container" && isVisible() && shown.view.width() !== el.clientWidth)
      shown.view.width(el.clientWidth).runAsync().then(placeHandles);
  }

  async function update() {
    if (ended || !due || !isVisible()) return; // the observer calls again when the picture comes into sight
    due = false;
    if (model.get("_problem")) throw new Error(model.get("_problem"));
    if (!Object.keys(model.get("_drawing")).length) return;
    if (redraw || !shown) {
      redraw = false;
      await draw();
    } else await showRows();
  }

  function guarded(step) {
    queue = queue.then(step).catch((error) => {
      redraw = true;
      if (!ended) say(error);
    });
  }

  function changed() {
    due = true; // whoever of several comes first in the queue shows all that has arrived by then
    guarded(update);
  }

  function changedDrawing() {
    redraw = true;
    changed();
  }

  function resized() {
    guarded(update);
    fit();
  }

  model.on("change:_drawing", changedDrawing);
  model.on("change:_rows change:_problem", changed);
  model.on("msg:custom", answered);
  const observer = new ResizeObserver(resized);
  observer.observe(el);
  return () => {
    ended = true;
    observer.disconnect();
    model.off("change:_drawing", changedDrawing);
    model.off("change:_rows change:_problem", changed);
    model.off("msg:custom", answered);
    clear();
  };
}

export default { render };
