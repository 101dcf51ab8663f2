// A page of the dashboard: it says when it opens too slowly or has ended, and gives the controls their names.
(() => {
  const PATIENCE_MS = Number(document.currentScript.dataset.patienceSeconds) * 1000;
  const BASE = document.currentScript.dataset.base;
  const EVERY_MS = 2500;
  const loading = document.getElementById("loading");
  const ended = document.getElementById("wb-ended");

  // On a busy or small machine two libraries give up too soon, and the page would stay empty: anywidget gives a
  // picture's script two seconds, ipywidgets gives the kernel four to say what the page consists of.
  const [clock, within] = [window.setTimeout, AbortSignal.timeout.bind(AbortSignal)];
  window.setTimeout = (step, ms, ...rest) => clock(step, ms === 4000 ? PATIENCE_MS : ms, ...rest);
  AbortSignal.timeout = (ms) => within(ms === 2000 ? PATIENCE_MS : ms);

  for (const button of document.querySelectorAll(".wb-reload"))
    button.addEventListener("click", () => location.reload());

  // Voila removes #loading once the cells are there, whether or not their controls are; a message of our own stays
  // until they are.
  const late = loading.querySelector(".wb-late");
  const isWaiting = () => loading.isConnected || document.getElementById("rendered_cells").textContent.includes("Loading widget");
  function lookForControls() {
    if (!isWaiting()) return late.remove();
    if (late.parentElement !== document.body) document.body.append(late);
    loading.style.display = "none";
    setTimeout(lookForControls, 500);
  }
  setTimeout(() => {
    late.className = "wb-late wb-loading";
    late.setAttribute("role", "status");
    late.hidden = false;
    lookForControls();
  }, PATIENCE_MS);
  window.voila_process = () => {}; // the text that stands there is enough
  window.voila_heartbeat = () => {};

  function show(isOver) {
    if (ended.hidden !== isOver) return;
    ended.hidden = !isOver;
    document.getElementById("rendered_cells").inert = isOver;
    document.body.classList.toggle("wb-over", isOver);
  }

  async function stateOf(kernel) {
    try {
      const address = `${BASE}api/kernels/${kernel}`;
      const reply = await fetch(address, { signal: AbortSignal.timeout(EVERY_MS), cache: "no-store" });
      if (!reply.ok || reply.redirected) return "dead";
      return (await reply.json()).execution_state;
    } catch {
      return "silent"; // the server is stopped, or the network is away and may come back
    }
  }

  // Voila ends the kernel as soon as the page is about to be left; whoever clicks or types has stayed after all.
  let leaving = false;
  // The question whether to leave must come before Voila's own listener, which would end the kernel of a reader who stays.
  addEventListener("beforeunload", (event) => {
    if (!window.protocolUnsaved) return (leaving = true);
    event.stopImmediatePropagation();
    event.preventDefault();
  });
  for (const use of ["pointerdown", "keydown"]) addEventListener(use, () => (leaving = false), true);

  async function watch(kernel) {
    if (leaving) return setTimeout(watch, EVERY_MS, kernel);
    const state = await stateOf(kernel);
    show(state === "dead" || state === "silent");
    if (state !== "dead") setTimeout(watch, EVERY_MS, kernel);
  }

  // Voila appends its shell to the body, below the footer; it belongs into the content.
  const content = document.getElementsByTagName("main");
  new MutationObserver((_changes, observer) => {
    const shell = document.querySelector("body > #main");
    if (!shell) return;
    observer.disconnect();
    content[0].append(shell);
  }).observe(document.body, { childList: true });

  // ipywidgets leaves sliders without a name, toggle buttons without a group and icons read aloud.
  function nameControls(root) {
    for (const label of root.querySelectorAll('.widget-label[title="null"], .widget-label[title=""]'))
      label.removeAttribute("title");
    for (const slider of root.querySelectorAll("[role=slider]:not([aria-label])")) nameSlider(slider);
    for (const group of root.querySelectorAll(".widget-toggle-buttons")) nameGroup(group);
    for (const icon of root.querySelectorAll("button i.fa:not([aria-hidden])")) icon.setAttribute("aria-hidden", "true");
    for (const text of root.querySelectorAll(".widget-readout[contenteditable]:not([aria-label])"))
      text.setAttribute("aria-label", labelOf(text));
    for (const header of root.querySelectorAll(".jupyter-widget-Collapse-header")) openByKey(header);
  }

  // A folded group is opened by mouse only; here the keyboard reaches it too.
  function openByKey(header) {
    const isOpen = String(header.closest(".jupyter-widget-Collapse").classList.contains("jupyter-widget-Collapse-open"));
    if (header.getAttribute("aria-expanded") !== isOpen) header.setAttribute("aria-expanded", isOpen);
    if (header.getAttribute("role") === "button") return;
    header.setAttribute("role", "button");
    header.tabIndex = 0;
    header.addEventListener("keydown", (event) => {
      if (!["Enter", " "].includes(event.key)) return;
      event.preventDefault();
      header.click();
    });
  }

  const labelOf = (part) => part.closest(".lm-Widget")?.querySelector(".widget-label")?.textContent.trim() ?? "";

  function nameSlider(slider) {
    const handles = [...(slider.closest(".noUi-target") ?? slider.parentElement).querySelectorAll("[role=slider]")];
    const end = handles.length > 1 ? [", from", ", to"][handles.indexOf(slider)] : "";
    slider.setAttribute("aria-label", labelOf(slider) + end);
  }

  function nameGroup(group) {
    group.setAttribute("role", "group");
    if (labelOf(group)) group.setAttribute("aria-label", labelOf(group));
    for (const button of group.querySelectorAll("button")) {
      const pressed = String(button.classList.contains("mod-active"));
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  }

  addEventListener("DOMContentLoaded", () => {
    document.title = [...document.querySelectorAll("[aria-current], .wb-brand")].map((part) => part.textContent.trim()).reverse().join(" · ");
    const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
    if (config.kernelId) watch(config.kernelId);
    const cells = document.getElementById("rendered_cells");
    const look = () => nameControls(cells);
    new MutationObserver(look).observe(cells, { subtree: true, childList: true, attributeFilter: ["class"] });
    look();
  });
})();
