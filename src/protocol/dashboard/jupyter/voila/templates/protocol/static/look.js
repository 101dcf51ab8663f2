// Dark colours and projector mode: set before the first paint, remembered in this browser.
(() => {
  const root = document.documentElement;
  const address = new URL(location.href);
  root.lang = document.currentScript.dataset.language; // Voila's page says English

  const remembered = (name) => {
    try {
      return localStorage.getItem(`protocol-workbook.${name}`);
    } catch {
      return null; // storage may be forbidden; the page then starts as the address says
    }
  };

  const remember = (name, on) => {
    try {
      localStorage.setItem(`protocol-workbook.${name}`, on ? "yes" : "no");
    } catch {
      return;
    }
  };

  const wear = {
    dark(on) {
      for (const element of [root, document.body]) if (element) element.dataset.jpThemeLight = String(!on);
    },
    projector(on) {
      root.toggleAttribute("data-wb-projector", on);
    },
  };
  const asked = { dark: address.searchParams.get("theme"), projector: address.searchParams.get("view") };
  const state = {};
  for (const name of Object.keys(wear)) {
    if (asked[name] !== null) remember(name, asked[name] === name);
    const usual = name === "dark" && matchMedia("(prefers-color-scheme: dark)").matches ? "yes" : "no";
    state[name] = asked[name] === null ? (remembered(name) ?? usual) === "yes" : asked[name] === name;
    wear[name](state[name]);
  }

  // A token in the address bar would be seen on a projector and kept in the history.
  if (address.searchParams.has("token")) {
    address.searchParams.delete("token");
    history.replaceState(null, "", address);
  }

  // Called behind the head of a page: the rest of it may take seconds to come.
  window.protocolHead = () => {
    for (const name of Object.keys(wear)) {
      const button = document.getElementById(`wb-${name}`);
      const show = () => {
        wear[name](state[name]);
        button.setAttribute("aria-pressed", String(state[name]));
      };
      button.addEventListener("click", () => {
        state[name] = !state[name];
        remember(name, state[name]);
        show();
      });
      show();
    }

    // The page is loaded again in the other language, at the same address.
    for (const button of document.querySelectorAll(".wb-language")) {
      button.addEventListener("click", () => {
        const secure = location.protocol === "https:" ? "; Secure" : "";
        const kept = `path=${button.dataset.base}; max-age=31536000; SameSite=Strict${secure}`;
        document.cookie = `protocol-language=${button.value}; ${kept}`;
        location.reload();
      });
    }

    // Two signs that look the same are two boxes: no typeface has them.
    const missing = document.getElementById("wb-typeface");
    if (missing) {
      const pen = Object.assign(document.createElement("canvas"), { width: 32, height: 32 }).getContext("2d");
      pen.font = `20px ${getComputedStyle(document.body).fontFamily}`;
      const drawn = (sign) => {
        pen.clearRect(0, 0, 32, 32);
        pen.fillText(sign, 4, 24);
        return pen.getImageData(0, 0, 32, 32).data.join();
      };
      missing.hidden = drawn("试") !== drawn("验");
    }

    // A narrow screen shows a part of the pages' names; the name of this page is in it.
    const nav = document.querySelector(".wb-nav");
    const here = nav.querySelector("[aria-current]");
    if (here) nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;
  };
})();
