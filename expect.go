package muster

// Expectation is what a dry run predicted of a row.
type Expectation struct {
	Result Result
	Reason Reason
	User   ID // who is made, changed or found; 0 if none
}

// Expected is the expectation that an outcome comes to be when its batch is committed.
func (o *Outcome) Expected() Expectation {
	return Expectation{Result: o.Result, Reason: o.Reason, User: o.User}
}

// Judge gives the outcome if it is the one predicted. Any other becomes a failure with ReasonChanged, which concerns nobody and
// says in words what was predicted and what it would be now; its Field is the one that would be at fault now.
func (x Expectation) Judge(o Outcome) Outcome {
	now := o.Expected()
	if now == x {
		return o
	}
	detail := "The dry run predicted that the row would " + x.words() + "; now it would " + now.words()
	if x.Result == now.Result && x.Reason == now.Reason {
		detail += ", but for another user."
	} else {
		detail += "."
	}
	o.Result, o.Reason, o.Detail, o.User = Failed, ReasonChanged, detail, 0
	return o
}

func (x Expectation) words() string {
	switch x.Result {
	case Succeeded:
		return "succeed"
	case Skipped:
		return "be skipped (" + x.Reason.String() + ")"
	case Cancelled:
		return "be cancelled"
	case Failed:
		return "fail (" + x.Reason.String() + ")"
	default:
		return "have no outcome"
	}
}
