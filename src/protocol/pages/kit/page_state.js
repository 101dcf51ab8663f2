// Ties the address of a page, and the drafts of its forms, to the kernel. Only where the page has an address of its own.
const OTHERS = ["theme", "view", "token"];

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
  addEventListener("popstate", () => tell({ address: read() }));
}

export default { initialize, render() {} };
