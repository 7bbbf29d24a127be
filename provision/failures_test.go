package provision_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
)

// failing is a list over two chunks of which rows 1, 3, 4 and 1001 do not succeed, for different reasons.
func failing() []muster.Row {
	list := rows(1002, row)
	list[1] = rowWithPassword(1)
	list[1].Phone = "almost a phone"
	list[1].Email, list[1].Roles = "ann@example.org", []string{"1", "", "two"}
	list[1].Set |= muster.FieldEmail | muster.FieldRoles
	list[3] = rowWithPassword(0) // a skip, since the first row made him
	list[3].Roles, list[3].Set = []string{}, list[3].Set|muster.FieldRoles
	list[4].Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: "phone", Detail: "Text is accepted."}
	list[1001].FirstName = ""
	return list
}

func TestFailuresComeAsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	list := failing()
	id := b.submit(t, list...)
	batch, outcomes := b.finished(t, id)
	var want []provision.Failure
	for _, i := range []int{1, 3, 4, 1001} {
		sent := list[i]
		sent.Password = ""
		want = append(want, provision.Failure{Outcome: outcomes[i], Row: sent})
	}
	for _, page := range []struct{ from, limit, first, end int }{
		{0, 100, 0, 4}, {0, 2, 0, 2}, {2, 2, 1, 3}, {4, 1, 2, 3}, {5, 100, 3, 4}, {1002, 100, 0, 0}, {0, 0, 0, 0},
	} {
		got, failures, err := b.engine.Failures(t.Context(), b.tenant.ID, id, muster.ContractKooDrive, page.from, page.limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&batch, got); diff != "" {
			t.Errorf("batch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append([]provision.Failure(nil), want[page.first:page.end]...), failures); diff != "" {
			t.Errorf("failures from %d, at most %d (-want +got):\n%s", page.from, page.limit, diff)
		}
	}
	if want[1].Outcome.Result != muster.Skipped {
		t.Errorf("row 3 is %s, want it skipped", want[1].Outcome.Result)
	}
}

func TestFailuresAreTheContractsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	id := b.submit(t, failing()...)
	b.finished(t, id)
	other := b.createTenant(t, "second", muster.TenantSettings{})
	for name, look := range map[string]struct {
		tenant, batch muster.ID
		contract      muster.Contract
	}{
		"another tenant":      {other.ID, id, muster.ContractKooDrive},
		"another contract":    {b.tenant.ID, id, muster.ContractFederation},
		"no batch of that id": {b.tenant.ID, id + 1, muster.ContractKooDrive},
	} {
		_, _, err := b.engine.Failures(t.Context(), look.tenant, look.batch, look.contract, 0, 100)
		if muster.KindOf(err) != muster.KindNotFound {
			t.Errorf("%s: %v, want it not found", name, err)
		}
	}
}

// Failures that cannot be opened are an error and never left out: the answer would say that the rows succeeded.
func TestFailuresThatDoNotOpen(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*provision.Failures){
		"the key":          func(f *provision.Failures) { f.KeptKey[len(f.KeptKey)-1] ^= 1 },
		"a block":          func(f *provision.Failures) { f.Kept[0].Sealed[20] ^= 1 },
		"a block's place":  func(f *provision.Failures) { f.Kept[0].Chunk.FirstRow++ },
		"a block's length": func(f *provision.Failures) { f.Kept[0].Chunk.Rows-- },
		"a block is gone":  func(f *provision.Failures) { f.Kept = f.Kept[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, over(func(s provision.Store) provision.Store { return tampered{s, spoil} }))
			b.start(t)
			id := b.submit(t, failing()...)
			b.finished(t, id)
			if _, failures, err := b.engine.Failures(t.Context(), b.tenant.ID, id, muster.ContractKooDrive, 0, 100); err == nil {
				t.Errorf("%d failures and no error", len(failures))
			}
		})
	}
}

// tampered spoils what a store kept.
type tampered struct {
	provision.Store
	spoil func(*provision.Failures)
}

func (s tampered) Failures(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*provision.Failures, error) {
	f, err := s.Store.Failures(ctx, tenant, batch, contract, from, limit)
	if err == nil {
		s.spoil(f)
	}
	return f, err
}

// Rows are read by how they ended, those that did not succeed as they were sent.
func TestAnswersComeWithWhatWasSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	list := failing()
	id := b.submit(t, list...)
	batch, outcomes := b.finished(t, id)
	answer := func(i int) provision.Failure {
		a := provision.Failure{Outcome: outcomes[i]}
		if a.Outcome.Result != muster.Succeeded {
			a.Row = list[i]
			a.Row.Password = ""
		}
		return a
	}
	for name, tt := range map[string]struct {
		q    provision.OutcomeQuery
		want []int
	}{
		"all":                   {provision.OutcomeQuery{From: 1, Limit: 3}, []int{1, 2, 3}},
		"failed, in two chunks": {provision.OutcomeQuery{Result: muster.Failed, Limit: 50}, []int{1, 4, 1001}},
		"by reason":             {provision.OutcomeQuery{Reason: muster.ReasonExists, Limit: 50}, []int{3}},
		"succeeded":             {provision.OutcomeQuery{Result: muster.Succeeded, From: 1000, Limit: 50}, []int{1000}},
		"none":                  {provision.OutcomeQuery{Result: muster.Cancelled, Limit: 50}, nil},
	} {
		got, answers, err := b.engine.Answers(t.Context(), b.tenant.ID, id, tt.q)
		if err != nil {
			t.Fatal(err)
		}
		want := []provision.Failure{}
		for _, i := range tt.want {
			want = append(want, answer(i))
		}
		if diff := cmp.Diff(want, answers); diff != "" || got.ID != batch.ID {
			t.Errorf("%s of batch %s (-want +got):\n%s", name, got.ID, diff)
		}
	}
	if _, _, err := b.engine.Answers(t.Context(), b.createTenant(t, "second", muster.TenantSettings{}).ID, id, provision.OutcomeQuery{Limit: 1}); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("another tenant gets %v", err)
	}
}
