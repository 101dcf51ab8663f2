// The form of one participant: every fact of the record in one widget, so that a page has few of them.
// Its fields send what is entered; the answers, counts and limits beside them come back from the kernel.

const [ASKED, RULES, LIMIT, NOTE, PROBLEM] = [0, 1, 2, 3, 4]; // places in the state of a fact

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function render({ model, el: root }) {
  const { groups, words, most } = model.get("_form");
  const view = Math.random().toString(36).slice(2); // other views of the form count for themselves
  const fields = new Map();
  const pending = new Map(); // what was sent and is not answered yet: fact to number
  const sections = [];
  let sent = 0;
  let shownIn = "";
  root.classList.add("pw-sheet");

  const value = (name) => model.get("value")[name] ?? "";

  function commit(name, text) {
    if (!pending.has(name) && text === value(name)) return;
    pending.set(name, ++sent);
    model.send({ set: { [name]: text }, view, number: sent });
  }

  // --- Controls -----------------------------------------------------------------------------------------------------

  function segments(fact, label) {
    const box = element("div", { className: "pw-segments", role: "radiogroup", "aria-labelledby": label.id });
    let byPointer = false;
    const inputs = [["", "?", words.unknown], ...fact.options.map(([option, text]) => [option, text, ""])].map(
      ([option, text, spoken]) => {
        const input = element("input", { type: "radio", name: `${view}-${fact.id}`, value: option });
        if (spoken) input.setAttribute("aria-label", spoken);
        const shown = element("span", {}, text);
        if (spoken) shown.setAttribute("aria-hidden", "true");
        box.append(element("label", { className: "pw-segment", title: spoken }, input, shown));
        return input;
      },
    );
    box.addEventListener("pointerdown", () => (byPointer = true));
    box.addEventListener("change", () => {
      if (byPointer || !model.get("asking")) commit(fact.id, read()); // arrows move; Enter answers a question
      byPointer = false;
    });
    box.addEventListener("keydown", (event) => {
      const place = event.key === "Enter" ? -1 : inputs.findIndex((one) => key(one, fact) === event.key.toLowerCase());
      if (place > 0) inputs[place].checked = true;
      if (place < 0 && event.key !== "Enter") return;
      event.preventDefault();
      commit(fact.id, read());
    });
    const read = () => inputs.find((one) => one.checked)?.value ?? "";
    return {
      box,
      read,
      write: (text) => inputs.forEach((one) => (one.checked = one.value === text)),
      focus: () => (inputs.find((one) => one.checked) ?? inputs[0]).focus(),
      inputs: [box],
      isBusy: () => false,
    };
  }

  const key = (input, fact) => {
    const place = fact.options.findIndex(([option]) => option === input.value);
    return fact.yes_no ? { yes: words.yes[0], no: words.no[0] }[input.value]?.toLowerCase() : String(place + 1);
  };

  function choices(fact, label) {
    const options = [["", words.unknown], ...fact.options].map(([option, text]) =>
      element("option", { value: option }, text),
    );
    const select = element("select", { id: `fact-${fact.id}`, className: "pw-control" }, ...options);
    label.htmlFor = select.id;
    const go = () => commit(fact.id, select.value);
    select.addEventListener("change", () => model.get("asking") || go());
    select.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), go()));
    select.addEventListener("blur", go);
    return {
      box: select,
      read: () => select.value,
      write: (text) => (select.value = text),
      focus: () => select.focus(),
      inputs: [select],
      isBusy: () => false,
    };
  }

  function texts(fact, label, spoken, shared) {
    const input = element("input", {
      type: "text",
      id: `fact-${fact.id}`,
      className: "pw-control",
      placeholder: fact.hint,
      autocomplete: "off",
      inputMode: fact.date ? "numeric" : "text",
    });
    if (spoken) input.setAttribute("aria-label", spoken);
    else label.htmlFor = input.id;
    const box = element("span", { className: "pw-typed" }, input);
    let unit = shared; // a limit of normal is in the unit of its value
    if (shared) shared.addEventListener("change", () => input.value.trim() && commit(fact.id, read()));
    else if (fact.units.length > 1) {
      unit = element("select", { className: "pw-unit", "aria-label": `${words.unit}: ${spoken || fact.label}` });
      unit.append(...fact.units.map(([code, shown]) => element("option", { value: code }, shown)));
      unit.addEventListener("change", () => input.value.trim() && commit(fact.id, read()));
      box.append(unit);
    } else if (fact.units.length) box.append(element("span", { className: "pw-unit" }, fact.units[0][1]));
    let written = "";
    const read = () => {
      const text = input.value.trim();
      return unit?.selectedIndex > 0 && /^[\d.]+$/.test(text) ? `${text} ${unit.value}` : text;
    };
    input.addEventListener("change", () => commit(fact.id, read()));
    input.addEventListener("keydown", (event) => event.key === "Enter" && commit(fact.id, read()));
    return {
      box,
      read,
      write(text) {
        const others = unit ? fact.units.slice(1).map(([code]) => code) : [];
        const other = others.find((code) => text.endsWith(` ${code}`));
        written = other ? text.slice(0, -other.length - 1) : text;
        input.value = written;
        if (unit && text) unit.value = other ?? fact.units[0][0];
      },
      focus: () => (input.focus(), input.select()),
      inputs: [input],
      unit,
      isBusy: () => document.activeElement === input && input.value !== written,
    };
  }

  function control(fact, label, spoken = "", shared = undefined) {
    const make = { segments, list: choices, text: texts }[fact.kind];
    const made = make(fact, label, spoken, shared);
    fields.set(fact.id, made);
    return made;
  }

  // --- One line of the form, and a group of them --------------------------------------------------------------------

  function line(fact) {
    const label = element("label", { id: `${view}-label-${fact.id}`, title: fact.help }, fact.label);
    const main = control(fact, label);
    const limit = element("span", { className: "pw-fact-limit" });
    const note = element("span", { className: "pw-fact-note" });
    const marks = element("div", { className: "pw-fact-marks", id: `${view}-marks-${fact.id}` });
    const problem = element("div", { className: "pw-fact-problem", id: `${view}-problem-${fact.id}` });
    problem.setAttribute("role", "alert");
    const answer = element("div", { className: "pw-fact-answer" }, main.box, note);
    const facts = [fact.id];
    if (fact.normal) {
      const normal = control(fact.normal, label, fact.normal.label, main.unit);
      answer.append(element("span", { className: "pw-fact-normal" }, words.normal, normal.box));
      facts.push(fact.normal.id);
    }
    answer.append(limit);
    const row = element("div", { className: "pw-fact" });
    const name = element("div", { className: "pw-fact-label" }, label);
    if (fact.help) name.append(element("small", {}, fact.help));
    row.append(name, answer, marks, problem);
    for (const input of main.inputs) input.setAttribute("aria-describedby", `${marks.id} ${problem.id}`);
    for (const one of facts) fields.get(one).row = row;
    const found = `${fact.label} ${fact.normal?.label ?? ""} ${fact.help}`.toLowerCase();
    return { facts, row, limit, note, marks, problem, found };
  }

  function section(group, place) {
    const count = element("span", { className: "pw-count" });
    const head = element("h3", { id: `${view}-group-${place}`, tabIndex: -1 }, group.name, " ", count);
    const none = element("button", { type: "button", className: "pw-quiet-button" });
    none.addEventListener("click", () => model.send({ none: place }));
    const lines = group.facts.map(line);
    const box = element("section", { className: "pw-group", "aria-labelledby": head.id });
    const unfold = element("button", { type: "button", className: "pw-quiet-button pw-unfold" }); // on a telephone only
    const show = (isOpen) => {
      box.classList.toggle("is-folded", !isOpen);
      unfold.setAttribute("aria-expanded", String(isOpen));
      unfold.textContent = isOpen ? words.hide : words.show;
      unfold.setAttribute("aria-label", `${unfold.textContent}: ${group.name}`);
    };
    unfold.addEventListener("click", () => show(box.classList.contains("is-folded")));
    show(place === 0);
    box.append(element("div", { className: "pw-group-head" }, head, none, unfold), ...lines.map(({ row }) => row));
    const link = element("a", { href: `#${head.id}` }, element("span", {}, group.name));
    const railed = element("span", { className: "pw-count" });
    link.append(railed);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      all();
      show(true);
      head.scrollIntoView({ block: "start" });
      head.focus({ preventScroll: true });
    });
    sections.push({ name: group.name.toLowerCase(), box, count, railed, none, lines, link, show });
    return box;
  }

  // --- What stands above: search, the open questions, the next question, the rest of the findings, a record ----------

  const search = element("input", { type: "search", className: "pw-control", placeholder: words.search });
  search.setAttribute("aria-label", words.search);
  const open = element("input", { type: "checkbox" });
  const ask = element("button", { type: "button", className: "pw-button" });
  const rest = element("button", { type: "button", className: "pw-button", "aria-expanded": "false" });
  const restList = element("ul");
  const restBox = element(
    "div",
    { className: "pw-rest", hidden: true },
    element("p", {}, words.rest_lead),
    restList,
    element("button", { type: "button", className: "pw-button pw-primary", onclick: setRest }, words.rest_set),
  );
  // Judgements: a statement each, not ticked; one action confirms all as they stand. Nothing is confirmed unread.
  const judge = element("button", { type: "button", className: "pw-button", "aria-expanded": "false" });
  const judgeList = element("ul");
  const judgeAll = element("button", { type: "button", className: "pw-button pw-primary" });
  const judgeTicked = element("button", { type: "button", className: "pw-button" });
  const judgeBox = element(
    "div",
    { className: "pw-rest pw-statements", hidden: true },
    element("p", {}, words.statements_lead),
    judgeList,
    judgeAll,
    " ",
    judgeTicked,
  );
  const takeBack = element("button", { type: "button", className: "pw-quiet-button" });
  const ticks = () => [...judgeList.querySelectorAll("input")];
  const ticked = () => ticks().filter((one) => one.checked).map((one) => one.value);
  let openLists = false; // a record was put in: what it leaves to confirm opens by itself

  function confirmed(names) {
    model.send({ confirm: names });
    unfold(judge, judgeBox, false);
  }

  function countTicks() {
    judgeTicked.textContent = words.statements_ticked.replace("{n}", ticked().length);
    judgeTicked.disabled = !ticked().length;
  }

  function showStatements(statements) {
    const [before, names] = [ticks().map((one) => one.value), statements.map(([name]) => name)];
    judge.hidden = !names.length;
    judge.textContent = `${words.statements} (${names.length})`;
    judgeAll.textContent = words.statements_all.replace("{n}", names.length);
    if (!names.length) unfold(judge, judgeBox, false);
    if (String(before) === String(names)) return;
    const kept = ticked();
    judgeList.replaceChildren(
      ...statements.map(([name, text, help]) => {
        const tick = element("input", { type: "checkbox", value: name, checked: kept.includes(name) });
        const said = element("span", {}, text, ...(help ? [element("small", {}, help)] : []));
        return element("li", {}, element("label", { className: "pw-check" }, tick, said));
      }),
    );
    countTicks();
  }

  function unfold(button, box, isOpen) {
    box.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  }

  judge.addEventListener("click", () => unfold(judge, judgeBox, judgeBox.hidden));
  judgeList.addEventListener("change", countTicks);
  judgeAll.addEventListener("click", () => confirmed(ticks().map((one) => one.value)));
  judgeTicked.addEventListener("click", () => confirmed(ticked()));
  takeBack.addEventListener("click", () => model.send({ take_back: true }));

  const clear = element("button", { type: "button", className: "pw-button" }, words.clear);
  clear.addEventListener("click", () => model.send({ clear: true }));
  const asked = element("div", { className: "pw-asking", hidden: true });
  const askedWords = element("p", { role: "status" });
  const skip = element("button", { type: "button", className: "pw-button" }, words.skip);
  skip.addEventListener("click", () => model.send({ skip: shownIn }));
  asked.append(askedWords, skip);
  const tools = element(
    "div",
    { className: "pw-tools" },
    search,
    element("label", { className: "pw-check" }, open, element("span", {}, words.open)),
    ask,
    rest,
    judge,
    takeBack,
    clear,
  );

  function setRest() {
    model.send({ none: -1 });
    unfold(rest, restBox, false);
  }

  rest.addEventListener("click", () => unfold(rest, restBox, restBox.hidden));
  ask.addEventListener("click", () => {
    search.value = "";
    open.checked = false;
    model.send({ asking: !model.get("asking") });
  });
  search.addEventListener("input", sift);
  open.addEventListener("change", sift);

  function all() {
    search.value = "";
    open.checked = false;
    if (model.get("asking")) model.send({ asking: false });
    sift();
  }

  function sift() {
    const wanted = search.value.trim().toLowerCase();
    const lit = model.get("asking") ? model.get("_state").lit : "";
    root.classList.toggle("is-sifted", Boolean(wanted) || open.checked || model.get("asking"));
    for (const { name, box, lines } of sections) {
      let some = false;
      for (const { facts, row, found } of lines) {
        const isFound = !wanted || found.includes(wanted) || name.includes(wanted);
        const isOpen = !open.checked || row.classList.contains("is-asked") || row.classList.contains("has-problem");
        row.hidden = model.get("asking") ? !facts.includes(lit) : !(isFound && isOpen);
        some ||= !row.hidden;
      }
      box.hidden = !some;
    }
  }

  // --- A record that is pasted, dropped or chosen -------------------------------------------------------------------

  const pasted = element("textarea", { className: "pw-control", rows: 2, placeholder: words.paste });
  pasted.setAttribute("aria-label", words.paste);
  const file = element("input", { type: "file", accept: ".json,.ndjson,.jsonl" });
  const refused = element("p", { className: "pw-bad" });
  refused.setAttribute("role", "alert");
  const record = element(
    "details",
    { className: "pw-details pw-record" },
    element("summary", {}, words.record),
    element("p", { className: "pw-off" }, words.record_lead),
    pasted,
    element("label", { className: "pw-check" }, element("span", {}, words.file), file),
    refused,
  );

  async function take(name, blob) {
    refused.textContent = blob.size > most ? words.large : "";
    openLists = blob.size <= most;
    if (openLists) model.send({ record: name }, undefined, [await blob.arrayBuffer()]);
  }

  pasted.addEventListener("input", () => {
    const text = pasted.value.trim();
    if (!/[}\]]$/.test(text)) return; // not whole yet
    pasted.value = ""; // it holds names
    take(words.pasted, new Blob([text]));
  });
  file.addEventListener("change", () => {
    if (file.files.length) take(file.files[0].name, file.files[0]);
    file.value = "";
  });
  root.addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  root.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files[0].name, event.dataTransfer.files[0]);
  });

  // --- What comes from the kernel -----------------------------------------------------------------------------------

  function entered() {
    const seen = model.get("_seen")[view] ?? 0;
    for (const [name, number] of pending) if (number <= seen) pending.delete(name);
    for (const [name, field] of fields) {
      if (pending.has(name) || field.isBusy() || field.read() === value(name)) continue;
      field.write(value(name));
    }
  }

  function answered() {
    const state = model.get("_state");
    if (!state.facts) return;
    sections.forEach(({ count, railed, none, lines, link }, place) => {
      const { said, short, findings, sets } = state.groups[place];
      count.textContent = said;
      railed.textContent = short;
      link.classList.toggle("is-done", !short.includes("/"));
      none.hidden = findings < 2;
      none.textContent = `${words.none} (${findings})`;
      none.title = sets;
      for (const one of lines) mark(one, state);
    });
    rest.hidden = state.rest.length < 2;
    rest.textContent = `${words.rest} (${state.rest.length})`;
    restList.replaceChildren(...state.rest.map((text) => element("li", {}, text)));
    if (state.rest.length < 2) unfold(rest, restBox, false);
    showStatements(state.statements);
    takeBack.hidden = !state.together;
    takeBack.textContent = state.together;
    if (openLists && (state.rest.length > 1 || state.statements.length)) {
      openLists = false;
      unfold(rest, restBox, state.rest.length > 1);
      unfold(judge, judgeBox, state.statements.length > 0);
    }
    question(state);
    sift();
  }

  function mark({ facts, row, limit, note, marks, problem }, state) {
    const own = facts.map((name) => state.facts[name]);
    row.classList.toggle("is-asked", own.some((one) => one[ASKED]));
    row.classList.toggle("is-lit", facts.includes(state.lit));
    row.classList.toggle("is-answered", facts.some((name) => value(name)));
    row.classList.toggle("has-problem", own.some((one) => one[PROBLEM]));
    limit.textContent = own[0][LIMIT];
    note.textContent = own[0][NOTE];
    const rules = own[0][RULES].map(([text, kind, title]) => element("span", { className: `pw-${kind}`, title }, text));
    marks.replaceChildren(...rules);
    const said = own.map((one) => one[PROBLEM]).filter(Boolean).join(" ");
    if (problem.textContent !== said) problem.textContent = said;
    facts.forEach((name, place) => {
      for (const input of fields.get(name).inputs) input.setAttribute("aria-invalid", String(Boolean(own[place][PROBLEM])));
    });
  }

  function question(state) {
    const asking = model.get("asking");
    root.classList.toggle("is-asking", asking);
    ask.textContent = asking ? words.whole : words.ask;
    ask.setAttribute("aria-pressed", String(asking));
    asked.hidden = !asking;
    askedWords.textContent = state.lit ? state.question : state.done;
    skip.hidden = !state.lit;
    const isNew = asking && state.lit && state.lit !== shownIn;
    shownIn = asking ? state.lit : "";
    if (isNew) requestAnimationFrame(() => fields.get(shownIn)?.focus());
  }

  function jump(event) {
    const name = event.target.closest?.("a[data-fact]")?.dataset.fact;
    const field = fields.get(name);
    if (!field || !root.checkVisibility?.()) return;
    event.preventDefault();
    event.stopPropagation();
    all();
    sections.find(({ box }) => box.contains(field.row)).show(true);
    field.row.scrollIntoView({ block: "center" });
    field.focus();
  }

  const rail = element("nav", { className: "pw-rail", "aria-label": words.groups });
  const boxes = groups.map(section);
  rail.append(...sections.map(({ link }) => link));
  root.append(record, tools, restBox, judgeBox, asked, rail, element("div", { className: "pw-groups" }, ...boxes));
  entered();
  answered();
  model.on("change:value change:_seen", entered);
  model.on("change:_state change:asking", answered);
  document.addEventListener("click", jump, true);
  const page = root.closest(".pw-page");
  const bar = page?.querySelector(".pw-verdict-bar");
  const measured = new ResizeObserver(() => page.style.setProperty("--pw-bar", `${bar.offsetHeight}px`));
  if (bar) measured.observe(bar);
  return () => {
    measured.disconnect();
    document.removeEventListener("click", jump, true);
  };
}

export default { render };
