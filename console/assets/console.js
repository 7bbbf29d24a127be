// What pages do beyond what HTML and htmx do. Without it every page works: times are UTC, and nothing is asked twice.
"use strict";

// Times in the reader's own zone and form; the page's language decides on the form.
function localise(root) {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    time.title = time.textContent;
    time.textContent = form.format(new Date(time.dateTime));
  }
}

localise(document);

// htmx puts new parts into a page.
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) {
      if (node.nodeType === Node.ELEMENT_NODE) localise(node.parentNode ?? node);
    }
  }
}).observe(document.body, { childList: true, subtree: true });

// A form that asks before it does something that cannot be undone.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// What came of a form, or where to begin if it was refused.
(document.querySelector("[data-result]") ?? document.querySelector("[aria-invalid=true]"))?.focus();
