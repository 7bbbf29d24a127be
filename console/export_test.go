package console

import (
	"strings"

	"muster"
)

// Route is what tests read of a [route].
type Route struct {
	Pattern string // as it stands in the list
	Method  string
	Path    string // below Prefix, with parameters in braces
	Scope   muster.Scopes
	Action  string
	Open    bool
	Upload  bool
	Stream  bool
}

// Routes are all that the console serves.
func Routes() []Route {
	listed := (&console{}).routes()
	all := make([]Route, len(listed))
	for i, r := range listed {
		method, path, _ := strings.Cut(r.pattern, " ")
		all[i] = Route{
			Pattern: r.pattern, Method: method, Path: Prefix + path,
			Scope: r.scope, Action: r.action, Open: r.open, Upload: r.upload, Stream: r.stream,
		}
	}
	return all
}
