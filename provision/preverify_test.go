package provision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster"
	"muster/directory"
	"muster/mapping"
)

// aim is where a user is to be and what he is to get, which pre-verification is asked about, and what else his import meets.
type aim struct {
	path     string
	allocate bool
	gb       int64
	spoilt   bool // by something that pre-verification does not see
}

// aimGen draws parts of the tree's paths more often than what is not there.
func aimGen(tree []string) *rapid.Generator[aim] {
	there := rapid.Custom(func(t *rapid.T) string {
		names := strings.Split(rapid.SampledFrom(tree).Draw(t, "path of the tree"), "/")
		from := rapid.IntRange(0, len(names)-1).Draw(t, "from")
		return strings.Join(names[from:rapid.IntRange(from+1, len(names)).Draw(t, "to")], "/")
	})
	odd := rapid.SampledFrom([]string{"Absent", "a", "A/Absent", " B ", "A / B", "A//B", "/A", "tree", "tree/A", "\u202eA"})
	path := rapid.OneOf(rapid.Just(""), rapid.SampledFrom([]string{"A", "B", "C"}), there, there, odd)
	return rapid.Custom(func(t *rapid.T) aim {
		a := aim{path: path.Draw(t, "path"), spoilt: rapid.IntRange(0, 7).Draw(t, "spoilt") == 0}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0: // what no row may ask for
			a.allocate, a.gb = rapid.Bool().Draw(t, "allocate"), rapid.SampledFrom([]int64{-1, 0, 2, muster.MaxCapacityGB + 1}).Draw(t, "gb")
		case 1, 2, 3:
		default:
			a.allocate, a.gb = true, rapid.Int64Range(1, 4).Draw(t, "gb")
		}
		return a
	})
}

func (a *aim) row(base muster.ID) muster.Row {
	return muster.Row{
		Action: muster.ActionCreate, Set: muster.FieldDepartment | muster.FieldCapacity, Department: base, DepartmentPath: a.path,
		Allocate: a.allocate, CapacityGB: a.gb,
	}
}

// What pre-verification accepts for department, capacity and seats, the import of it right after accepts. Where nothing else
// is wrong, what it refuses is refused there for the same reason (KooDrive contract, section 3).
func TestAnImportAcceptsWhatPreverificationAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	departments := &directory.Departments{Store: b.store, IDs: b.ids, Now: b.clock.Now}
	administrator := muster.Actor{Level: muster.LevelSystemAdmin}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		tenant := *b
		tenant.tenant = b.createTenant(t, fmt.Sprint("tree ", round), muster.TenantSettings{
			UserLimit:       rapid.SampledFrom([]int64{0, 3, 6, 12}).Draw(rt, "users"),
			PersonalSpaceGB: rapid.SampledFrom([]int64{0, 5, 12, 1000}).Draw(rt, "space"),
		})
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"A", "B", "C"}), 1, muster.MaxDepartmentLevel)
		paths := rapid.SliceOfN(rapid.Map(names, func(n []string) string { return strings.Join(n, "/") }), 1, 8).Draw(rt, "tree")
		made, err := departments.Import(t.Context(), tenant.tenant.ID, administrator, paths)
		if err != nil {
			rt.Fatal(err)
		}
		bases := []muster.ID{tenant.tenant.RootDepartment}
		for _, d := range made {
			bases = append(bases, d.Department)
		}
		aims := rapid.SliceOfN(aimGen(paths), 1, 20)
		tenant.importAll(t, rapid.SampledFrom(bases).Draw(rt, "who is there already"), aims.Draw(rt, "there already"), 1000)

		base := rapid.SampledFrom(bases).Draw(rt, "base")
		wanted := aims.Draw(rt, "wanted")
		verdicts := tenant.preverify(t, base, wanted)
		alone := !slices.ContainsFunc(wanted, func(a aim) bool { return a.spoilt })
		if !alone { // a refused row could get what a spoilt one leaves, before an accepted one does
			wanted, verdicts = accepted(wanted, verdicts)
		}
		if len(wanted) == 0 {
			return
		}
		outcomes := tenant.importAll(t, base, wanted, 0)
		for i := range wanted {
			verdict, outcome := verdicts[i], outcomes[i]
			switch {
			case alone && (outcome.Result != verdict.Result || outcome.Reason != verdict.Reason || outcome.Detail != verdict.Detail):
				rt.Errorf("%+v was answered with %+v, and its import is %+v", wanted[i], verdict, outcome)
			case !alone && !wanted[i].spoilt && outcome.Result != muster.Succeeded, wanted[i].spoilt && outcome.Field != "firstName":
				rt.Errorf("%+v was accepted, and its import is %+v", wanted[i], outcome)
			}
		}
	})
}

// accepted keeps what pre-verification accepted, as who asks for it does before he imports.
func accepted(wanted []aim, verdicts []muster.Outcome) (aims []aim, of []muster.Outcome) {
	for i := range wanted {
		if verdicts[i].Result == muster.Succeeded {
			aims, of = append(aims, wanted[i]), append(of, verdicts[i])
		}
	}
	return aims, of
}

// preverify plans what an import right after would, of users of whom nothing else is known.
func (b *bundle) preverify(t *testing.T, base muster.ID, aims []aim) []muster.Outcome {
	t.Helper()
	entries := make([]muster.Entry, len(aims))
	for i := range aims {
		row := aims[i].row(base)
		entries[i] = muster.Entry{Action: row.Action, Actor: muster.LevelSystemAdmin, NewID: muster.ID(i + 1)}
		mapping.Allocate(&row, &entries[i])
	}
	shot, err := b.store.Snapshot(t.Context(), b.tenant.ID, muster.KeysOf(entries, &b.tenant.Settings))
	if err != nil {
		t.Fatal(err)
	}
	return muster.Plan(entries, shot).Outcomes
}

// importAll imports the users as a batch, and gives its outcomes. Phones count up from first.
func (b *bundle) importAll(t *testing.T, base muster.ID, aims []aim, first int) []muster.Outcome {
	t.Helper()
	list := make([]muster.Row, len(aims))
	for i := range aims {
		list[i] = aims[i].row(base)
		list[i].Match, list[i].Phone, list[i].FirstName = muster.KeyPhone, fmt.Sprintf("+27%09d", first+i), "Ann"
		if aims[i].spoilt {
			list[i].FirstName = "A\x00nn"
		}
	}
	s := b.submission(list...)
	s.Contract = muster.ContractNative
	receipt, err := b.engine.Submit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, outcomes := b.finishedOf(t, muster.ContractNative, receipt.Batch)
	return outcomes
}
