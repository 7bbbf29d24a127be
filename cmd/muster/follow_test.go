package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"muster/api/native"
)

// streaming is a client whose server answers each request with the next of some texts.
func streaming(texts ...string) *nativeClient {
	return &nativeClient{http: &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text := texts[0]
		texts = texts[1:]
		if text == "cut off" {
			panic(http.ErrAbortHandler)
		}
		if strings.HasPrefix(text, "{") {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, text)
	})}}}
}

func TestEventsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	const stream = ": hello\n\nevent: progress\ndata: {\"total\":1,\ndata:\"failed\":1}\nid: 7\n\ndata: alone\n\nevent: lost\n\nevent: finished\r\ndata: {}\r\n\r\nevent: half\ndata: half\n"
	var got []string
	err := streaming(stream).events(t.Context(), "/events", func(name string, data []byte) error {
		got = append(got, fmt.Sprintf("%s=%s", name, data))
		return nil
	})
	want := []string{"progress={\"total\":1,\n\"failed\":1}", "=alone", "finished={}"}
	if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	broken := errors.New("enough")
	if err := streaming(stream).events(t.Context(), "/events", func(string, []byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("who reads ends it: %v", err)
	}
	long := "data: " + strings.Repeat("x", maxEvent+1) + "\n\n"
	if err := streaming(long).events(t.Context(), "/events", func(string, []byte) error { return nil }); err == nil {
		t.Error("an event without bound was taken")
	}
}

// A stream that breaks is asked for again; one that is refused is not.
func TestABatchIsFollowedOverBreaks(t *testing.T) {
	t.Parallel()
	event := func(name string, succeeded int) string {
		return fmt.Sprintf("event: %s\ndata: {\"id\":\"7\",\"mode\":\"run\",\"total\":4,\"succeeded\":%d}\n\n", name, succeeded)
	}
	var seen []int
	api := streaming("cut off", event("progress", 1), ": nothing\n\n", event("progress", 3)+event("unknown", 9)+event("finished", 4))
	last, err := api.follow(t.Context(), "/batches/7", func(b *native.Batch) { seen = append(seen, b.Succeeded) })
	if err != nil || last.Succeeded != 4 || fmt.Sprint(seen) != "[1 3 4]" {
		t.Errorf("%+v after %v, %v", last, seen, err)
	}
	_, err = streaming(`{"status":404,"detail":"The batch does not exist."}`).follow(t.Context(), "/batches/7", func(*native.Batch) {})
	if err == nil || exitCode(err) != exitRefused {
		t.Errorf("a batch that is not there: %v", err)
	}
}

func TestProgressElsewhereThanOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(t.Context(), &out)
	left := int64(90)
	for _, b := range []native.Batch{
		{Mode: "check", Total: 1000, Remaining: &left},
		{Mode: "check", Total: 1000, Checked: 50},
		{Mode: "run", Total: 1000, Checked: 1000},
		{Mode: "run", Total: 1000, Succeeded: 999},
		{Mode: "run", Total: 1000, Succeeded: 998, Failed: 1, Skipped: 1},
		{Mode: "cancelled", Total: 1000, Cancelled: 1000},
	} {
		p.show(&b)
	}
	p.done()
	want := []string{
		"checking: 0 of 1000 rows, 1m30s left", "provisioning: 0 of 1000 rows", "provisioning: 999 of 1000 rows, N rows/s", "provisioning: 1000 of 1000 rows",
		"cancelling: 1000 of 1000 rows",
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSuffix(line, "\n")
		if i := strings.LastIndexByte(line, ','); strings.HasSuffix(line, " rows/s") {
			line = line[:i] + ", N rows/s"
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
