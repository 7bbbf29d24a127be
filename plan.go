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
		subject, f := p.decide(&entries[i])
		outcomes[i] = outcomeOf(&entries[i], subject, f)
		if f == nil && p.unhashed {
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
	unhashed bool // the entry just decided writes a password whose hash is missing
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

// decide does one entry and gives the user concerned, and why nothing was done, if so.
func (p *planner) decide(e *Entry) (ID, *Fault) {
	p.unhashed = false
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
	u := User{ID: e.NewID, Level: LevelCommon}
	assign(&u, e)
	if f := p.resolve(e, &u); f != nil {
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
	if f := p.allocate(0, u.CapacityGB); f != nil {
		return 0, f
	}
	d := &draft{now: u}
	p.drafts = append(p.drafts, d)
	p.byID[u.ID] = d
	p.hold(d)
	p.usage.Users++
	p.countAdmin(&u, +1)
	p.unhashed = e.unhashed()
	return u.ID, nil
}

var (
	faultLevel  = fault(ReasonForbidden, "adminLevel", "An administrator cannot grant a level above his own.")
	faultTarget = fault(ReasonForbidden, "", "An administrator cannot change a user whose level is above his own.")
	faultScope  = fault(ReasonForbidden, "department", "A department administrator cannot act outside of his department and those below it.")
	faultLast   = fault(ReasonLastAdmin, "", "The tenant's last enabled system administrator cannot be disabled, demoted or deleted.")
)

func (p *planner) update(e *Entry, d *draft) *Fault {
	if f := p.reach(e, d); f != nil {
		return f
	}
	next := d.now
	assign(&next, e)
	if next.Level.Above(e.Actor) {
		return faultLevel
	}
	if f := p.resolve(e, &next); f != nil {
		return f
	}
	if f := p.conflict(&next, d); f != nil {
		return f
	}
	if p.isLastAdmin(&d.now) && next.Level != LevelSystemAdmin {
		return faultLast
	}
	if f := p.allocate(d.now.CapacityGB, next.CapacityGB); f != nil {
		return f
	}
	p.replace(d, next)
	p.unhashed = e.unhashed()
	return nil
}

func (p *planner) setDisabled(e *Entry, d *draft, disabled bool) *Fault {
	if f := p.reach(e, d); f != nil {
		return f
	}
	if disabled && p.isLastAdmin(&d.now) {
		return faultLast
	}
	next := d.now
	next.Disabled = disabled
	p.replace(d, next)
	return nil
}

func (p *planner) remove(e *Entry, d *draft) *Fault {
	if f := p.reach(e, d); f != nil {
		return f
	}
	if p.isLastAdmin(&d.now) {
		return faultLast
	}
	p.countAdmin(&d.now, -1)
	p.release(d)
	p.usage.Users--
	p.usage.CapacityGB -= d.now.CapacityGB
	d.gone = true
	return nil
}

func (p *planner) replace(d *draft, next User) {
	if d.now.endsTokens(&next) {
		next.EndTokens()
	}
	p.countAdmin(&d.now, -1)
	p.release(d)
	d.now = next
	p.hold(d)
	p.countAdmin(&d.now, +1)
}

// reach refuses to touch a user whom the actor does not administer.
func (p *planner) reach(e *Entry, d *draft) *Fault {
	if d.now.Level.Above(e.Actor) {
		return faultTarget
	}
	return p.within(e, d.now.Department)
}

// within refuses a department that the actor does not administer.
func (p *planner) within(e *Entry, department ID) *Fault {
	if e.Scope == 0 {
		return nil
	}
	if d := p.tree.byID[department]; d == nil || !d.Within(e.Scope) {
		return faultScope
	}
	return nil
}

// resolve gives u the department that the entry names, and refuses departments and roles that the tenant does not have.
func (p *planner) resolve(e *Entry, u *User) *Fault {
	if e.Set.Has(FieldDepartment) && e.Department.Base != 0 {
		d, f := p.tree.resolve(e.Department)
		if f != nil {
			return f
		}
		u.Department = d.ID
	}
	if f := p.within(e, u.Department); f != nil {
		return f
	}
	if !e.Set.Has(FieldRoles) {
		return nil
	}
	for _, r := range e.User.Roles {
		if !p.roles[r] {
			return fault(ReasonRoleNotFound, "roleIds", r.String())
		}
	}
	return nil
}

// conflict refuses a key that another user holds.
func (p *planner) conflict(u *User, self *draft) *Fault {
	for _, k := range [...]Key{KeyAccount, KeyPhone, KeyEmail} {
		v := u.key(k)
		if v == "" || (k == KeyEmail && !p.settings.UniqueEmail) {
			continue
		}
		if holder := p.byKey[k][v]; holder != nil && holder != self {
			return fault(ReasonConflict, k.String(), "The "+k.String()+" is held by another user.")
		}
	}
	return nil
}

// allocate takes the difference of two capacities, in GB, from the tenant's personal space.
func (p *planner) allocate(before, after int64) *Fault {
	grown := after - before
	if grown > 0 && p.usage.CapacityGB+grown > p.settings.PersonalSpaceGB {
		return fault(ReasonNoCapacity, "personalCapacity", "The tenant's personal space has less left than the capacity asked for.")
	}
	p.usage.CapacityGB += grown
	return nil
}

func (p *planner) isLastAdmin(u *User) bool {
	return u.Level == LevelSystemAdmin && !u.Disabled && p.usage.SystemAdmins == 1
}

func (p *planner) countAdmin(u *User, by int64) {
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
