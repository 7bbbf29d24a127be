package muster

// Snapshot is what a directory holds about the rows to be planned, all of one moment.
type Snapshot struct {
	Settings *TenantSettings
	Usage    Usage
	Users    []User // every holder of the entries' [KeysOf], each once, in any order
	Roles    []ID   // those of the entries' roles that the tenant has, in any order
	// Departments are, each once and in any order: the bases of the entries' [DepartmentRef]s, the departments that stand at
	// their candidates, and for a single name with nothing at its candidates two of those of that name below the base, or as
	// many as there are; with Keys.Homes the departments of Users, too.
	Departments []Department
}

// Planned is what becomes of each entry, and what is to be written for it.
type Planned struct {
	Outcomes []Outcome // one for each entry, in order; Row, ID and Subject are the caller's to fill
	Insert   []User    // users to add, in their final state
	Update   []User    // users to overwrite, in their final state
	Release  []ID      // those of Update whose keys change: release all of these keys before writing any
	Delete   []ID      // users to remove, before anything else
	Password []ID      // those of Update whose password changes: their activation links end
	Usage    Usage     // what the tenant will have taken
	// NeedHash lists the entries that bring a password which would be written but whose hash is not there yet. The plan
	// must not be written before each has one.
	NeedHash []int
}

// Plan decides the entries in order, each against the snapshot as the entries before it left it. It is a pure function:
// a dry run, a pre-verification and the real thing are the same Plan, and the final state is the same however the
// entries are cut into consecutive plans.
func Plan(entries []Entry, snapshot Snapshot) Planned {
	p := newPlanner(&snapshot, len(entries))
	outcomes := make([]Outcome, len(entries))
	for i := range entries {
		outcomes[i] = p.decide(&entries[i])
		if outcomes[i].Result == Succeeded && p.step.unhashed {
			p.needHash = append(p.needHash, i)
		}
	}
	return p.planned(outcomes)
}

func outcomeOf(e *Entry, user ID, f *Fault) Outcome {
	switch {
	case f == nil:
		return Outcome{Result: Succeeded, User: user}
	case f.Reason == ReasonExists && e.OnExisting == SkipExisting:
		return Outcome{Result: Skipped, Reason: f.Reason, Detail: f.Detail, User: user}
	default:
		return Outcome{Result: Failed, Reason: f.Reason, Field: f.Field, Detail: f.Detail, User: user}
	}
}

// draft is a user as the plan has left him so far.
type draft struct {
	stored *User // nil if the plan made him
	now    User
	gone   bool
}

type planner struct {
	settings *TenantSettings
	usage    Usage
	roles    map[ID]bool
	tree     *tree
	drafts   []*draft // in order of first appearance, so that a plan is deterministic
	byID     map[ID]*draft
	byKey    map[Key]map[string]*draft // holders of keys now
	needHash []int
	step     step // what the entry just decided comes to
}

// step is what is to be done for an entry.
type step struct {
	target   *draft // nil: he is to be made
	next     User   // what he becomes; of one who is removed nothing
	remove   bool
	effect   Effect
	unhashed bool // a password is written whose hash is missing
}

func newPlanner(s *Snapshot, entries int) *planner {
	p := &planner{
		settings: s.Settings,
		usage:    s.Usage,
		roles:    make(map[ID]bool, len(s.Roles)),
		tree:     newTree(s.Departments),
		byID:     make(map[ID]*draft, len(s.Users)),
		byKey: map[Key]map[string]*draft{
			KeyAccount: make(map[string]*draft, len(s.Users)),
			KeyPhone:   make(map[string]*draft, max(entries, len(s.Users))),
			KeyEmail:   make(map[string]*draft, len(s.Users)),
		},
	}
	for _, r := range s.Roles {
		p.roles[r] = true
	}
	for i := range s.Users {
		d := &draft{stored: &s.Users[i], now: s.Users[i]}
		p.drafts = append(p.drafts, d)
		p.byID[d.now.ID] = d
		p.hold(d)
	}
	return p
}

// decide does one entry, unless it must not be done or another outcome is expected of it.
func (p *planner) decide(e *Entry) Outcome {
	p.step = step{}
	user, f := p.weigh(e)
	o := outcomeOf(e, user, f)
	if e.Expect != nil {
		o = e.Expect.Judge(o)
	}
	if o.Result == Succeeded {
		o.Effect = p.step.effect
		p.take(&p.step)
	}
	return o
}

// weigh says what an entry comes to: the user concerned, and the step to take or why there is none. It changes nothing
// else.
func (p *planner) weigh(e *Entry) (ID, *Fault) {
	if e.Fault != nil {
		return 0, e.Fault
	}
	target := p.find(e)
	if e.Action != ActionCreate && target == nil {
		return 0, fault(ReasonNotFound, "", "The user does not exist.")
	}
	switch e.Action {
	case ActionCreate:
		if target == nil {
			return p.create(e)
		}
		return p.exists(e, target)
	case ActionUpdate:
		return target.now.ID, p.update(e, target)
	case ActionDisable, ActionEnable:
		return target.now.ID, p.setDisabled(e, target, e.Action == ActionDisable)
	case ActionDelete:
		return target.now.ID, p.remove(e, target)
	default:
		return 0, fault(ReasonInvalid, "action", "The action is not one of those known.")
	}
}

// find gives the user whom the entry's match key names. E-mail names somebody only if exactly one user has it, which
// holds where e-mail is a key; elsewhere matching by it is refused before planning.
func (p *planner) find(e *Entry) *draft {
	var d *draft
	if e.Match == KeyID {
		d = p.byID[e.User.ID]
	} else if k := e.User.key(e.Match); k != "" {
		d = p.byKey[e.Match][k]
	}
	if d == nil || d.gone {
		return nil
	}
	return d
}

func (p *planner) exists(e *Entry, target *draft) (ID, *Fault) {
	if e.OnExisting == UpdateExisting {
		return target.now.ID, p.update(e, target)
	}
	return target.now.ID, fault(ReasonExists, "", "The user already exists.")
}

func (p *planner) create(e *Entry) (ID, *Fault) {
	if e.NoCreate != nil {
		return 0, e.NoCreate
	}
	u := User{ID: e.NewID, Level: LevelCommon, Source: e.Source}
	assign(&u, e, e.Set)
	if f := p.resolve(e, e.Set, &u); f != nil {
		return 0, f
	}
	if f := p.conflict(&u, nil); f != nil {
		return 0, f
	}
	if u.Level.Above(e.Actor) {
		return 0, faultLevel
	}
	if limit := p.settings.UserLimit; limit > 0 && p.usage.Users >= limit {
		return 0, fault(ReasonNoSeat, "", "The tenant's user limit is reached: delete a user or raise the limit.")
	}
	if f := p.afford(0, u.CapacityGB); f != nil {
		return 0, f
	}
	p.step = step{next: u, effect: EffectCreated, unhashed: e.unhashed(e.Set)}
	return u.ID, nil
}

func (p *planner) update(e *Entry, d *draft) *Fault {
	if f := p.reach(e, d); f != nil {
		return f
	}
	set := e.updates()
	next := d.now
	if e.Source != "" {
		next.Source = e.Source
	}
	assign(&next, e, set)
	if f := p.bare(&d.now, &next); f != nil {
		return f
	}
	if next.Level.Above(e.Actor) {
		return faultLevel
	}
	if f := p.resolve(e, set, &next); f != nil {
		return f
	}
	if f := p.conflict(&next, d); f != nil {
		return f
	}
	if p.isLastAdmin(&d.now) && (next.Level != LevelSystemAdmin || next.Disabled) {
		return faultLast
	}
	if f := p.afford(d.now.CapacityGB, next.CapacityGB); f != nil {
		return f
	}
	p.step = step{target: d, next: next, effect: EffectChanged, unhashed: e.unhashed(set)}
	if !set.Has(FieldPassword) && same(&d.now, &next) {
		p.step.effect = EffectUnchanged
	}
	return nil
}

func (p *planner) setDisabled(e *Entry, d *draft, disabled bool) *Fault {
	if f := p.reach(e, d); f != nil {
		return f
	}
	if disabled && e.Source != "" && d.now.Level != LevelCommon {
		return faultAbsent
	}
	if disabled && p.isLastAdmin(&d.now) {
		return faultLast
	}
	p.step = step{target: d, next: d.now, effect: EffectEnabled}
	switch p.step.next.Disabled = disabled; {
	case disabled == d.now.Disabled:
		p.step.effect = EffectUnchanged
	case disabled:
		p.step.effect = EffectDisabled
	}
	return nil
}

func (p *planner) remove(e *Entry, d *draft) *Fault {
	if f := p.reach(e, d); f != nil {
		return f
	}
	if p.isLastAdmin(&d.now) {
		return faultLast
	}
	p.step = step{target: d, remove: true, effect: EffectDeleted}
	return nil
}

// take does a step.
func (p *planner) take(s *step) {
	d := s.target
	switch {
	case d == nil:
		d = &draft{}
		p.drafts = append(p.drafts, d)
		p.byID[s.next.ID] = d
		p.usage.Users++
	case s.remove:
		p.count(&d.now, -1)
		p.release(d)
		p.usage.Users--
		d.gone = true
		return
	default:
		if d.now.endsTokens(&s.next) {
			s.next.EndTokens()
		}
		p.count(&d.now, -1)
		p.release(d)
	}
	d.now = s.next
	p.hold(d)
	p.count(&d.now, +1)
}

// count adds what a user takes, besides his seat, to the tenant's usage, or takes it off.
func (p *planner) count(u *User, by int64) {
	p.usage.CapacityGB += by * u.CapacityGB
	if u.Level == LevelSystemAdmin && !u.Disabled {
		p.usage.SystemAdmins += by
	}
}

func (p *planner) hold(d *draft) {
	for _, k := range [...]Key{KeyAccount, KeyPhone, KeyEmail} {
		if v := d.now.key(k); v != "" {
			p.byKey[k][v] = d
		}
	}
}

func (p *planner) release(d *draft) {
	for _, k := range [...]Key{KeyAccount, KeyPhone, KeyEmail} {
		if v := d.now.key(k); v != "" && p.byKey[k][v] == d {
			delete(p.byKey[k], v)
		}
	}
}

// planned folds the drafts into what is to be written.
func (p *planner) planned(outcomes []Outcome) Planned {
	result := Planned{Outcomes: outcomes, Usage: p.usage, NeedHash: p.needHash}
	for _, d := range p.drafts {
		switch {
		case d.stored == nil && !d.gone:
			result.Insert = append(result.Insert, d.now)
		case d.stored == nil:
		case d.gone:
			result.Delete = append(result.Delete, d.stored.ID)
		case !same(d.stored, &d.now):
			result.Update = append(result.Update, d.now)
			if d.stored.AccountKey != d.now.AccountKey || d.stored.PhoneKey != d.now.PhoneKey || d.stored.EmailKey != d.now.EmailKey {
				result.Release = append(result.Release, d.now.ID)
			}
			if d.stored.PasswordHash != d.now.PasswordHash {
				result.Password = append(result.Password, d.now.ID)
			}
		}
	}
	return result
}
