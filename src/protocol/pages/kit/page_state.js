// Ties the address of a page, and the drafts of its forms, to the kernel. Only where the page has an address of its own.
const OTHERS = ["theme", "view", "token"];

// A link of this page to itself, with other settings, that a plain click follows.
function ownLink(event) {
  const link = event.target.closest?.("a.pw-link");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return null;
  const url = new URL(link.href);
  return url.origin === location.origin && url.pathname === location.pathname && !url.hash ? url : null;
}

function initialize({ model }) {
  if (!document.body.classList.contains("wb-page")) return;
  const key = `protocol-workbook.draft.${location.pathname}`;
  const held = () => {
    try {
      return JSON.parse(sessionStorage.getItem(key) ?? "{}");
    } catch {
      return {}; // storage may be forbidden, or hold something else
    }
  };
  const read = () => Object.fromEntries([...new URL(location.href).searchParams].filter(([name]) => !OTHERS.includes(name)));

  function write() {
    const [before, now] = [read(), model.get("address")];
    const url = new URL(location.href);
    for (const name of Object.keys(before)) url.searchParams.delete(name);
    for (const [name, text] of Object.entries(now)) url.searchParams.set(name, text);
    if (url.search === location.search) return;
    const isStep = model.get("steps").some((name) => (before[name] ?? "") !== (now[name] ?? ""));
    history[isStep ? "pushState" : "replaceState"](null, "", url);
  }

  function keep() {
    try {
      if (model.get("unsaved")) sessionStorage.setItem(key, JSON.stringify(model.get("draft")));
      else sessionStorage.removeItem(key);
    } catch {
      return; // without storage a draft lasts as long as the page
    }
  }

  const tell = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  };

  tell({ address: read(), draft: held() });
  model.on("change:address", write);
  model.on("change:draft", keep);
  model.on("change:unsaved", () => {
    window.protocolUnsaved = model.get("unsaved"); // page.js asks before the page is left
    keep();
  });
  model.on("change:goes_to", () => model.get("goes_to") && location.assign(model.get("goes_to")));
  addEventListener("click", (event) => {
    const url = ownLink(event);
    if (!url) return;
    event.preventDefault(); // the page is there: its controls are set, and what is in its forms stays
    for (const [name, text] of new URL(location.href).searchParams) if (OTHERS.includes(name)) url.searchParams.set(name, text);
    history.pushState(null, "", url);
    tell({ address: read() });
  });
  addEventListener("popstate", () => tell({ address: read() }));
}

export default { initialize, render() {} };
