// A day as text, and a button that opens the browser's own calendar.

const ICON = `<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true">
  <rect x="1.5" y="3" width="13" height="11.5" rx="1.5"/><path d="M1.5 6.5h13M5 1v3.5M11 1v3.5"/></svg>`;

function made(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function render({ model, el }) {
  const id = `pw-day-${Math.random().toString(36).slice(2)}`;
  const label = made("label", { htmlFor: id });
  const field = made("div", { className: "pw-day-field" });
  const text = made("input", { type: "text", id, autocomplete: "off", spellcheck: false });
  const button = made("button", { type: "button", innerHTML: ICON });
  const calendar = made("input", { type: "date", tabIndex: -1 });
  const problem = made("div", { className: "pw-day-problem", id: `${id}-problem` });
  calendar.setAttribute("aria-hidden", "true");
  text.setAttribute("aria-describedby", problem.id);
  field.append(text, button, calendar);
  el.append(label, field, problem);

  function show() {
    label.textContent = model.get("description");
    label.hidden = !label.textContent;
    if (label.hidden) text.setAttribute("aria-label", model.get("tooltip"));
    text.title = model.get("tooltip") === label.textContent ? "" : model.get("tooltip");
    text.placeholder = model.get("_placeholder");
    text.disabled = button.disabled = model.get("disabled");
    button.setAttribute("aria-label", model.get("_words"));
    button.title = model.get("_words");
    text.setAttribute("aria-invalid", String(Boolean(model.get("_problem"))));
    if (problem.innerHTML !== model.get("_problem")) problem.innerHTML = model.get("_problem");
  }

  const showText = () => (text.value = model.get("text"));

  function say(words) {
    model.set("text", words);
    model.save_changes();
  }

  text.addEventListener("change", () => say(text.value));
  calendar.addEventListener("change", () => {
    text.value = calendar.value;
    say(calendar.value);
    text.focus();
  });
  button.addEventListener("click", () => {
    calendar.value = text.value; // the browser leaves it empty if this is no day
    if (calendar.showPicker) calendar.showPicker();
    else calendar.click();
  });
  model.on("change", show);
  model.on("change:text", showText); // and only then: what is being typed stays
  show();
  showText();
  return () => {
    model.off("change", show);
    model.off("change:text", showText);
  };
}

export default { render };
