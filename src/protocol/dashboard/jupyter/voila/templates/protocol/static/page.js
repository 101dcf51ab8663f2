// A page of the dashboard: it says when it opens too slowly, loses its connection or has ended, and names the controls.
(() => {
  const PATIENCE_MS = Number(document.currentScript.dataset.patienceSeconds) * 1000;
  const BASE = document.currentScript.dataset.base;
  const EVERY_MS = 2500;
  const ANSWER_MS = 10_000; // a busy server answers late; the page works all the same
  const MISSES = 3; // answers missed in a row before a page is called ended
  const loading = document.getElementById("loading");
  const ended = document.getElementById("wb-ended");
  const connection = document.getElementById("wb-connection");

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
  const UNDRAWN = 'script[type="application/vnd.voila.cell-output+json"]'; // Voila puts the drawn output in its place
  const isWaiting = () => {
    const cells = document.getElementById("rendered_cells");
    const text = cells.textContent;
    const isDrawn = text.trim() && !cells.querySelector(UNDRAWN);
    return loading.isConnected || !isDrawn || /Loading widget|Error displaying widget/.test(text);
  };
  function lookForControls() {
    if (!isWaiting()) return late.remove();
    if (late.parentElement !== document.body) document.body.append(late);
    loading.style.display = "none";
    setTimeout(lookForControls, 500);
  }

  function sayLate() {
    if (!isWaiting()) return late.remove();
    late.className = "wb-late wb-loading";
    late.setAttribute("role", "status");
    late.hidden = false;
    lookForControls();
  }
  setTimeout(sayLate, PATIENCE_MS);

  // A page that lost a control while it opened is whole after a reload; this is tried once.
  const RELOADED = `reloaded ${location.pathname}`;
  let isUsed = false; // nothing that a person began is lost
  for (const kind of ["keydown", "pointerdown"])
    addEventListener(kind, () => { isUsed = true; }, { capture: true, once: true });
  function reloadIfLost() {
    const isLost = /Error displaying widget/.test(document.getElementById("rendered_cells").textContent);
    try {
      if (isLost && (isUsed || sessionStorage.getItem(RELOADED))) return sayLate();
      if (isLost) {
        sessionStorage.setItem(RELOADED, "once");
        return location.reload();
      }
      if (document.readyState === "complete" && !isWaiting()) return sessionStorage.removeItem(RELOADED);
    } catch { return; } // this browser keeps nothing: then nothing is loaded again
    setTimeout(reloadIfLost, 500);
  }
  addEventListener("DOMContentLoaded", reloadIfLost);
  window.protocolLost = sayLate; // the server says that the kernel has ended
  window.protocolAgain = () => location.reload(); // or that too many pages were before this one
  window.voila_process = () => {}; // the text that stands there is enough
  window.voila_heartbeat = () => {};

  let lastFocus;
  function showEnded(isOver) {
    if (ended.hidden !== isOver) return;
    if (isOver) lastFocus = document.activeElement;
    ended.hidden = !isOver;
    document.getElementById("rendered_cells").inert = isOver;
    document.body.classList.toggle("wb-over", isOver);
    if (!isOver) lastFocus?.focus({ preventScroll: true });
  }

  // Said beside the page, which stays as it is: nothing typed is lost and the focus does not move.
  function showConnection(isLost) {
    const words = isLost ? connection.dataset.words : "";
    if (connection.textContent !== words) connection.textContent = words;
  }

  async function stateOf(kernel) {
    const slow = setTimeout(() => showConnection(ended.hidden && !isWaiting()), EVERY_MS);
    try {
      const address = `${BASE}api/kernels/${kernel}`;
      const reply = await fetch(address, { signal: AbortSignal.timeout(ANSWER_MS), cache: "no-store" });
      if (reply.status >= 500) return "silent"; // from a proxy, or from a server under load
      if (!reply.ok || reply.redirected) return "dead";
      return (await reply.json()).execution_state;
    } catch {
      return "silent"; // the server is busy or stopped, or the network is away and may come back
    } finally {
      clearTimeout(slow);
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

  let missed = 0;
  async function watch(kernel) {
    if (leaving) return setTimeout(watch, EVERY_MS, kernel);
    const state = await stateOf(kernel);
    missed = state === "silent" ? missed + 1 : 0;
    const isOver = state === "dead" || missed >= MISSES;
    if (isWaiting()) {
      if (state === "dead") sayLate(); // a page that opens is late; it has not ended
    } else {
      showEnded(isOver);
      showConnection(missed > 0 && !isOver);
    }
    if (state !== "dead" || isWaiting()) setTimeout(watch, EVERY_MS, kernel);
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

  // Every sheet of paper names what it shows, the day it was printed, and that an example is invented.
  const onPaper = document.createElement("style");
  const quoted = (text) => `"${text.replaceAll(/["\\]/g, "\\$&").replaceAll(/\s+/g, " ")}"`;
  addEventListener("beforeprint", () => {
    const now = new Date();
    const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
    const invented = [...document.querySelectorAll(".pw-invented b")].find((label) => label.checkVisibility());
    const shown = [document.title, invented?.textContent].filter(Boolean).join(" · ");
    onPaper.textContent = `@page { @top-left { content: ${quoted(shown)}; } @top-right { content: ${quoted(day)}; }
      @bottom-right { content: counter(page) " / " counter(pages); } }`;
    document.head.append(onPaper);
  });

  document.title = [...document.querySelectorAll("[aria-current], .wb-brand")].map((part) => part.textContent.trim()).reverse().join(" · ");

  addEventListener("DOMContentLoaded", () => {
    const config = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
    if (config.kernelId) watch(config.kernelId);
    const cells = document.getElementById("rendered_cells");
    const look = () => nameControls(cells);
    new MutationObserver(look).observe(cells, { subtree: true, childList: true, attributeFilter: ["class"] });
    look();
  });
})();
