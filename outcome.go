package muster

// Result is how a row ended. Every row of an accepted batch gets exactly one.
type Result uint8

const (
	Succeeded Result = iota + 1
	Failed
	Skipped   // nothing was to be done, since the user exists
	Cancelled // nothing was done, since the batch was cancelled or refused before
)

var resultNames = [...]string{"", "succeeded", "failed", "skipped", "cancelled"}

func (r Result) String() string { return resultNames[r] }

// Reason is why a row failed or was skipped, in terms that every contract maps to its own codes. The numbers are stored.
type Reason uint8

const (
	ReasonNone       Reason = 0
	ReasonExists     Reason = 1 // the user exists
	ReasonNotFound   Reason = 2 // the user does not exist
	ReasonInvalid    Reason = 3 // a field breaks a rule
	ReasonConflict   Reason = 4 // a key is held by another user, who is never named
	ReasonNoSeat     Reason = 5 // the tenant's user limit is reached
	ReasonNoCapacity Reason = 6 // the tenant's personal space is used up
	ReasonForbidden  Reason = 7 // the caller may not do this to this user
	ReasonLastAdmin  Reason = 8 // it would leave the tenant without an enabled system administrator
	ReasonInternal   Reason = 9 // a fault that the row itself causes in us
	ReasonCancelled  Reason = 10

	// Reasons of federated rows (federation contract, section 3).
	ReasonRoleNotFound      Reason = 11 // a role id that the tenant does not have; Detail is the id
	ReasonAccountLength     Reason = 12 // the account breaks the tenant's account rule
	ReasonAccountCharacters Reason = 13 // likewise; Detail is the characters that are not accepted
	ReasonNotAdmitted       Reason = 14 // the mapping rule's condition does not hold
	ReasonMapping           Reason = 15 // the mapping rule's result is not a valid user
	ReasonNoMapping         Reason = 16 // the tenant has no mapping rule
	ReasonNoSystem          Reason = 17 // the tenant has no identity system
	ReasonSourceUnreadable  Reason = 18 // the identity system could not be read
	ReasonSourceEmpty       Reason = 19 // it answered with nothing
	ReasonSourceRoles       Reason = 20 // it failed to look up roles
	ReasonSourceNoID        Reason = 21 // it gave no user id

	ReasonNoDepartment        Reason = 22 // a department that the tenant does not have; Detail is how the row named it
	ReasonAmbiguousDepartment Reason = 23 // a name that several departments have; Detail is the name

	ReasonChanged        Reason = 24 // the outcome would not be the one that the dry run predicted
	ReasonPasswordNeeded Reason = 25 // a retry of a row whose password was erased before it was hashed
	ReasonOtherSource    Reason = 26 // the user is not of the source that is reconciled
)

var reasonNames = [...]string{
	"", "exists", "not-found", "invalid", "conflict", "no-seat", "no-capacity", "forbidden", "last-administrator", "internal", "cancelled",
	"role-not-found", "account-length", "account-characters", "not-admitted", "mapping", "no-mapping", "no-system",
	"source-unreadable", "source-empty", "source-roles", "source-no-id", "department-not-found", "department-ambiguous",
	"changed-since-dry-run", "password-needed", "other-source",
}

func (r Reason) String() string { return reasonNames[r] }

// Effect is what a row that succeeded did to its user or, in a dry run, would do. The numbers are stored.
type Effect uint8

const (
	EffectNone      Effect = iota // of a row that did not succeed, and of outcomes from before effects were kept
	EffectCreated                 // the user was made
	EffectChanged                 // fields of his were changed, or his password was set
	EffectUnchanged               // he was as the row wants him
	EffectEnabled
	EffectDisabled
	EffectDeleted
)

var effectNames = [...]string{"", "created", "changed", "unchanged", "enabled", "disabled", "deleted"}

func (e Effect) String() string { return effectNames[e] }

// Code is the number that stores keep, and count by, beside a result: its effect of a success, else the reason.
func (r Result) Code(reason Reason, effect Effect) uint8 {
	if r == Succeeded {
		return uint8(effect)
	}
	return uint8(reason)
}

// Decode reads what [Result.Code] gave.
func (r Result) Decode(code uint8) (Reason, Effect) {
	if r == Succeeded {
		return ReasonNone, Effect(code)
	}
	return Reason(code), EffectNone
}

// Outcome is the one answer to a row.
type Outcome struct {
	Row     int // position in the batch, from 0
	ID      ID  // the row's own id
	Result  Result
	Reason  Reason // ReasonNone where the row succeeded
	Effect  Effect // EffectNone where it did not
	Field   string // the field at fault, in the caller's contract's name
	Detail  string // a sentence for a person; "" where the row succeeded
	User    ID     // the user made, changed or found; 0 if none
	Subject string // what the caller named the user by, as sent
}

func fault(reason Reason, field, detail string) *Fault {
	return &Fault{Reason: reason, Field: field, Detail: detail}
}
