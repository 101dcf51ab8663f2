// A row of tabs. The panels stand beside it in the page; they get their roles from here.
function render({ model, el }) {
  const list = document.createElement("div");
  list.className = "pw-tablist";
  list.setAttribute("role", "tablist");
  el.append(list);

  const panelOf = (name) => document.querySelector(`.${model.get("panels")[name]}`);

  function tie() {
    for (const button of list.children) {
      const panel = panelOf(button.dataset.name);
      if (!panel || panel.id) continue;
      panel.id = model.get("panels")[button.dataset.name];
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", button.id);
      button.setAttribute("aria-controls", panel.id);
    }
    return [...list.children].every((button) => button.hasAttribute("aria-controls"));
  }

  function select() {
    for (const button of list.children) {
      const isOpen = button.dataset.name === model.get("value");
      button.setAttribute("aria-selected", String(isOpen));
      button.tabIndex = isOpen ? 0 : -1;
    }
  }

  function draw() {
    const focused = document.activeElement?.parentElement === list ? document.activeElement.dataset.name : "";
    const panels = model.get("panels");
    list.replaceChildren(
      ...Object.entries(model.get("titles")).map(([name, title]) => {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", textContent: title, id: `${panels[name]}-tab` });
        button.className = "pw-tab";
        button.dataset.name = name;
        button.setAttribute("role", "tab");
        if (panelOf(name)?.id) button.setAttribute("aria-controls", panels[name]);
        return button;
      }),
    );
    select();
    if (focused) [...list.children].find((button) => button.dataset.name === focused)?.focus();
    if (!tie()) {
      const watcher = new MutationObserver(() => tie() && watcher.disconnect());
      watcher.observe(document.body, { childList: true, subtree: true });
    }
  }

  function open(button) {
    model.set("value", button.dataset.name);
    model.save_changes();
    button.focus();
  }

  list.addEventListener("click", ({ target }) => target.dataset?.name && open(target));
  list.addEventListener("keydown", (event) => {
    const buttons = [...list.children];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    open(buttons.at(to % buttons.length));
  });
  model.on("change:value", select);
  model.on("change:titles", draw);
  draw();
}

export default { render };
