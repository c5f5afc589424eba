"use strict";

const $ = id => document.getElementById(id);
const form = $("form"), list = $("messages");

// Messages. Server-sent events bring them. The browser connects again by itself, and gets what it has missed.
const events = new EventSource("events");
let reached = false; // whether the program answers
let database = { online: false, error: "" };

function showState() {
  let state = "online", text = "Live.";
  if (!reached) {
    state = "offline";
    text = "The connection to the program is lost. Trying again.";
  } else if (!database.online) {
    state = database.error ? "offline" : "connecting";
    text = database.error ? "The database does not answer. Trying again." : "Connecting.";
  }
  const element = $("state");
  if (element.textContent !== text) element.textContent = text; // a screen reader reads each change
  element.dataset.state = state;
  element.title = database.error || "";
  $("source").textContent = database.source || "–";
}

events.addEventListener("open", () => { reached = true; showState(); });
events.addEventListener("error", () => { reached = false; showState(); });
events.addEventListener("state", event => { database = JSON.parse(event.data); showState(); });
events.addEventListener("message", event => showMessage(JSON.parse(event.data)));
events.addEventListener("stats", event => showStats(JSON.parse(event.data)));

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function showMessage(message) {
  const id = "m" + message.id;
  if ($(id)) return;
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 40;
  const toEnd = () => { if (atEnd) list.scrollTop = list.scrollHeight; };
  const item = element("li", { id });
  const head = element("p");
  head.append(element("strong", { textContent: message.author }));
  head.append(element("time", { dateTime: message.at, textContent: new Date(message.at).toLocaleTimeString() }));
  item.append(head);
  if (message.text) item.append(element("p", { textContent: message.text }));
  if (message.picture) {
    const src = "/files/" + message.picture;
    if (message.type.startsWith("video/")) {
      item.append(element("video", { src, controls: true, preload: "metadata", onloadedmetadata: toEnd }));
    } else {
      item.append(element("img", { src, alt: "Picture of " + message.author, onload: toEnd }));
    }
  }
  list.append(item);
  while (list.children.length > 200) list.firstChild.remove();
  toEnd();
}

// Sending. XMLHttpRequest tells how much of the file is sent; the program receives it no faster than the server saves it.
function say(text, failed) {
  $("outcome").textContent = text;
  $("outcome").className = failed ? "error" : "";
}

function post(path, body, onprogress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "json";
    if (onprogress) request.upload.onprogress = onprogress;
    request.onload = () => request.status === 204 ? resolve() : reject(new Error(request.response?.error || "The program answered " + request.status + "."));
    request.onerror = () => reject(new Error("The program does not answer."));
    request.send(body);
  });
}

form.addEventListener("submit", async event => {
  event.preventDefault();
  const file = $("picture").files[0];
  if (file && file.size > $("picture").dataset.limit - 16384) { // the rest of the form
    say("The file is larger than " + ($("picture").dataset.limit >> 20) + " MiB.", true);
    return;
  }
  const data = new FormData();
  data.append("author", $("author").value);
  data.append("text", $("text").value);
  if (file) data.append("picture", file);
  const bar = $("progress");
  bar.value = 0;
  bar.hidden = !file;
  $("send").disabled = true;
  say(file ? "Uploading." : "");
  try {
    await post("messages", data, event => { bar.value = 100 * event.loaded / event.total; });
    $("text").value = $("picture").value = "";
    say("Sent.");
  } catch (error) {
    say(error.message, true); // the text stays in the form
  } finally {
    bar.hidden = true;
    $("send").disabled = false;
    $("text").focus();
  }
});

$("text").addEventListener("keydown", event => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

// The panel.
const samples = [], shown = 120; // two samples a second

function draw(chart, keys) {
  const top = Math.max(1, ...samples.flatMap(s => keys.map(key => s[key])));
  keys.forEach((key, i) => {
    const points = samples.map((s, x) => `${300 - (samples.length - 1 - x) * 300 / (shown - 1)},${78 - 76 * s[key] / top}`);
    $(chart).children[i].setAttribute("points", points.join(" "));
  });
}

function showStats(stats) {
  samples.push(stats);
  if (samples.length > shown) samples.shift();
  $("running").textContent = `${stats.running} of ${stats.slots}`;
  $("queued").textContent = stats.queued;
  $("wait").textContent = stats.wait.toFixed(1) + " ms";
  $("rate").textContent = stats.done * 2;
  $("cursors").textContent = stats.cursors;
  $("lag").textContent = stats.lag.toFixed(1) + " ms";
  $("windows").textContent = stats.windows;
  draw("chart-busy", ["running", "queued"]);
  draw("chart-time", ["wait", "lag"]);
}

$("work").addEventListener("click", async () => {
  $("work").disabled = true;
  try {
    await post("work");
  } catch (error) {
    say(error.message, true);
  } finally {
    $("work").disabled = false;
  }
});
