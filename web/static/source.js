// A citation opens its release beside the answer: at its side on a wide screen, as a sheet on a small one.
const dialog = document.getElementById("source");
const text = document.getElementById("source-text");
const title = document.getElementById("source-title");
const whole = document.getElementById("whole");
const previous = document.getElementById("previous");
const next = document.getElementById("next");
const wide = matchMedia("(min-width: 75em)");
const GONE = {
  404: "This release is not in the index any more. It was replaced after the answer was given.",
  410: "This release was withdrawn after the answer was given.",
};
let open = null; // the citation that is open
let loaded = ""; // the address of the release that is shown, or on its way
let arrival = null; // when it is there
let opener = null; // what gets the focus back
let leaving = false; // a step back that only undoes the opening

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.n, .quote a.release");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  opener = link;
  show(citationOf(link));
});

/** The numbered citation that a link stands for: a direct answer and a caption open their quote's. */
function citationOf(link) {
  const number = link.textContent.match(/^\[(\d+)\]$/)?.[1];
  const scope = link.closest(".quote") ?? link.closest(".answer");
  return scope.querySelector(number ? `a.n[data-n="${number}"]` : "a.n[data-n]") ?? link;
}

function siblings() {
  return [...open.closest(".answer").querySelectorAll("a.n[data-n]")];
}

async function show(citation) {
  open?.removeAttribute("aria-current");
  open = citation;
  open.setAttribute("aria-current", "true");
  const address = new URL(citation.href);
  whole.href = citation.href;
  if (document.body.classList.contains("embed")) whole.target = "_blank";
  const all = siblings();
  const at = all.indexOf(citation);
  title.textContent = `Source ${at + 1} of ${all.length}`;
  previous.disabled = at === 0;
  next.disabled = at === all.length - 1;
  if (!dialog.open) {
    if (wide.matches) dialog.show();
    else dialog.showModal();
    document.body.classList.toggle("reading", wide.matches);
    text.focus({ preventScroll: true });
    history.pushState({ source: true }, "");
  }
  if (loaded !== address.pathname + address.search) arrival = load(address);
  await arrival;
  if (open === citation) point(decodeURIComponent(address.hash.slice(1)));
}

async function load(address) {
  loaded = address.pathname + address.search;
  text.setAttribute("aria-busy", "true");
  const separator = address.search ? "&" : "?";
  const reply = await fetch(`${loaded}${separator}beside=1`, { headers: { Accept: "text/html" } }).catch(() => null);
  if (loaded !== address.pathname + address.search) return;
  if (reply?.ok) {
    const parsed = new DOMParser().parseFromString(await reply.text(), "text/html");
    text.replaceChildren(document.adoptNode(parsed.querySelector("article")));
  } else {
    say(GONE[reply?.status] ?? "The service cannot be reached. Close this and try again.");
    loaded = "";
  }
  text.removeAttribute("aria-busy");
}

/** Scroll to the quote; if other words stand there by now, say so. */
function point(id) {
  if (!loaded) return;
  const span = id.replace("char=", "");
  const marks = [...text.querySelectorAll("mark")];
  const own = marks.filter((mark) => mark.dataset.of.split(" ").includes(span));
  marks.forEach((mark) => mark.classList.toggle("current", own.includes(mark)));
  const quoted = open.closest(".quote")?.querySelector(".words").textContent ?? "";
  const stands = own.map((mark) => mark.textContent).join("");
  if (plain(stands) !== plain(quoted)) {
    say("This release was changed after the answer was given: the quote does not stand where it stood.", true);
    return;
  }
  own[0].scrollIntoView({ block: "center" });
}

function plain(words) {
  return words.replace(/\s+/g, " ").trim();
}

function say(message, above = false) {
  const note = document.createElement("p");
  note.className = "problem";
  note.setAttribute("role", "alert");
  note.textContent = message;
  text.querySelector(".problem")?.remove();
  if (above) text.prepend(note);
  else text.replaceChildren(note);
  text.scrollTop = 0;
}

function step(by) {
  const to = open && siblings()[siblings().indexOf(open) + by];
  if (!to) return;
  opener = to;
  show(to);
}

/** The way back of a browser or a phone closes the source too: opening it was a step in the history. */
function close() {
  const back = history.state?.source;
  shut();
  leaving = back;
  if (back) history.back();
}

addEventListener("popstate", (event) => {
  if (leaving) event.stopImmediatePropagation(); // nothing else is to move
  else if (dialog.open && !event.state?.source) {
    event.stopImmediatePropagation();
    shut();
  }
  leaving = false;
});

/** The focus goes back at once: later it would be taken from what is typed by then. */
function shut() {
  dialog.close();
  document.body.classList.remove("reading");
  open?.removeAttribute("aria-current");
  open = null;
  opener?.focus({ preventScroll: true });
}

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) close(); // the backdrop of a sheet
});

document.getElementById("close").addEventListener("click", close);
previous.addEventListener("click", () => step(-1));
next.addEventListener("click", () => step(1));

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const citation = event.target.closest?.("a.n[data-n]");
  if (event.key === "Escape") {
    if (dialog.open && !dialog.matches(":modal")) close();
    else event.target.closest?.("a.n")?.classList.add("dismissed");
  } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const by = event.key === "ArrowRight" ? 1 : -1;
    if (dialog.open && (dialog.contains(event.target) || citation)) {
      event.preventDefault();
      step(by);
    } else if (citation) {
      const all = [...citation.closest(".answer").querySelectorAll("a.n[data-n]")];
      all[all.indexOf(citation) + by]?.focus();
    }
  }
});

/** The passage pointed at opens upwards where there is no room for it below. */
function placePeek(event) {
  const figure = event.target.closest?.("a.n[data-n]")?.closest(".quote");
  if (!figure) return;
  const room = innerHeight - document.getElementById("ask").offsetHeight - figure.getBoundingClientRect().bottom;
  figure.classList.toggle("above", room < 140);
}

document.addEventListener("focusin", placePeek);
document.addEventListener("mouseover", placePeek);
document.addEventListener("focusout", (event) => event.target.classList?.remove("dismissed"));
