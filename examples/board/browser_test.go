package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	chromelog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// window is a window of a browser. It records what the console says and how requests are answered.
type window struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	console  []string
	urls     map[network.RequestID]string
	statuses map[network.RequestID]int
}

// startBrowser starts a headless browser with one window. The test is skipped if the machine has none.
func startBrowser(t *testing.T) *window {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
	var path string
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no browser: looked for ", strings.Join(names, ", "))
	}
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.WindowSize(1100, 800))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // the sandbox refuses to run as root
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	return newWindow(t, ctx)
}

func newWindow(t *testing.T, parent context.Context) *window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(func() {
		defer cancel()
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
	})
	w := &window{t: t, ctx: ctx, urls: map[network.RequestID]string{}, statuses: map[network.RequestID]int{}}
	if err := chromedp.Listen(ctx, w.record); err != nil {
		t.Fatal(err)
	}
	_, networkErr := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	_, logErr := chromedp.Call(ctx, chromelog.Enable, cdp.Empty{})
	_, runtimeErr := chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	if err := errors.Join(networkErr, logErr, runtimeErr); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *window) record(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			w.console = append(w.console, string(arg.Value))
		}
	case *runtime.EventExceptionThrown:
		w.console = append(w.console, e.ExceptionDetails.Text)
	case *chromelog.EventEntryAdded:
		w.console = append(w.console, e.Entry.Text+" "+e.Entry.URL)
	case *network.EventRequestWillBeSent:
		w.urls[e.RequestID] = e.Request.URL
	case *network.EventResponseReceivedExtraInfo: // has 304, which EventResponseReceived shows as 200
		w.statuses[e.RequestID] = int(e.StatusCode) // may come before EventRequestWillBeSent
	}
}

// waitForStatus waits until a request of one of the windows for a URL has been answered with a status.
func waitForStatus(t *testing.T, url string, status int, windows ...*window) {
	t.Helper()
	if got := statusesOf(url, status, time.Minute, windows...); !slices.Contains(got, status) {
		t.Fatalf("%s was answered with %v, want %d", url, got, status)
	}
}

// statusesOf returns the statuses of the answers to requests for a URL. It waits until the wanted one is among them.
func statusesOf(url string, wanted int, limit time.Duration, windows ...*window) (got []int) {
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		got = nil
		for _, w := range windows {
			w.mu.Lock()
			for id, status := range w.statuses {
				if w.urls[id] == url {
					got = append(got, status)
				}
			}
			w.mu.Unlock()
		}
		if slices.Contains(got, wanted) || time.Now().After(deadline) {
			return got
		}
	}
}

// run runs actions.
func (w *window) run(actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	get(w, chromedp.Steps(actions...))
}

// get runs an action and returns its result. The limit is a guard.
func get[T any](w *window, action chromedp.Action[T]) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

// eval returns the value of an expression of JavaScript.
func eval[T any](w *window, expression string) T {
	w.t.Helper()
	return get(w, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// waitFor waits until an expression of JavaScript is true.
func (w *window) waitFor(expression string) {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if eval[bool](w, "!!("+expression+")") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.t.Fatalf("never true: %s", expression)
}

func (w *window) open(url string) {
	w.t.Helper()
	w.run(chromedp.Navigate(url), chromedp.WaitVisible("#text"))
	w.waitForState("Live.")
}

func (w *window) waitForState(text string) {
	w.t.Helper()
	w.waitFor(fmt.Sprintf(`document.getElementById("state").textContent === %q`, text))
}

// send types a message and presses Enter.
func (w *window) send(author, text string) {
	w.t.Helper()
	w.run(
		chromedp.SetValue("#author", author),
		chromedp.SendKeys("#text", text+"\r"),
	)
}

// waitForMessage waits until the last message has a text.
func (w *window) waitForMessage(text string) {
	w.t.Helper()
	w.waitFor(fmt.Sprintf(`document.querySelector("#messages li:last-child")?.textContent.includes(%q)`, text))
}

func (w *window) checkConsole() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.console) > 0 {
		w.t.Errorf("the console says %q, want nothing", w.console)
	}
}

// screenshot saves what the window shows, if BOARD_SCREENSHOTS names a directory.
func (w *window) screenshot(name string) {
	w.t.Helper()
	dir := os.Getenv("BOARD_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), get(w, chromedp.CaptureScreenshot()), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func TestBrowser(t *testing.T) {
	s := start(t)
	callbacks := startBrowser(t)
	coroutines := newWindow(t, callbacks.ctx)
	callbacks.open(s.url + "/callbacks/")
	coroutines.open(s.url + "/coroutines/")

	callbacks.send("ann", "Hello from the callbacks")
	coroutines.waitForMessage("Hello from the callbacks")
	coroutines.send("bob", "Hello from the coroutines")
	callbacks.waitForMessage("Hello from the coroutines")
	callbacks.send("ann", "<b>not markup</b>")
	coroutines.waitForMessage("<b>not markup</b>")

	// The browser makes a picture and a video itself, and uploads them like files that the user has chosen.
	for _, file := range []struct{ make, tag string }{{makePicture, "img"}, {makeVideo, "video"}} {
		eval[chromedp.Void](coroutines, file.make)
		eval[chromedp.Void](coroutines, `window.bar = []; new MutationObserver(() => bar.push(!document.getElementById("progress").hidden)).observe(document.getElementById("progress"), {attributes: true})`)
		coroutines.run(chromedp.Click("#send"))
		callbacks.waitFor(fmt.Sprintf(`document.querySelector("#messages li:last-child %s")`, file.tag))
		coroutines.waitFor(`document.getElementById("outcome").textContent === "Sent."`)
		coroutines.waitFor(`bar.includes(true) && document.getElementById("progress").hidden`) // the progress bar
	}
	const picture, video = `document.querySelector("#messages img")`, `document.querySelector("#messages video")`
	callbacks.waitFor(picture + `.complete && ` + picture + `.naturalWidth === 320`)
	callbacks.waitFor(video + `.readyState >= 1 && ` + video + `.videoWidth === 320`)
	pictureURL, videoURL := eval[string](callbacks, picture+".src"), eval[string](callbacks, video+".src")
	// The windows share a cache, so one of them gets the video from the server.
	waitForStatus(t, videoURL, http.StatusPartialContent, callbacks, coroutines)
	// Chromium does not always report the status of a request that a reload sends, so the page may be reloaded again.
	for try := 1; ; try++ {
		callbacks.run(chromedp.Reload())
		callbacks.waitForState("Live.")
		callbacks.waitFor(picture + `?.complete && ` + picture + `.naturalWidth === 320`)
		got := statusesOf(pictureURL, http.StatusNotModified, 5*time.Second, callbacks)
		if slices.Contains(got, http.StatusNotModified) {
			break
		}
		if try == 5 {
			t.Fatalf("%s was answered with %v after %d reloads, want 304", pictureURL, got, try)
		}
	}

	// The panel.
	coroutines.run(chromedp.Click("#work"))
	coroutines.waitFor(`Number(document.getElementById("rate").textContent) > 100`)
	coroutines.waitFor(`document.querySelector("#chart-busy polyline").points.numberOfItems >= 5`)
	if got := coroutines.text("windows"); got != "2" {
		t.Errorf("got %q open windows, want 2", got)
	}
	if got := coroutines.text("cursors"); got != "2" {
		t.Errorf("got %q open cursors, want 2", got)
	}
	coroutines.waitFor(`!document.getElementById("work").disabled`)
	coroutines.screenshot("board")
	coroutines.run(chromedp.EmulateViewport(390, 844))
	coroutines.waitFor(`document.documentElement.scrollWidth <= 390`) // readable without scrolling sideways
	coroutines.screenshot("phone")

	// The server stops and starts.
	if err := s.proxy.Stop(); err != nil {
		t.Fatal(err)
	}
	callbacks.waitForState("The database does not answer. Trying again.")
	coroutines.waitForState("The database does not answer. Trying again.")
	coroutines.screenshot("offline")
	if err := s.proxy.Resume(); err != nil {
		t.Fatal(err)
	}
	callbacks.waitForState("Live.")
	coroutines.waitForState("Live.")
	coroutines.send("bob", "Here again")
	callbacks.waitForMessage("Here again")
	for _, w := range []*window{callbacks, coroutines} {
		if got := eval[string](w, unnamedControls); got != "" {
			t.Errorf("elements without a name for a screen reader: %s", got)
		}
		if got := eval[string](w, repeatedMessages); got != "" {
			t.Errorf("messages that are shown twice: %s", got)
		}
		w.checkConsole()
	}
}

func (w *window) text(id string) string {
	w.t.Helper()
	return eval[string](w, fmt.Sprintf("document.getElementById(%q).textContent", id))
}

const unnamedControls = `[...document.querySelectorAll("input, textarea, button, progress, svg, img")].filter(element =>
	!element.labels?.length && !element.getAttribute("aria-label") && !element.alt && !element.textContent.trim()).map(element => element.outerHTML).join()`

const repeatedMessages = `[...document.querySelectorAll("#messages p:nth-child(2)")].map(p => p.textContent).filter((text, i, all) => all.indexOf(text) !== i).join()`

// makePicture chooses a picture as a user would, in the field of the form.
const makePicture = `(async () => {
	const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 180});
	const context = canvas.getContext("2d");
	for (let x = 0; x < 320; x += 4) {
		context.fillStyle = "hsl(" + x + " 80% 55%)";
		context.fillRect(x, 90 + 60 * Math.sin(x / 25) - 40, 4, 80);
	}
	const blob = await new Promise(resolve => canvas.toBlob(resolve, "image/png"));
	const files = new DataTransfer();
	files.items.add(new File([blob], "picture.png", {type: blob.type}));
	document.getElementById("picture").files = files.files;
})()`

// makeVideo records a second of a changing picture and chooses the video in the field of the form.
const makeVideo = `(async () => {
	const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 180});
	const context = canvas.getContext("2d");
	const recorder = new MediaRecorder(canvas.captureStream(25), {mimeType: "video/webm"});
	const parts = [];
	recorder.ondataavailable = event => parts.push(event.data);
	const stopped = new Promise(resolve => recorder.onstop = resolve);
	recorder.start();
	for (let i = 0; i < 40; i++) {
		context.fillStyle = "hsl(" + 9 * i + " 80% 55%)";
		context.fillRect(0, 0, 320, 180);
		await new Promise(resolve => setTimeout(resolve, 25));
	}
	recorder.stop();
	await stopped;
	const files = new DataTransfer();
	files.items.add(new File(parts, "video.webm", {type: "video/webm"}));
	document.getElementById("picture").files = files.files;
})()`
