// The rows of a table; its heads and first cells tell the kernel that they were pressed, and heads keep the focus when
// the rows are new.

function render({ model, el }) {
  function show() {
    const pressed = el.contains(document.activeElement) && document.activeElement.dataset.column;
    el.innerHTML = model.get("value");
    if (pressed) [...el.querySelectorAll(".pw-sort")].find((head) => head.dataset.column === pressed)?.focus();
  }

  function press({ target }) {
    const head = target.closest(".pw-sort");
    if (head) model.send({ column: head.dataset.column });
    const cell = target.closest(".pw-open-row");
    if (cell) model.send({ open: cell.dataset.open });
  }

  el.addEventListener("click", press);
  model.on("change:value", show);
  show();
  return () => model.off("change:value", show);
}

export default { render };
