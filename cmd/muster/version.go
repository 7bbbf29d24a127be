package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

type versionCmd struct{}

// buildInfo tells which Muster this is.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source; "" if the build did not record it
	Modified bool   `json:"modified,omitempty"` // whether the source differed from the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() buildInfo {
	b := buildInfo{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	if ok && info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	return b
}

func (versionCmd) Run(p *printer) error {
	b := thisBuild()
	return p.print(b, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "muster %s (%s, %s)\n", b.Version, b.Go, b.Platform)
		if b.Revision != "" {
			_, _ = fmt.Fprintf(w, "revision %s\n", b.Revision)
		}
	})
}
