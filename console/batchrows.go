package console

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"muster"
	"muster/provision"
	"muster/spreadsheet"
	"muster/userfile"
)

const (
	// allRows is the result, in an address, of whichever rows; where it names none, those that failed are meant if there are any.
	allRows = "all"
	// rowsScanned bounds how many outcomes one page of those with an effect looks at: there is no index of them.
	rowsScanned = 5000
	// cellRunes is how much of a cell is shown.
	cellRunes = 40
)

// rowFilter says which rows of a batch are shown.
type rowFilter struct {
	All    bool
	Result muster.Result
	Reason muster.Reason
	Effect muster.Effect // of rows that succeeded
	From   int           // number of the first row wanted, from 1; 0: the first
}

// rowFilter reads the address.
func (v *visit) rowFilter() (f rowFilter, err error) {
	sent := v.r.URL.Query()
	known := true
	if name := sent.Get("result"); name == allRows {
		f.All = true
	} else if name != "" {
		f.Result, known = resultNamed(name)
	}
	if name := sent.Get("reason"); name != "" {
		f.Reason = muster.Reason(named(name, muster.ReasonOtherSource, muster.Reason.String))
		known = known && f.Reason != muster.ReasonNone
	}
	if name := sent.Get("effect"); name != "" {
		f.Effect = muster.Effect(named(name, muster.EffectDeleted, muster.Effect.String))
		known = known && f.Effect != muster.EffectNone
	}
	if text := sent.Get("from"); text != "" {
		f.From, err = strconv.Atoi(text)
		known = known && err == nil && f.From > 0
	}
	if !known {
		return rowFilter{}, v.nowhere()
	}
	return f, nil
}

// named finds what is called so, from 1 to the last; 0 if nothing is.
func named[T ~uint8](name string, last T, call func(T) string) T {
	for x := T(1); x <= last; x++ {
		if call(x) == name {
			return x
		}
	}
	return 0
}

func resultNamed(name string) (muster.Result, bool) {
	r := named(name, muster.Cancelled, muster.Result.String)
	return r, r != 0
}

// query is the address of a page of these rows.
func (f rowFilter) query() string {
	q := url.Values{"result": {allRows}}
	if f.Result != 0 {
		q.Set("result", f.Result.String())
	}
	if f.Reason != muster.ReasonNone {
		q.Set("reason", f.Reason.String())
	}
	if f.Effect != muster.EffectNone {
		q.Set("effect", f.Effect.String())
	}
	if f.From > 1 {
		q.Set("from", strconv.Itoa(f.From))
	}
	return q.Encode()
}

// kindOf are the rows that ended in one way.
func kindOf(c provision.ReasonCount) rowFilter {
	return rowFilter{Result: c.Result, Reason: c.Reason, Effect: c.Effect}
}

// shows reports whether the filter is that of the rows, whatever page of them.
func (f rowFilter) shows(kind rowFilter) bool { return f.kind() == kind }

// rowList is a page of a batch's rows.
type rowList struct {
	Filter  rowFilter
	Rows    []provision.Failure
	Columns []string // fields that any of the rows that did not succeed has, or should have
	Next    string   // query of the page behind; "" if there is none
}

// readRows reads a page of them.
func (v *visit) readRows(b *muster.Batch, f rowFilter) (list rowList, err error) {
	if !f.All && f.Result == 0 && f.Reason == muster.ReasonNone && f.Effect == muster.EffectNone && b.Failed > 0 {
		f.Result = muster.Failed
	}
	next := 0
	if f.Effect != muster.EffectNone {
		list.Rows, next, err = v.scanRows(b, f)
	} else {
		q := provision.OutcomeQuery{From: max(f.From-1, 0), Result: f.Result, Reason: f.Reason, Limit: pageRows + 1}
		_, list.Rows, err = v.Engine.Answers(v.ctx(), b.Tenant, b.ID, q)
	}
	if err != nil {
		return list, err
	}
	if len(list.Rows) > pageRows {
		next = list.Rows[pageRows].Outcome.Row + 1
		list.Rows = list.Rows[:pageRows]
	}
	list.Filter = f
	list.Columns = columnsOf(list.Rows)
	if next > 0 {
		f.From = next
		list.Next = f.query()
	}
	return list, nil
}

// scanRows looks for rows with an effect. The page may be short, and have more behind it.
func (v *visit) scanRows(b *muster.Batch, f rowFilter) (rows []provision.Failure, next int, err error) {
	q := provision.OutcomeQuery{From: max(f.From-1, 0), Result: muster.Succeeded, Limit: muster.ChunkRows}
	for range rowsScanned / muster.ChunkRows {
		page, err := v.Batches.Outcomes(v.ctx(), b.Tenant, b.ID, q)
		if err != nil {
			return nil, 0, err
		}
		for _, o := range page.Outcomes {
			if o.Effect == f.Effect {
				rows = append(rows, provision.Failure{Outcome: o})
			}
			if len(rows) > pageRows {
				return rows, 0, nil
			}
		}
		if len(page.Outcomes) < q.Limit {
			return rows, 0, nil
		}
		q.From = page.Outcomes[q.Limit-1].Row + 1
	}
	return rows, q.From + 1, nil
}

// columnsOf are the fields that the rows have, and those that are at fault, in the order of files.
func columnsOf(rows []provision.Failure) (columns []string) {
	for _, f := range spreadsheet.UserFields() {
		if f.Name == spreadsheet.FieldAction {
			continue // what becomes of all rows says nothing of one
		}
		if slices.ContainsFunc(rows, func(r provision.Failure) bool {
			return r.Outcome.Result != muster.Succeeded && (faultyField(&r.Outcome) == f.Name || cellText(&r, f.Name) != "")
		}) {
			columns = append(columns, f.Name)
		}
	}
	return columns
}

// faultyField is the field of a row that is at fault; "" if none is.
func faultyField(o *muster.Outcome) string {
	field, _ := userfile.Explain(o)
	return field
}

// cellText is what a row had in a column: of passwords, which are not kept, nothing.
func cellText(r *provision.Failure, column string) string {
	if r.Outcome.Result == muster.Succeeded || column == spreadsheet.FieldPassword || column == spreadsheet.FieldPasswordHash {
		return ""
	}
	cell := userfile.Cell(&r.Row, column)
	text := cell.Text
	for i, item := range cell.Items {
		if i > 0 {
			text += "; "
		}
		text += item
		if len(text) > 4*cellRunes {
			break
		}
	}
	return clipped(text)
}

// clipped is the beginning of a text that would take more room than it is worth.
func clipped(text string) string {
	n := 0
	for i := range text {
		if n++; n > cellRunes {
			return text[:i] + "…"
		}
	}
	return text
}

// tile is a number of rows, and where they are.
type tile struct {
	Label string
	Rows  int
	Kind  rowFilter
}

// tiles say how many rows of a batch ended, or of a dry run would end, in which way.
func (v *visit) tiles(b *muster.Batch, reasons []provision.ReasonCount) []tile {
	var all []tile
	for _, c := range reasons {
		if c.Result != muster.Succeeded {
			continue
		}
		label := v.effect(c.Effect)
		if b.Mode == muster.ModeDryRun {
			label = v.prediction(c.Effect)
		}
		all = append(all, tile{label, c.Rows, kindOf(c)})
	}
	if len(all) == 0 && b.Mode == muster.ModeDryRun {
		all = append(all, tile{v.T("would succeed"), 0, rowFilter{Result: muster.Succeeded}})
	} else if len(all) == 0 {
		all = append(all, tile{v.result(muster.Succeeded), 0, rowFilter{Result: muster.Succeeded}})
	}
	skipped, failed := v.result(muster.Skipped), v.result(muster.Failed)
	if b.Mode == muster.ModeDryRun {
		skipped, failed = v.T("would be skipped"), v.T("would fail")
	}
	all = append(all, tile{skipped, b.Skipped, rowFilter{Result: muster.Skipped}}, tile{failed, b.Failed, rowFilter{Result: muster.Failed}})
	if b.Cancelled > 0 {
		all = append(all, tile{v.result(muster.Cancelled), b.Cancelled, rowFilter{Result: muster.Cancelled}})
	}
	return all
}

// unsuccessful are the counts of rows that did not succeed, those of which there are most first.
func unsuccessful(reasons []provision.ReasonCount) []provision.ReasonCount {
	some := slices.DeleteFunc(slices.Clone(reasons), func(c provision.ReasonCount) bool { return c.Result == muster.Succeeded })
	slices.SortStableFunc(some, func(a, b provision.ReasonCount) int {
		return cmp.Or(cmp.Compare(a.Result, b.Result), cmp.Compare(b.Rows, a.Rows))
	})
	return some
}

// kind is the filter without the page.
func (f rowFilter) kind() rowFilter {
	f.From, f.All = 0, false
	return f
}

// rowsLink leads to some rows of a batch.
func (v *visit) rowsLink(b *muster.Batch, f rowFilter) templ.SafeURL {
	return v.link("/batches/", b.ID.String(), "?", f.query(), "#rows")
}

// kindName names rows that ended in one way.
func (v *visit) kindName(b *muster.Batch, kind rowFilter) string {
	switch {
	case kind.Reason != muster.ReasonNone:
		return v.T(reasonTexts[kind.Reason].why)
	case b.Mode == muster.ModeDryRun:
		return v.prediction(kind.Effect)
	default:
		return v.effect(kind.Effect)
	}
}

// hasPage reports whether there is a page of the user whom a row is about: whom a dry run would create there is not.
func (v *visit) hasPage(o *muster.Outcome, b *muster.Batch) bool {
	return o.User != 0 && v.pages["/users/{user}"] && o.Effect != muster.EffectDeleted && (b.Mode != muster.ModeDryRun || o.Effect != muster.EffectCreated)
}

// rowSubject is what the row named its user by.
func rowSubject(o *muster.Outcome) string {
	if o.Subject == "" && o.User != 0 {
		return o.User.String()
	}
	return clipped(o.Subject)
}
