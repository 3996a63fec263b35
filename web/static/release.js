// An address such as /releases/wire-1#char=12,40 marks that span; the server does not see it, so it is told.
import "./keep.js";

function mark() {
  const span = decodeURIComponent(location.hash).match(/^#(char=\d+,\d+)$/)?.[1];
  if (span && !document.getElementById(span)) location.replace(`${location.pathname}?${span}#${span}`);
}

// a span that holds nothing is marked by nobody: asking once more would go on for ever
if (!location.search.includes("char=")) mark();
addEventListener("hashchange", mark);
