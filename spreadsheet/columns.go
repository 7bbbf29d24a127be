package spreadsheet

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Mapping says what each column of a table holds.
type Mapping struct {
	// Fields has a field's name for each column, "" for one that is left out: because it was chosen to be, has no name, is a
	// note of Muster's, or is at fault.
	Fields []string
	// Problems must be empty for the table to be used: no column is left out because it was not understood.
	Problems []Problem
}

// Column is where a field is, -1 if no column holds it.
func (m *Mapping) Column(field string) int {
	if field == "" {
		return -1
	}
	return slices.Index(m.Fields, field)
}

// ProblemKind is what is wrong with a header, in a word for programs.
type ProblemKind string

// The kinds of problems.
const (
	ColumnUnknown  ProblemKind = "unknown"  // a column that no field's name or synonym fits
	ColumnRepeated ProblemKind = "repeated" // a second column for a field
	ColumnMissing  ProblemKind = "missing"  // a mandatory field without column
	ChoiceUnknown  ProblemKind = "choice"   // a choice of a column or of a field that there is not
)

// Problem is what is wrong with a header, in one place.
type Problem struct {
	Kind   ProblemKind
	Column int    // from 0; -1 where a column is missing
	Name   string // the column's, as the file or the choice has it. It may be anybody's data if the header is missing: not for a log
	Field  string // the field that is meant, if one is
	Detail string // sentences that say what would be accepted, without Name
}

// GuessColumns finds out which field each column of a header holds, by the fields' names and synonyms. Neither case nor width of
// letters count, nor spaces and punctuation, nor what stands in brackets after other words: "E-Mail (business)*" is email.
// Columns without a name hold nothing, nor do those whose name begins with [NotePrefix].
//
// chosen goes before that. It has fields' names by columns' names, which are compared in the same way, or by columns' letters,
// which mean no name with # in front, as in #B; a field "" leaves the column out.
func GuessColumns(header []string, fields []Field, chosen map[string]string) Mapping {
	known := map[string]string{}
	for i := len(fields) - 1; i >= 0; i-- { // an earlier field goes first
		for _, name := range append(slices.Clone(fields[i].Synonyms), fields[i].Name) {
			known[normal(name)] = fields[i].Name
		}
	}
	m := Mapping{Fields: make([]string, len(header))}
	decided := make([]bool, len(header))
	m.choose(header, fields, chosen, decided)
	for column, name := range header {
		if decided[column] || name == "" || isNote(name) {
			continue
		}
		field, ok := known[normal(name)]
		if !ok {
			field, ok = known[normal(withoutBrackets(name))]
		}
		if !ok {
			m.add(ColumnUnknown, column, name, "", "No field is known by the name of column "+Letter(column)+": say which it is, or leave it out.")
			continue
		}
		m.set(column, name, field)
	}
	for i := range fields {
		if f := &fields[i]; f.Mandatory && m.Column(f.Name) < 0 {
			m.add(ColumnMissing, -1, "", f.Name, "No column holds "+f.Name+", which is needed: "+missing(header, &m))
		}
	}
	return m
}

func isNote(name string) bool {
	return len(name) > len(NotePrefix) && strings.EqualFold(name[:len(NotePrefix)], NotePrefix)
}

// missing says what may be wrong with a header that lacks a field.
func missing(header []string, m *Mapping) string {
	switch {
	case len(header) == 1:
		return "the table has one column only; a comma, a semicolon, TAB and | are understood between cells."
	case !slices.ContainsFunc(m.Fields, func(field string) bool { return field != "" }):
		return "no column is known by its name; does the header row miss?"
	default:
		return "give a column that name, or say which it is."
	}
}

// choose does what the caller says.
func (m *Mapping) choose(header []string, fields []Field, chosen map[string]string, decided []bool) {
	for _, key := range slices.Sorted(maps.Keys(chosen)) {
		field, column := chosen[key], columnOf(header, key)
		switch {
		case column < 0:
			m.add(ChoiceUnknown, -1, key, field, "There is no column of the name or letter for which a field is chosen.")
			continue
		case decided[column]:
			m.add(ChoiceUnknown, column, key, field, "A field is chosen twice for column "+Letter(column)+".")
			continue
		case field == "":
		case slices.ContainsFunc(fields, func(f Field) bool { return f.Name == field }):
			m.set(column, header[column], field)
		default:
			m.add(ChoiceUnknown, column, header[column], field, "The field that is chosen for column "+Letter(column)+" is not known: "+names(fields)+" are.")
		}
		decided[column] = true
	}
}

// columnOf finds a column by its letter behind a #, by its name, or else by its letter.
func columnOf(header []string, key string) int {
	if letter, found := strings.CutPrefix(key, "#"); found {
		for i := range header {
			if strings.EqualFold(Letter(i), letter) {
				return i
			}
		}
	}
	column := slices.Index(header, key)
	if wanted := normal(key); column < 0 && wanted != "" {
		column = slices.IndexFunc(header, func(name string) bool { return normal(name) == wanted })
	}
	for i := 0; column < 0 && i < len(header); i++ {
		if strings.EqualFold(Letter(i), key) {
			column = i
		}
	}
	return column
}

// set takes a column for a field, unless an earlier one holds it.
func (m *Mapping) set(column int, name, field string) {
	if other := m.Column(field); other >= 0 {
		m.add(ColumnRepeated, column, name, field, "Columns "+Letter(other)+" and "+Letter(column)+" both hold "+field+": leave one out.")
		return
	}
	m.Fields[column] = field
}

func (m *Mapping) add(kind ProblemKind, column int, name, field, detail string) {
	m.Problems = append(m.Problems, Problem{kind, column, name, field, detail})
}

func names(fields []Field) string {
	list := make([]string, len(fields))
	for i := range fields {
		list[i] = fields[i].Name
	}
	return strings.Join(list, ", ")
}

// normal is a name without what does not count in it: its letters and digits, folded.
func normal(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name))))
}

// withoutBrackets cuts off what stands in brackets after other words.
func withoutBrackets(name string) string {
	if i := strings.IndexAny(name, "([{（【［"); i > 0 {
		return name[:i]
	}
	return name
}
