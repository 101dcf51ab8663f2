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
    [shown, box] = [result, next];
    next.classList.remove("pw-chart-next");
    if (offersPick(spec)) {
      if (kept?.length) await shown.view.data("pick_store", copied(kept)).runAsync();
      shown.view.addEventListener("click", () => guarded(pick));
    }
    fit();
  }

  const offersPick = (part) =>
    Boolean(part.params?.some(({ name }) => name === "pick")) ||
    ["layer", "hconcat", "vconcat", "concat"].some((key) => part[key]?.some(offersPick)) ||
    Boolean(part.spec && offersPick(part.spec));

  function fit() {
    if (shown?.spec.width === "container" && isVisible() && shown.view.width() !== el.clientWidth)
      shown.view.width(el.clientWidth).runAsync();
  }

  async function update() {
    if (ended || !due || !isVisible()) return; // the observer calls again when the picture comes into sight
    due = false;
    if (model.get("_problem")) throw new Error(model.get("_problem"));
    if (!Object.keys(model.get("_drawing")).length) return;
    if (redraw || !shown) {
      redraw = false;
      await draw();
    } else await shown.view.data(ROWS, copied(model.get("_rows"))).runAsync();
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
  const observer = new ResizeObserver(resized);
  observer.observe(el);
  return () => {
    ended = true;
    observer.disconnect();
    model.off("change:_drawing", changedDrawing);
    model.off("change:_rows change:_problem", changed);
    clear();
  };
}

export default { render };
