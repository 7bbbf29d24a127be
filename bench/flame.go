package main

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
	"time"
)

// flames is a tree of functions with the time that was seen in each.
type flames struct {
	time  time.Duration
	calls map[string]*flames
}

func (f *flames) add(frames []string, took time.Duration) {
	f.time += took
	if len(frames) == 0 {
		return
	}
	if f.calls == nil {
		f.calls = map[string]*flames{}
	}
	if f.calls[frames[0]] == nil {
		f.calls[frames[0]] = &flames{}
	}
	f.calls[frames[0]].add(frames[1:], took)
}

const (
	flameWidth  = 1200.0 // pixels
	flameHeight = 17     // of a function
	flameDepth  = 42     // functions above each other
	flameLeast  = 1.2    // pixels; narrower ones are left out
)

// drawFlames is a flame graph: time goes across, callers stand below what they call.
func drawFlames(stacks []stack) string {
	root := &flames{}
	for _, s := range stacks {
		root.add(s.frames, s.time)
	}
	var b strings.Builder
	height := (flameDepth + 1) * flameHeight
	_, _ = fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="monospace" font-size="11">`+"\n", flameWidth, height)
	_, _ = fmt.Fprintf(&b, `<rect width="%.0f" height="%d" fill="#fff"/>`+"\n", flameWidth, height)
	root.draw(&b, "all", 0, 0, flameWidth/root.time.Seconds())
	b.WriteString("</svg>\n")
	return b.String()
}

func (f *flames) draw(b *strings.Builder, name string, x float64, depth int, scale float64) {
	width := f.time.Seconds() * scale
	if width < flameLeast || depth > flameDepth {
		return
	}
	y := (flameDepth - depth) * flameHeight
	short := name[strings.LastIndexByte(name, '/')+1:]
	if room := int(width / 6.8); len(short) > room {
		short = short[:max(0, room)]
	}
	_, _ = fmt.Fprintf(b, `<g><title>%s: %s</title><rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text></g>`+"\n",
		html.EscapeString(name), f.time.Round(time.Millisecond), x, y, max(width-0.5, 0.5), flameHeight-1, colour(name), x+2, y+12, html.EscapeString(short))
	for _, call := range slices.SortedFunc(maps.Keys(f.calls), func(a, c string) int {
		return cmp.Or(cmp.Compare(f.calls[c].time, f.calls[a].time), cmp.Compare(a, c))
	}) {
		f.calls[call].draw(b, call, x, depth+1, scale)
		x += f.calls[call].time.Seconds() * scale
	}
}

// colour tells ours from the database's and the runtime's.
func colour(name string) string {
	switch {
	case strings.HasPrefix(name, "muster"), strings.HasPrefix(name, "main."):
		return "#f2a65a"
	case strings.HasPrefix(name, "modernc.org"), strings.HasPrefix(name, "github.com/jackc"):
		return "#8fc1e3"
	case strings.HasPrefix(name, "runtime"), strings.HasPrefix(name, "internal"), strings.HasPrefix(name, "syscall"):
		return "#d5d5d5"
	default:
		return "#cde7b0"
	}
}
