package federation

import (
	"errors"

	"muster"
)

// Verdict is what the contract says about one user: with Code "" nothing.
type Verdict struct{ Code, Message string }

// ReadUser reads one element of a federationUserList as createTask does, for a tenant of the profile. With a verdict, which
// is the resultCode and resultMessage of the call, there is no row. An error refuses the text as malformed.
func ReadUser(text []byte, profile *muster.FederationProfile) (*muster.Row, Verdict, error) {
	list := append([]byte(`{"federationUserList":[`), text...)
	users, listed, err := decodeUsers(append(list, "]}"...))
	if err != nil {
		return nil, Verdict{}, err
	}
	limits := limitsOf(profile)
	rows, err := checkUsers(users, listed, &limits)
	var no *rejection
	if errors.As(err, &no) {
		return nil, Verdict{Code: no.code, Message: no.message}, nil
	}
	if err != nil {
		return nil, Verdict{}, err
	}
	return &rows[0], Verdict{}, nil
}

// VerdictOf is the failCode and failMessage with which queryTask lists a row; none of one that succeeded.
func VerdictOf(o *muster.Outcome) Verdict {
	if o.Result == muster.Succeeded {
		return Verdict{}
	}
	code, message := failOf(o)
	return Verdict{Code: code, Message: message}
}
