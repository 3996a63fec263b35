// Which questions were asked, in this browser's own store and nowhere else.
const KEY = "asked";
const MOST = 30;

function stored() {
  try {
    const list = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter((one) => typeof one === "string" && one.startsWith("/?")) : [];
  } catch {
    return []; // a frame on another site may have no store
  }
}

function store(list) {
  try {
    localStorage.setItem(KEY, JSON.stringify(list.slice(0, MOST)));
  } catch {
    // full, or none: then nothing is remembered
  }
}

/** A conversation is known by its first question: going on with it moves it to the top. */
function first(address) {
  const asked = new URLSearchParams(address.slice(2));
  return asked.get("before") ?? asked.get("q") ?? "";
}

export function remember(address) {
  store([address, ...stored().filter((one) => first(one) !== first(address))]);
}

export function showHistory() {
  const section = document.getElementById("history");
  const list = stored();
  if (!section || !list.length) return;
  section.querySelector("ul").replaceChildren(
    ...list.map((address) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const more = new URLSearchParams(address.slice(2)).getAll("before").length;
      link.href = address;
      link.textContent = first(address);
      item.append(link);
      if (more) {
        const facts = document.createElement("span");
        facts.className = "facts";
        facts.textContent = ` and ${more} more`;
        item.append(facts);
      }
      return item;
    }),
  );
  section.hidden = false;
  document.getElementById("clear").addEventListener("click", () => {
    store([]);
    section.hidden = true;
    document.getElementById("q")?.focus();
  });
}
