package muster

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// guard expects of entries what came of them before.
func guard(entries []Entry, outcomes []Outcome) []Entry {
	guarded := slices.Clone(entries)
	for i := range guarded {
		x := outcomes[i].Expected()
		guarded[i].Expect = &x
	}
	return guarded
}

// A plan that is expected to come out as it did before is the same plan.
func TestPlanKeepsWhatWasPredicted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		entries := drawEntries(t, settings)
		d := newDirectory(settings, founders()...)
		shot := d.snapshot(KeysOf(entries, &settings))
		want := Plan(entries, shot)
		if diff := cmp.Diff(want, Plan(guard(entries, want.Outcomes), shot)); diff != "" {
			t.Fatalf("plans differ (-without +with expectations):\n%s", diff)
		}
	})
}

// In a directory that has changed since, each row has the outcome that was predicted, or fails with ReasonChanged and leaves no
// trace: all is as if the list had been without it. That holds however the list is cut.
func TestPlanRefusesWhatWasNotPredicted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		entries := drawEntries(t, settings)
		quiet := newDirectory(settings, founders()...)
		predicted := quiet.run(t, entries)
		entries = guard(entries, predicted)

		meanwhile := drawEntries(t, settings)[:1]
		meanwhile[0].NewID = 50
		changed, whole, without := newDirectory(settings, founders()...), newDirectory(settings, founders()...), newDirectory(settings, founders()...)
		for _, d := range []*directory{changed, whole, without} {
			d.run(t, meanwhile)
		}
		got := whole.run(t, entries)
		var kept []Entry
		var want []Outcome
		for i := range got {
			if got[i].Reason == ReasonChanged {
				if got[i].Result != Failed || got[i].User != 0 {
					t.Fatalf("row %d: %+v concerns somebody, or did not fail", i, got[i])
				}
				continue
			}
			if got[i].Expected() != predicted[i].Expected() {
				t.Fatalf("row %d: %+v where %+v was predicted", i, got[i], predicted[i])
			}
			kept = append(kept, entries[i])
			kept[len(kept)-1].Expect = nil
			want = append(want, got[i])
		}
		if diff := cmp.Diff(want, without.run(t, kept), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("outcomes differ (-among refused rows +alone):\n%s", diff)
		}
		var cut []Outcome
		for rest := entries; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			cut = append(cut, changed.run(t, rest[:n])...)
			rest = rest[n:]
		}
		if diff := cmp.Diff(got, cut); diff != "" {
			t.Fatalf("outcomes differ (-whole +cut):\n%s", diff)
		}
		for name, d := range map[string]*directory{"without the refused rows": without, "cut": changed} {
			if diff := cmp.Diff(whole.users, d.users, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("directories differ (-whole +%s):\n%s", name, diff)
			}
		}
	})
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const says = "The dry run predicted that the row would "
	made := Expectation{Result: Succeeded, User: 10}
	tests := map[string]struct {
		predicted Expectation
		now       Outcome
		want      Outcome
	}{
		"as predicted": {made, Outcome{Row: 3, Result: Succeeded, User: 10}, Outcome{Row: 3, Result: Succeeded, User: 10}},
		"as predicted, with details": {
			Expectation{Result: Failed, Reason: ReasonConflict}, Outcome{Result: Failed, Reason: ReasonConflict, Field: "phone", Detail: "It is held."},
			Outcome{Result: Failed, Reason: ReasonConflict, Field: "phone", Detail: "It is held."},
		},
		"fails now": {
			made, Outcome{Row: 3, ID: 9, Subject: "ann", Result: Failed, Reason: ReasonNoDepartment, Field: "department", Detail: "Sales"},
			Outcome{
				Row: 3, ID: 9, Subject: "ann", Result: Failed, Reason: ReasonChanged, Field: "department",
				Detail: says + "succeed; now it would fail (department-not-found).",
			},
		},
		"fails otherwise": {
			Expectation{Result: Failed, Reason: ReasonNoSeat}, Outcome{Result: Failed, Reason: ReasonConflict, Field: "phone", Detail: "It is held."},
			Outcome{Result: Failed, Reason: ReasonChanged, Field: "phone", Detail: says + "fail (no-seat); now it would fail (conflict)."},
		},
		"would be made now": {
			Expectation{Result: Skipped, Reason: ReasonExists, User: 5}, Outcome{Result: Succeeded, User: 10},
			Outcome{Result: Failed, Reason: ReasonChanged, Detail: says + "be skipped (exists); now it would succeed."},
		},
		"another user": {
			made, Outcome{Result: Succeeded, User: 5},
			Outcome{Result: Failed, Reason: ReasonChanged, Detail: says + "succeed; now it would succeed, but for another user."},
		},
		"cancelled then": {
			Expectation{Result: Cancelled, Reason: ReasonCancelled}, Outcome{Result: Succeeded, User: 5},
			Outcome{Result: Failed, Reason: ReasonChanged, Detail: says + "be cancelled; now it would succeed."},
		},
		"nothing predicted": {
			Expectation{}, Outcome{Result: Succeeded, User: 5},
			Outcome{Result: Failed, Reason: ReasonChanged, Detail: says + "have no outcome; now it would succeed."},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.predicted.Judge(tt.now)); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

// A row from which another outcome is expected takes nothing of what later rows need, and asks for no hash.
func TestARefusedRowTakesNothing(t *testing.T) {
	t.Parallel()
	entry := func(id ID, key string, x *Expectation) Entry {
		return Entry{
			Action: ActionCreate, Match: KeyPhone, Actor: LevelSystemAdmin, NewID: id, Set: FieldPhone | FieldCapacity | FieldPassword, Password: true,
			User: User{PhoneKey: key, CapacityGB: 1}, Expect: x,
		}
	}
	d := newDirectory(TenantSettings{UserLimit: 2, PersonalSpaceGB: 1}, User{ID: 1, Level: LevelSystemAdmin})
	entries := []Entry{
		entry(10, "1", &Expectation{Result: Failed, Reason: ReasonInvalid}),
		entry(11, "1", &Expectation{Result: Succeeded, User: 11}),
		entry(12, "1", &Expectation{Result: Skipped, Reason: ReasonExists, User: 11}),
	}
	p := Plan(entries, d.snapshot(KeysOf(entries, &d.settings)))
	var reasons []string
	for _, o := range p.Outcomes {
		reasons = append(reasons, o.Result.String()+" "+o.Reason.String())
	}
	if got := strings.Join(reasons, ", "); got != "failed changed-since-dry-run, succeeded , skipped exists" {
		t.Errorf("outcomes are %s", got)
	}
	if diff := cmp.Diff([]int{1}, p.NeedHash); diff != "" {
		t.Errorf("entries to hash (-want +got):\n%s", diff)
	}
	if len(p.Insert) != 1 || p.Insert[0].ID != 11 || p.Usage != (Usage{Users: 2, CapacityGB: 1, SystemAdmins: 1}) {
		t.Errorf("the plan inserts %d users and leaves %+v", len(p.Insert), p.Usage)
	}
}
