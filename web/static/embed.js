// <script src="…/embed.js"></script> puts the box where the script stands.
// data-question asks at once; data-height is the frame's height in pixels.
(() => {
  const script = document.currentScript;
  const address = new URL("/", script.src);
  address.searchParams.set("embed", "1");
  if (script.dataset.question) address.searchParams.set("q", script.dataset.question);
  const frame = document.createElement("iframe");
  frame.src = address.href;
  frame.title = "Ask the press releases";
  frame.allow = "clipboard-write";
  frame.style.width = "100%";
  frame.style.height = `${Number(script.dataset.height) || 640}px`;
  frame.style.border = "0";
  script.after(frame);
})();
