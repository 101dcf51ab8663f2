// Steps through the screens of a page on a projector. The screen on view is an attribute of the box, so that a step
// needs no answer from the kernel; the style sheet hides the others.

const STEPS = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 };
const OWN_KEYS = "input, select, textarea, [contenteditable], [role=tab], [role=slider], [role=radio], .pw-scroll";

function render({ model, el }) {
  const words = model.get("words");
  const bar = document.createElement("nav");
  bar.className = "pw-stepper";
  bar.setAttribute("aria-label", words.name);
  const made = (name, sign, step) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "jupyter-button";
    button.textContent = sign;
    button.setAttribute("aria-label", name);
    button.title = name;
    button.addEventListener("click", () => go(step));
    return button;
  };
  const place = document.createElement("span");
  place.setAttribute("role", "status");
  const [back, on] = [made(words.previous, "‹", -1), made(words.next, "›", 1)];
  bar.append(back, place, on);
  el.append(bar);

  const box = () => el.closest(".pw-screens");
  const visible = () => el.getClientRects().length > 0;
  const projected = () => document.documentElement.hasAttribute("data-wb-projector");

  function go(step) {
    const number = Math.min(Math.max(model.get("value") + step, 1), model.get("titles").length);
    if (number === model.get("value")) return;
    model.set("value", number);
    model.save_changes();
    scrollTo({ top: 0 });
  }

  function show() {
    const [number, titles] = [model.get("value"), model.get("titles")];
    place.textContent = words.place
      .replace("{number}", number)
      .replace("{count}", titles.length)
      .replace("{title}", titles[number - 1] ?? "");
    // aria-disabled, because a button that becomes disabled loses the focus
    back.setAttribute("aria-disabled", String(number === 1));
    on.setAttribute("aria-disabled", String(number === titles.length));
    if (box()) box().dataset.screen = number;
  }

  function pressed(event) {
    const step = STEPS[event.key];
    if (!step || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (!projected() || !visible() || event.target.closest?.(OWN_KEYS)) return;
    event.preventDefault();
    go(step);
  }

  model.on("change:value", show);
  document.addEventListener("keydown", pressed);
  const placed = new ResizeObserver(show); // the box around it is there once it has a size
  placed.observe(el);
  show();
  return () => {
    model.off("change:value", show);
    document.removeEventListener("keydown", pressed);
    placed.disconnect();
  };
}

export default { render };
