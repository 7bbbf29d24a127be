package console

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

func (i *input) kind() string { return cmp.Or(i.Type, "text") }

func (i *input) complete() string { return cmp.Or(i.Complete, "off") }

// described ties a field to its hint and to what is wrong with it.
func described(name, hint string, wrong faults) templ.Attributes {
	a := templ.Attributes{}
	var by []string
	if hint != "" {
		by = append(by, name+"-hint")
	}
	if wrong[name] != "" {
		by = append(by, name+"-fault")
		a["aria-invalid"] = "true"
	}
	if len(by) > 0 {
		a["aria-describedby"] = strings.Join(by, " ")
	}
	return a
}

// names are the fields at fault, what is wrong with no field of the form first.
func (f faults) names() []string { return slices.Sorted(maps.Keys(f)) }

// shows reports whether the navigation has any of the places.
func (v *visit) shows(some []place) bool {
	return slices.ContainsFunc(some, func(p place) bool { return v.pages[p.path] && v.may(p.scope) })
}

// current is the value of aria-current for an entry of the navigation.
func (v *visit) current(path string) string {
	at := strings.TrimPrefix(v.r.URL.Path, Prefix)
	switch {
	case at == path:
		return "page"
	case path != "/" && strings.HasPrefix(at, path+"/"):
		return "true"
	default:
		return "false"
	}
}

// breakable is an address or a path that breaks behind the signs which join its parts, where it is too long for a line.
func breakable(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		for text != "" {
			n := strings.IndexAny(text, "@/") + 1
			if n == 0 || n == len(text) {
				_, err := io.WriteString(w, templ.EscapeString(text))
				return err
			}
			if _, err := io.WriteString(w, templ.EscapeString(text[:n])+"<wbr>"); err != nil {
				return err
			}
			text = text[n:]
		}
		return nil
	})
}
