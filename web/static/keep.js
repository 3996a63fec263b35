// Copying, saving and judging answers.

/** Say it to a screen reader, and show it for a moment where a button was pressed. */
export function announce(text, beside = null) {
  document.getElementById("status").textContent = text;
  if (!beside) return;
  const said = document.createElement("span");
  said.className = "said";
  said.textContent = text;
  beside.after(said);
  setTimeout(() => said.remove(), 2000);
}

async function copy(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied", beside);
  } catch {
    announce("The browser does not let this page copy", beside);
  }
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-copy], a[data-copy-address], [data-copy-answer]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if ("copyAnswer" in link.dataset) {
    await copy(link.closest(".answer").querySelector(".markdown").textContent, link);
  } else if ("copyAddress" in link.dataset) {
    await copy(link.href, link);
  } else {
    const reply = await fetch(link.href).catch(() => null);
    if (reply?.ok) await copy(await reply.text(), link);
    else announce("This could not be fetched: try again", link);
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form.feedback");
  if (!form) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  const reply = await fetch(form.action, { method: "POST", body: fields }).catch(() => null);
  if (!reply?.ok) {
    announce("This could not be sent: try again", event.submitter);
    return;
  }
  const thanks = document.createElement("p");
  thanks.className = "facts";
  thanks.tabIndex = -1;
  thanks.textContent = "Thank you. This is kept with the answer.";
  form.replaceWith(thanks);
  thanks.focus();
});

document.getElementById("save")?.addEventListener("click", () => {
  const answers = [...document.querySelectorAll("#conversation .markdown")].map((one) => one.textContent);
  const text = `# Questions to the press releases\n\n${answers.join("\n")}`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  link.download = "conversation.md";
  link.click();
  URL.revokeObjectURL(link.href);
});
