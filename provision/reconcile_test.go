package provision_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
)

// person is a user of the model that reconciliations are held against.
type person struct {
	Name     string
	Source   string
	Level    muster.AdminLevel
	Disabled bool
}

// people is a directory of the model, by account.
type people map[string]person

// reconciled is what a file makes of people: whom it names are the source's, and the source's common users whom it does not
// name are disabled. of none is whether it adopts those of no source. It gives how many it disables.
func (p people) reconciled(named []string, source string, adopt bool) (after people, disables int) {
	after = people{}
	for account, who := range p {
		if who.Source == source && !who.Disabled && who.Level == muster.LevelCommon && !slices.Contains(named, account) {
			who.Disabled = true
			disables++
		}
		after[account] = who
	}
	for _, account := range named {
		who, known := p[account]
		if !known {
			who.Level = muster.LevelCommon
		}
		if known && who.Source != source && (who.Source != "" || !adopt) {
			continue
		}
		who.Name, who.Source = nameOf(account), source
		after[account] = who
	}
	return after, disables
}

func nameOf(account string) string { return "The " + account }

// populate makes people of a tenant.
func (b *bundle) populate(t *testing.T, p people) {
	t.Helper()
	var list []muster.Row
	for account, who := range p {
		r := muster.Row{
			Action: muster.ActionCreate, Match: muster.KeyAccount, Set: muster.FieldAccount | muster.FieldFirstName | muster.FieldLevel,
			Account: account, FirstName: who.Name, Level: who.Level, Source: who.Source,
		}
		list = append(list, r)
		if who.Disabled {
			list = append(list, muster.Row{Action: muster.ActionDisable, Match: muster.KeyAccount, Account: account, Set: muster.FieldAccount})
		}
	}
	if batch, outcomes := b.submitAll(t, b.native(list...)); batch.Succeeded != len(list) {
		t.Fatalf("the people were not made: %+v", outcomes)
	}
}

// people reads the tenant's directory, but for the administrator who came with it.
func (b *bundle) people(t *testing.T) people {
	t.Helper()
	p := people{}
	for _, id := range b.query(t, "SELECT id FROM users WHERE tenant = ? AND account_key IS NOT NULL", int64(b.tenant.ID)) {
		user, err := muster.ParseID(id)
		if err != nil {
			t.Fatal(err)
		}
		u, err := b.store.User(t.Context(), b.tenant.ID, user)
		if err != nil {
			t.Fatal(err)
		}
		p[u.Account] = person{u.FirstName, u.Source, u.Level, u.Disabled}
	}
	return p
}

func fileOf(accounts []string) (list []muster.Row) {
	for _, account := range accounts {
		list = append(list, muster.Row{
			Action: muster.ActionCreate, Match: muster.KeyAccount, Set: muster.FieldAccount | muster.FieldFirstName,
			Account: strings.ToUpper(account[:1]) + account[1:], FirstName: nameOf(account),
		})
	}
	return list
}

func (b *bundle) reconciliation(accounts []string, r provision.Reconciliation) provision.Submission {
	s := b.native(fileOf(accounts)...)
	s.Source = &r
	return s
}

// Reconciliations come to what a model says, whatever the people and the file: nobody of another source is touched, no
// administrator is disabled, and the dry run that they begin with changes nothing.
func TestReconciliationsEqualAModel(t *testing.T) {
	t.Parallel()
	b := setup(t, over(chunkByChunk))
	b.start(t)
	for seed := range uint64(4) {
		draw := rand.New(rand.NewPCG(seed, 0))
		of := *b
		of.tenant = b.createTenant(t, fmt.Sprint("tenant ", seed), muster.TenantSettings{})
		before := people{}
		var file []string
		for i := range 24 {
			account := fmt.Sprint("person", i)
			if draw.IntN(4) > 0 {
				file = append(file, account)
			}
			if draw.IntN(5) > 0 {
				level := []muster.AdminLevel{muster.LevelCommon, muster.LevelCommon, muster.LevelSystemAdmin, muster.LevelManager}[draw.IntN(4)]
				before[account] = person{"Once " + account, []string{"hr", "hr", "crm", ""}[draw.IntN(4)], level, draw.IntN(5) == 0}
			}
		}
		draw.Shuffle(len(file), func(i, j int) { file[i], file[j] = file[j], file[i] })
		adopt := draw.IntN(2) == 0
		of.populate(t, before)
		after, disables := before.reconciled(file, "hr", adopt)

		s := of.reconciliation(file, provision.Reconciliation{Name: "hr", Adopt: adopt, MaxDisables: 100})
		dryRun, predicted := of.finishedOf(t, s.Contract, of.upload(t, 5, s))
		if dryRun.Mode != muster.ModeDryRun || dryRun.Source != "hr" || dryRun.Total != len(file)+disables || dryRun.Withheld != 0 {
			t.Errorf("seed %d: the dry run is %+v, want %d rows and %d disables", seed, dryRun, len(file), disables)
		}
		if diff := cmp.Diff(lowered(before), lowered(of.people(t))); diff != "" {
			t.Errorf("seed %d: the dry run changed people (-before +after):\n%s", seed, diff)
		}
		for _, o := range predicted[len(file):] {
			if o.Result != muster.Succeeded || o.Subject != o.User.String() {
				t.Errorf("seed %d: a disable has the outcome %+v", seed, o)
			}
		}
		if batch, _ := of.commit(t, dryRun.ID, false); batch.Mode != muster.ModeRun || batch.Source != "hr" {
			t.Errorf("seed %d: the commit is %+v", seed, batch)
		}
		if diff := cmp.Diff(lowered(after), lowered(of.people(t))); diff != "" {
			t.Errorf("seed %d: people (-model +directory):\n%s", seed, diff)
		}
	}
}

// lowered has accounts in lower case, in which they are compared.
func lowered(p people) people {
	l := people{}
	for account, who := range p {
		l[strings.ToLower(account)] = who
	}
	return l
}

// staff is n common users of a source, and their accounts.
func staff(n int) (p people, accounts []string) {
	p = people{}
	for i := range n {
		account := fmt.Sprint("person", i)
		p[account] = person{nameOf(account), "hr", muster.LevelCommon, false}
		accounts = append(accounts, account)
	}
	return p, accounts
}

// At most so many percent of a source's users are disabled, and nobody who administers something; a batch that would disable more is
// refused and leaves nothing.
func TestAReconciliationDisablesFew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	all, accounts := staff(20)
	b.populate(t, all)
	for _, c := range []struct {
		named, percent int
		ok             bool
	}{{18, 0, true}, {17, 0, false}, {19, 5, true}, {18, 5, false}, {10, 50, true}, {9, 50, false}, {1, 100, true}} {
		before := len(b.query(t, "SELECT id FROM batches WHERE tenant = ? AND accepted_at IS NOT NULL", int64(b.tenant.ID)))
		s := b.reconciliation(accounts[:c.named], provision.Reconciliation{Name: "hr", MaxDisables: c.percent})
		receipt, err := b.engine.Submit(t.Context(), s)
		if c.ok != (err == nil) || !c.ok && muster.KindOf(err) != muster.KindConflict {
			t.Errorf("naming %d of 20, at most %d%%: %+v, %v", c.named, c.percent, receipt, err)
		}
		if c.ok {
			if dryRun, _ := b.finishedOf(t, s.Contract, receipt.Batch); dryRun.Succeeded != 20 {
				t.Errorf("naming %d of 20, at most %d%%: %+v", c.named, c.percent, dryRun)
			}
		} else if list, err := b.store.Batches(t.Context(), b.tenant.ID, provision.BatchQuery{Limit: 100}); err != nil || len(list) > before {
			t.Errorf("what was refused left a batch: %d, before %d, %v", len(list), before, err)
		}
	}
	if got := b.queued(t); got != nothingQueued {
		t.Errorf("at the end %s rows and bytes are queued", got)
	}
	b.testANewAdministrator(t, accounts)
}

// While one row cannot be read, nobody knows whom it names, so nobody is disabled; the batch says how many it would have.
func TestAReconciliationWithholdsDisables(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*muster.Row){
		"not decoded": func(r *muster.Row) {
			r.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: "account", Detail: "Text is accepted."}
		},
		"no account":   func(r *muster.Row) { r.Account, r.Set = "", r.Set&^muster.FieldAccount },
		"a bad e-mail": func(r *muster.Row) { r.Email, r.Set = "nobody at all", r.Set|muster.FieldEmail },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.start(t)
			all, accounts := staff(20)
			b.populate(t, all)
			s := b.reconciliation(accounts[:5], provision.Reconciliation{Name: "hr"})
			spoil(&s.Rows[4])
			dryRun, _ := b.submitAll(t, s)
			if dryRun.Total != 5 || dryRun.Failed != 1 || dryRun.Withheld != 16 {
				t.Errorf("the dry run is %+v, want 16 disables withheld", dryRun)
			}
			batch, _ := b.commit(t, dryRun.ID, false)
			if diff := cmp.Diff(lowered(all), lowered(b.people(t))); diff != "" || batch.Withheld != 16 {
				t.Errorf("the commit is %+v, and changed people (-before +after):\n%s", batch, diff)
			}
		})
	}
}

// Who was given something to administer after the dry run is not disabled either, even if the commit is forced.
func (b *bundle) testANewAdministrator(t *testing.T, accounts []string) {
	dryRun, predicted := b.submitAll(t, b.reconciliation(accounts[:18], provision.Reconciliation{Name: "hr"}))
	promoted := predicted[19].User
	b.submitAll(t, b.native(muster.Row{
		Action: muster.ActionUpdate, Match: muster.KeyID, ID: promoted, Set: muster.FieldLevel, Level: muster.LevelManager,
	}))
	if batch, _ := b.commit(t, dryRun.ID, false); batch.Mode != muster.ModeRefused || batch.Differing != 1 {
		t.Errorf("the commit is %+v, want it refused", batch)
	}
	_, outcomes := b.commit(t, dryRun.ID, true)
	if o := outcomes[19]; o.Reason != muster.ReasonForbidden || outcomes[18].Result != muster.Succeeded {
		t.Errorf("disabling him has the outcome %+v", o)
	}
	if u, err := b.store.User(t.Context(), b.tenant.ID, promoted); err != nil || u.Disabled || u.Level != muster.LevelManager {
		t.Errorf("he is %+v, %v", u, err)
	}
}

func TestReconciliationsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	all, accounts := staff(3)
	b.populate(t, all)
	for name, spoil := range map[string]func(*provision.Submission){
		"an empty file":         func(s *provision.Submission) { s.Rows = nil },
		"a source without name": func(s *provision.Submission) { s.Source.Name = "" },
		"a source's long name":  func(s *provision.Submission) { s.Source.Name = strings.Repeat("x", provision.MaxSource+1) },
		"a percentage above":    func(s *provision.Submission) { s.Source.MaxDisables = 101 },
		"a percentage below":    func(s *provision.Submission) { s.Source.MaxDisables = -1 },
		"another contract":      func(s *provision.Submission) { s.Contract = muster.ContractKooDrive },
		"a row that deletes":    func(s *provision.Submission) { s.Rows[1].Action = muster.ActionDelete },
		"a batch's long name":   func(s *provision.Submission) { s.Name = strings.Repeat("x", provision.MaxName+1) },
	} {
		s := b.reconciliation(accounts, provision.Reconciliation{Name: "hr"})
		spoil(&s)
		if receipt, err := b.engine.Submit(t.Context(), s); muster.KindOf(err) != muster.KindInvalid {
			t.Errorf("%s: %+v, %v; want KindInvalid", name, receipt, err)
		}
	}
	if diff := cmp.Diff(lowered(all), lowered(b.people(t))); diff != "" {
		t.Errorf("people (-before +after):\n%s", diff)
	}
}
