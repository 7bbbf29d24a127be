// The import's form: drops, a preview as soon as there is a file, and how much of it was sent. Without it the form sends the
// file as forms do, and asks for it again where something has to be chosen.
"use strict";

const form = document.getElementById("import");
const { file, pasted } = form.elements;
const zone = document.getElementById("drop");
const columns = document.getElementById("columns");
const said = document.getElementById("said");
const progress = document.getElementById("progress");

// Rows first, then what the columns hold, then what becomes of them: forms without script need the file at their end.
form.prepend(document.getElementById("source-of-rows"), columns);
document.getElementById("source-title").after(zone);
document.getElementById("look").hidden = true;

for (const kind of ["dragenter", "dragover"]) {
  zone.addEventListener(kind, (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("over"));
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length === 0) return;
  const one = new DataTransfer();
  one.items.add(event.dataTransfer.files[0]);
  file.files = one.files;
  file.dispatchEvent(new Event("change", { bubbles: true }));
});

// The form's fields with the file at the end, where the server reads it as it comes.
function fields(content) {
  const data = new FormData(form);
  data.delete(file.name);
  if (content) data.append(file.name, content, file.files[0].name);
  return data;
}

// The beginning of a text; the whole of a workbook, whose directory is at its end.
async function beginning(chosen) {
  const head = await chosen.slice(0, 2).text();
  return head === "PK" ? chosen : chosen.slice(0, Number(form.dataset.look));
}

// What a page says in answer: its notice, its columns, and what is wrong with fields, but for the one that is being changed.
function take(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const answer = page.getElementById("import");
  if (!answer) {
    tell(page.querySelector("main")?.innerText ?? form.dataset.broken);
    return;
  }
  said.replaceChildren(...page.getElementById("said").childNodes);
  const focused = document.activeElement;
  if (page.querySelector("#columns table")) columns.replaceChildren(...page.getElementById("columns").childNodes);
  for (const field of answer.querySelectorAll("#options .field")) {
    const id = field.querySelector("[name]").id;
    if (id !== focused.id) document.getElementById(id).closest(".field").replaceWith(field);
  }
  keep(focused);
  document.getElementById("seen").textContent = document.getElementById("understood")?.innerText ?? ""; // is read aloud
  if (form.querySelector("details .fault")) form.querySelector("details").open = true;
}

// keep puts a control of the columns back that somebody is at, with what was typed since, and what is wrong now.
function keep(control) {
  const other = control.id && document.getElementById(control.id);
  if (!other || other === control) return;
  for (const name of ["aria-invalid", "aria-describedby"]) control.toggleAttribute(name, false);
  for (const { name, value } of other.attributes) if (name.startsWith("aria-")) control.setAttribute(name, value);
  other.replaceWith(control);
  control.focus();
}

// tell shows what went wrong on the way.
function tell(text) {
  const box = document.createElement("div");
  box.className = "notice alarm";
  box.setAttribute("role", "alert");
  box.textContent = text;
  said.replaceChildren(box);
  said.scrollIntoView({ block: "nearest" });
}

let looking; // the preview under way
let soon; // the timer of the next one

// stop gives up the preview under way, and the next one.
function stop() {
  clearTimeout(soon);
  looking?.abort();
}

async function look() {
  stop();
  const mine = (looking = new AbortController());
  const chosen = file.files[0];
  if (!chosen && pasted.value.trim() === "") {
    columns.replaceChildren();
    said.replaceChildren();
    return;
  }
  try {
    const body = fields(chosen && (await beginning(chosen)));
    const answer = await fetch(form.dataset.preview, { method: "POST", body, signal: mine.signal, headers: { "HX-Request": "true" } });
    const to = answer.headers.get("HX-Redirect");
    const text = await answer.text();
    if (mine.signal.aborted) return;
    if (to) location.assign(to);
    else take(text);
  } catch {
    if (!mine.signal.aborted) tell(form.dataset.broken);
  }
}

form.addEventListener("change", (event) => {
  if (event.target === file || event.target === pasted) columns.replaceChildren(); // what was chosen was of other columns
  stop();
  soon = setTimeout(look, 200); // who goes through a list by keys changes it often
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = file.files[0];
  if (chosen && chosen.size > Number(form.dataset.most)) {
    tell(form.dataset.large);
    return;
  }
  stop();
  send(event.submitter?.getAttribute("formaction") ?? form.action, fields(chosen));
});

// send has the whole file on its way, and shows how much of it is.
function send(to, body) {
  const request = new XMLHttpRequest();
  const bar = progress.querySelector("progress");
  const status = progress.querySelector("[role=status]");
  const busy = (is) => {
    progress.hidden = !is;
    for (const section of form.querySelectorAll("section")) section.inert = is;
    for (const button of form.querySelectorAll(".acts button")) button.disabled = is;
  };
  busy(true);
  request.upload.addEventListener("progress", (event) => {
    const percent = event.lengthComputable ? Math.floor((100 * event.loaded) / event.total) : 0;
    bar.value = percent;
    status.textContent = percent < 100 ? form.dataset.sending.replace("%s", percent) : form.dataset.working;
  });
  request.addEventListener("load", () => {
    const next = request.getResponseHeader("HX-Redirect");
    if (next) {
      location.assign(next);
      return;
    }
    busy(false);
    take(request.responseText);
    said.focus();
  });
  request.addEventListener("error", () => {
    busy(false);
    tell(form.dataset.broken);
  });
  request.open("POST", to);
  request.setRequestHeader("HX-Request", "true");
  request.send(body);
}

// What the browser kept of a form that was left.
if (file.files.length > 0 || pasted.value.trim() !== "") look();
