package native

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docsPolicy lets the page have its style, and nothing else: no script, nothing from elsewhere.
func docsPolicy() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// docsGroup is the operations of one tag.
type docsGroup struct {
	Name       string
	Operations []docsOperation
}

// docsOperation is an operation as the page shows it.
type docsOperation struct {
	ID, Method, Path, Summary, Description, Scope string
	Parameters                                    []docsField
	BodyType                                      string // what the body is; "" if there is none
	Body                                          []docsField
	Answers                                       []docsAnswer
	Example                                       string
}

type docsAnswer struct {
	Status, Description, Type string
	Headers                   []docsField
	Fields                    []docsField
}

// docsField is a parameter, a header, or a field of JSON.
type docsField struct {
	Name, Type, Doc string
	Required        bool
}

// docsPage makes a page of the description.
func docsPage(doc *huma.OpenAPI, isPublic bool) []byte {
	d := &describer{doc: doc, isPublic: isPublic}
	var out bytes.Buffer
	err := template.Must(template.New("docs").Parse(docsTemplate)).Execute(&out, map[string]any{
		"Style": template.CSS(docsStyle), "Groups": d.groups(), "Version": doc.Info.Version, "Public": isPublic, "Prefix": Prefix,
	})
	if err != nil {
		panic("the API cannot be described: " + err.Error()) // the same for every request: of the code, not of data
	}
	return out.Bytes()
}

// describer makes what the page shows of a description.
type describer struct {
	doc      *huma.OpenAPI
	isPublic bool
}

func (d *describer) groups() []docsGroup {
	byTag := map[string][]docsOperation{}
	for _, path := range slices.Sorted(maps.Keys(d.doc.Paths)) {
		for _, op := range operationsOf(d.doc.Paths[path]) {
			byTag[op.Tags[0]] = append(byTag[op.Tags[0]], d.operation(op))
		}
	}
	groups := make([]docsGroup, 0, len(byTag))
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		groups = append(groups, docsGroup{Name: tag, Operations: byTag[tag]})
	}
	return groups
}

func (d *describer) operation(op *huma.Operation) docsOperation {
	shown := docsOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description}
	if scope, isPublic := scopeOf(op); isPublic {
		shown.Scope = strings.Join(scope.Names(), " ")
	}
	for _, p := range op.Parameters {
		doc := cmp.Or(p.Description, p.Schema.Description)
		shown.Parameters = append(shown.Parameters, docsField{Name: p.Name + " (" + p.In + ")", Type: d.typeOf(p.Schema), Doc: doc, Required: p.Required})
	}
	if op.RequestBody != nil {
		shown.BodyType, shown.Body = d.content(op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		answer := op.Responses[status]
		line := docsAnswer{Status: status, Description: answer.Description}
		if status == "default" {
			line.Status, line.Description = "else", "A problem (RFC 9457): title, status, detail, and for each field at fault an element of errors with location and message."
		} else {
			line.Type, line.Fields = d.content(answer.Content)
		}
		for _, name := range slices.Sorted(maps.Keys(answer.Headers)) {
			h := answer.Headers[name]
			line.Headers = append(line.Headers, docsField{Name: name, Type: d.typeOf(h.Schema), Doc: h.Description})
		}
		shown.Answers = append(shown.Answers, line)
	}
	shown.Example = d.example(op)
	return shown
}

// content is what a body is, and its fields if that is JSON.
func (d *describer) content(types map[string]*huma.MediaType) (what string, fields []docsField) {
	names := slices.Sorted(maps.Keys(types))
	what = strings.Join(names, ", ")
	for _, name := range names {
		if schema := types[name].Schema; schema != nil && strings.Contains(name, "json") {
			return what, d.fields(schema, "", 0)
		}
	}
	return what, nil
}

// maxDepth bounds how far the page follows what is within what.
const maxDepth = 4

func (d *describer) fields(s *huma.Schema, prefix string, depth int) (fields []docsField) {
	s = d.resolve(s)
	if s == nil || depth > maxDepth {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		resolved := d.resolve(property)
		path := prefix + name
		fields = append(fields, docsField{
			Name: path, Type: d.typeOf(property), Doc: cmp.Or(property.Description, resolved.Description), Required: slices.Contains(s.Required, name),
		})
		if resolved.Items != nil {
			path, resolved = path+"[]", d.resolve(resolved.Items)
		}
		fields = append(fields, d.fields(resolved, path+".", depth+1)...)
	}
	return fields
}

// resolve follows a reference.
func (d *describer) resolve(s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = d.doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// typeOf is what a value is, in a few words.
func (d *describer) typeOf(s *huma.Schema) string {
	s = d.resolve(s)
	switch {
	case s == nil:
		return ""
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, value := range s.Enum {
			words[i] = fmt.Sprint(value)
		}
		return strings.Join(words, " | ")
	case s.Type == huma.TypeArray:
		return "list of " + d.typeOf(s.Items)
	}
	text := s.Type
	if s.Format != "" {
		text += " (" + s.Format + ")"
	}
	if s.Minimum != nil && s.Maximum != nil {
		text += fmt.Sprintf(" %g to %g", *s.Minimum, *s.Maximum)
	}
	if s.Default != nil {
		text += fmt.Sprintf(", %v if absent", s.Default)
	}
	return text
}

// example is a command that calls the operation.
func (d *describer) example(op *huma.Operation) string {
	where := "--unix-socket DATA/muster.sock http://localhost" + Prefix
	if d.isPublic {
		where = `-H "Authorization: Bearer $TOKEN" https://HOST` + Prefix
	}
	line := "curl "
	if op.Method != http.MethodGet {
		line += "-X " + op.Method + " "
	}
	line += where + strings.NewReplacer("{", "", "}", "").Replace(op.Path)
	if op.RequestBody == nil {
		return line
	}
	if media := op.RequestBody.Content["application/json"]; media != nil {
		body, _ := json.Marshal(d.sample(media.Schema, 0)) // of texts, numbers and flags
		return line + " \\\n  -H 'Content-Type: application/json' -d '" + string(body) + "'"
	}
	return line + " \\\n  --data-binary @FILE"
}

// sample is a value such as the schema describes, of what must be there; where nothing must, of what comes first.
func (d *describer) sample(s *huma.Schema, depth int) any {
	s = d.resolve(s)
	switch {
	case s == nil || depth > maxDepth:
		return nil
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		sample := map[string]any{}
		names := slices.Sorted(maps.Keys(s.Properties))
		for _, name := range names {
			if slices.Contains(s.Required, name) {
				sample[name] = d.sample(s.Properties[name], depth+1)
			}
		}
		if len(sample) == 0 && len(names) > 0 {
			sample[names[0]] = d.sample(s.Properties[names[0]], depth+1)
		}
		return sample
	case huma.TypeArray:
		return []any{d.sample(s.Items, depth+1)}
	case huma.TypeInteger, huma.TypeNumber:
		return 1
	case huma.TypeBoolean:
		return true
	default:
		return "…"
	}
}
