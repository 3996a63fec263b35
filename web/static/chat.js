// Asks without leaving the page: the same addresses as the form's and the links', read as a stream.
// Everything here only adds to what works without it.
import { events } from "./events.js";
import { announce } from "./keep.js";
import { remember, showHistory } from "./history.js";
import "./source.js";

const REMEMBERED = 8;
const SLOW_MS = 300; // progress that is gone sooner only flickers
const form = document.getElementById("ask");
const box = document.getElementById("q");
const stop = document.getElementById("stop");
const carried = document.getElementById("carried");
const conversation = document.getElementById("conversation");
const filters = form.querySelector(".filters");
let running = null;

document.documentElement.classList.add("scripted");
showHistory();
const here = new URLSearchParams(location.search);
if (here.get("q") && conversation.querySelector(".answer[data-address]")) {
  remember(canonical(location.search));
}
for (const answer of conversation.querySelectorAll(".answer[data-address]")) {
  answer.closest(".turn").dataset.address = canonical(answer.dataset.address.slice(1));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (box.value.trim()) ask(addressOf(new FormData(form)));
});

stop.addEventListener("click", () => running?.abort());

box.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) {
    event.preventDefault();
    running.abort();
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-ask]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if ("alone" in link.dataset) carry([]);
  ask(link.getAttribute("href"));
});

document.getElementById("main").addEventListener("click", (event) => {
  const again = event.target.closest("button.again");
  if (again) ask(again.dataset.address, again.closest(".turn"));
});

addEventListener("popstate", () => {
  const address = canonical(location.search);
  const turn = [...conversation.querySelectorAll(".turn")].findLast((one) => one.dataset.address === address);
  if (turn) turn.scrollIntoView({ block: "start" });
  else location.reload();
});

/** One address for one question, however its characters were escaped. */
function canonical(search) {
  return `/?${new URLSearchParams(search)}`;
}

function addressOf(fields) {
  const pairs = [...fields].filter(([, value]) => value.trim());
  return `/?${new URLSearchParams(pairs)}`;
}

/** Ask what the address asks, as a new turn or once more in an old one. */
async function ask(address, turn = null) {
  running?.abort();
  const controller = (running = new AbortController());
  address = canonical(address.slice(1));
  const question = new URLSearchParams(address.slice(2)).get("q") ?? "";
  turn = begin(turn, address, question);
  const answer = turn.querySelector(".answer");
  const progress = answer.querySelector(".progress");
  const late = setTimeout(() => progress.classList.add("late"), SLOW_MS);
  let done = false;
  try {
    const reply = await fetch(address, {
      headers: { Accept: "text/event-stream" },
      signal: controller.signal,
    });
    if (!reply.headers.get("content-type")?.startsWith("text/event-stream")) {
      const problem = await reply.json().catch(() => ({ title: "Something went wrong", detail: reply.statusText }));
      fail(turn, address, problem);
      return;
    }
    for await (const { name, data } of events(reply.body)) {
      if (name === "status" || name === "passages") {
        progress.textContent = data.text;
        announce(data.text);
      } else if (name === "answer") {
        show(turn, data.html);
        const first = turn.querySelector(".direct, .words")?.textContent ?? "";
        announce(`${data.title}: ${first}`);
        settle(address, question);
        done = true;
      } else if (name === "error") {
        fail(turn, address, data);
        done = true;
      }
    }
    if (!done) throw new TypeError("the stream was cut off");
  } catch (error) {
    if (done) {
      // it is answered: what comes after does not matter
    } else if (controller.signal.aborted) {
      const other = running !== controller; // the next question stopped this one, and is not to be disturbed
      fail(turn, address, { title: "Stopped", detail: "You stopped this question." }, !other);
    } else {
      fail(turn, address, {
        title: "The service cannot be reached",
        detail: "Your question is kept here. Once the connection is back, ask it again.",
      });
    }
  } finally {
    clearTimeout(late);
    if (running === controller) {
      running = null;
      stop.hidden = true;
    }
  }
}

function begin(old, address, question) {
  const turn = document.getElementById("turn").content.firstElementChild.cloneNode(true);
  turn.dataset.address = address;
  turn.querySelector(".question").textContent = question;
  if (old) old.replaceWith(turn);
  else conversation.append(turn);
  document.querySelectorAll(".start").forEach((part) => (part.hidden = true));
  const heading = document.querySelector("h1");
  heading.className = "unseen";
  document.body.classList.add("talking");
  form.querySelector("label[for=q]").textContent = "Go on from here";
  history.scrollRestoration = "manual"; // a step in the history goes to its question
  if (canonical(location.search) !== address) history.pushState(null, "", address);
  document.title = `${question.slice(0, 60)} – Ask the press releases`;
  box.value = "";
  stop.hidden = false;
  turn.scrollIntoView({ block: "start" });
  return turn;
}

/** Put a piece of the page's own, autoescaped HTML in the place of what waits for it. */
function show(turn, html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const answer = document.adoptNode(parsed.querySelector(".answer"));
  turn.querySelector(".answer").replaceWith(answer);
}

function fail(turn, address, problem, keep = true) {
  const trouble = document.getElementById("trouble").content.firstElementChild.cloneNode(true);
  trouble.querySelector("h3").textContent = problem.title;
  trouble.querySelector("p").textContent = problem.detail;
  trouble.querySelector(".again").dataset.address = address;
  turn.querySelector(".answer").replaceWith(trouble);
  if (!keep) return;
  if (!box.value) box.value = turn.querySelector(".question").textContent;
  announce(`${problem.title}. ${problem.detail}`);
}

/** An answered question is what the next one follows, and is remembered on this device. */
function settle(address, question) {
  const before = new URLSearchParams(address.slice(2)).getAll("before");
  carry([...before, question].slice(-REMEMBERED));
  remember(address);
  document.getElementById("export").hidden = false;
  if (!document.getElementById("anew")) newConversation();
}

function carry(questions) {
  carried.replaceChildren(
    ...questions.map((question) => {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "before", value: question });
      return field;
    }),
  );
}

function newConversation() {
  const link = document.createElement("a");
  Object.assign(link, { id: "anew", href: form.querySelector("[name=embed]") ? "/?embed=1" : "/" });
  link.textContent = "New conversation";
  document.getElementById("hint").replaceChildren(link);
}

filters.addEventListener("change", () => {
  // the address reflects the filters even before a question is asked
  if (!conversation.childElementCount) history.replaceState(null, "", addressOf(new FormData(form)));
});
